/** A disk that is full, or that fails to sync: nothing is promised meanwhile, nothing promised before is lost. */
import fs from 'node:fs';
import { describe, expect, test } from 'vitest';
import { ClaimsBook, type Sale } from '../support/book.ts';
import { checkAll, checkPromises } from '../support/check.ts';
import { Connection } from '../support/connection.ts';
import { Crowd, claim } from '../support/crowd.ts';
import { Faults } from '../support/faults.ts';
import { seeded } from '../support/random.ts';
import { newTemplate } from '../support/sales.ts';
import { type Server, startServer } from '../support/server.ts';
import { until } from '../support/wait.ts';

const FAULTS = ['write ENOSPC', 'sync EIO'];
/** More than the crowd buys before the fault and after it. */
const STOCK = process.env.LONG ? 3000 : 1050;
const USERS = STOCK / 1.5;
let freshUser = 7_000_000_000;

/** A claim that needs the disk. */
async function tryToClaim(server: Server, book: ClaimsBook, sale: Sale) {
  const connection = await Connection.open(server.port);
  try {
    return await claim(connection, book, { sale, userId: String(freshUser++), key: null });
  } finally {
    connection.close();
  }
}

describe.each(FAULTS)('%s', (fault) => {
  const modes = [
    { name: 'one owner', env: { OWNER_THREADS: '1' }, partitions: 1 },
    { name: 'four owners, eight partitions', env: { OWNER_THREADS: '4' }, partitions: 8 },
  ];

  test.each(modes)('under load, then gone: $name', async ({ env, partitions }) => {
    const random = seeded(`disk faults, ${fault}`);
    const faults = new Faults();
    const server = await startServer({ dataDir: faults.dataDir, env: { ...env, FAULTS: faults.file } });
    try {
      const book = new ClaimsBook();
      const sale = await newTemplate(server, { stock: STOCK, perUserLimit: 2, partitions });
      const crowd = new Crowd({ port: server.port, book, random, sales: [sale], users: USERS });
      await until(() => book.count('claimed') > 200, 'the crowd buys');
      faults.set(fault);
      await until(() => book.count('unavailable') > 100, 'claims are told unavailable');

      const during = await tryToClaim(server, book, sale);
      expect(during).toMatchObject({ status: 503, json: { code: 'unavailable' } });
      expect(Number(during.headers['retry-after'])).toBeGreaterThanOrEqual(1);
      // What was promised stays readable while nothing can be promised.
      const [couponId, { userId, code }] = book.coupons.entries().next().value!;
      const kept = await server.must(200, 'GET', `/v1/coupons/${couponId}`);
      expect(kept).toMatchObject({ userId, couponCode: code });
      expect((await server.internal('/healthz')).status).toBe(200);

      faults.set();
      await until(
        async () => (await tryToClaim(server, book, sale)).status === 201,
        'service resumes by itself',
        30_000,
      );
      await crowd.stop();
      expect(crowd.unanswered).toBe(0);
      await until(async () => (await server.internal('/readyz')).status === 200, 'all owners are back');
      await checkAll(server, book, [sale]);
    } finally {
      await server.destroy();
    }
  });

  test('killed while it stands: nothing promised as long as it does, nothing lost when it is gone', async () => {
    const random = seeded(`disk faults and kill, ${fault}`);
    const faults = new Faults();
    const options = { dataDir: faults.dataDir, env: { FAULTS: faults.file } };
    let server = await startServer(options);
    try {
      const book = new ClaimsBook();
      const sale = await newTemplate(server, { stock: STOCK });
      const crowd = new Crowd({ port: server.port, book, random, sales: [sale], users: USERS });
      await until(() => book.count('claimed') > 200, 'the crowd buys');
      faults.set(fault);
      await until(() => book.count('unavailable') > 50, 'claims are told unavailable');
      await server.kill();
      await crowd.ended();

      // Where something is in doubt it cannot be sealed, so there is no start; else it starts and promises nothing.
      const during = await startServer(options).catch((error: Error) => error);
      if (during instanceof Error) expect(during.message).toContain(fault.split(' ')[1]);
      else {
        server = during;
        expect((await tryToClaim(server, book, sale)).status).toBe(503);
        await server.kill();
      }

      faults.set();
      server = await startServer(options);
      await checkPromises(server, book, [sale]);
      await checkAll(server, book, [sale]);
    } finally {
      await server.destroy();
      fs.rmSync(faults.dataDir, { recursive: true, force: true });
    }
  });
});
