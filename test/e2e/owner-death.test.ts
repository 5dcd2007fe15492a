/** An owner thread killed in the middle of a drain: everybody gets an answer, and the others do not notice. */
import { expect, test } from 'vitest';
import { ownerOf } from '../../src/actors/placement.ts';
import { ClaimsBook } from '../support/book.ts';
import { checkAll, checkPromises, checkRecords } from '../support/check.ts';
import { Crowd } from '../support/crowd.ts';
import { Faults } from '../support/faults.ts';
import { seeded } from '../support/random.ts';
import { newTemplate } from '../support/sales.ts';
import { startServer } from '../support/server.ts';
import { until } from '../support/wait.ts';

const LONG = process.env.LONG !== undefined;
const RESTARTS = 'doorbuster_owner_restarts_total';
const ROUNDS = LONG ? 3 : 2;

test('a killed owner comes back by itself; its requests are answered, other owners do not notice', async () => {
  const random = seeded('owner death');
  const faults = new Faults();
  const server = await startServer({
    dataDir: faults.dataDir,
    env: { FAULTS: faults.file, OWNER_THREADS: '2' },
  });
  try {
    const first = await newTemplate(server, { stock: 12_000 });
    const second = await newTemplate(server, { stock: 12_000 });
    const ofOwner = (owner: number) =>
      [first, second].find(({ templateId }) => ownerOf(Number(templateId), 0, 2) === owner)!;
    const [hurt, spared] = [ofOwner(0), ofOwner(1)];
    const hurtBook = new ClaimsBook();
    const sparedBook = new ClaimsBook();
    for (let round = 1; round <= ROUNDS; round++) {
      const options = { port: server.port, random, users: 12_000 };
      const crowd = new Crowd({ ...options, book: hurtBook, sales: [hurt], connections: 512 });
      const others = new Crowd({ ...options, book: sparedBook, sales: [spared], connections: 16 });
      await until(() => crowd.answered > 600 && others.answered > 20, `both sell in round ${round}`);

      faults.set('owner-0 die');
      await until(
        () => server.log.filter((line) => line.msg === 'owner failed; it starts again').length >= round,
        'owner 0 dies',
      );
      const before = { refused: hurtBook.count('unavailable'), others: others.answered };
      await until(() => hurtBook.count('unavailable') > before.refused, 'claims are told unavailable');
      await until(() => others.answered > before.others + 50, 'the other owner goes on');

      faults.set();
      // Claims that were in doubt count from now on, so wallets are looked at only after this.
      await until(async () => (await server.internal('/readyz')).status === 200, 'owner 0 is back');
      const sold = hurtBook.count('claimed');
      await until(() => hurtBook.count('claimed') > sold, 'owner 0 sells again');
      await crowd.stop();
      await others.stop();
      expect(crowd.unanswered + others.unanswered).toBe(0);
      await checkPromises(server, hurtBook, [hurt]);
    }
    expect(await server.metric(RESTARTS)).toBeGreaterThanOrEqual(ROUNDS);
    expect(sparedBook.count('unavailable')).toBe(0);
    expect(await server.metric('doorbuster_claims_in_flight')).toBe(0);
    await checkPromises(server, sparedBook, [spared]);
    await checkRecords(server, [hurt, spared]);
  } finally {
    await server.destroy();
  }
});

test('with eight partitions on four owners the rest sells while one of them dies again and again', async () => {
  const random = seeded('owner death, partitions');
  const faults = new Faults();
  const server = await startServer({
    dataDir: faults.dataDir,
    env: { FAULTS: faults.file, OWNER_THREADS: '4', LOG_SYNC: 'os' },
  });
  try {
    const book = new ClaimsBook();
    const sale = await newTemplate(server, { stock: 3000, partitions: 8, perUserLimit: 2 });
    const crowd = new Crowd({ port: server.port, book, random, sales: [sale], users: 2000, connections: 64 });
    for (let owner = 0; owner < 4; owner++) {
      const restarts = await server.metric(RESTARTS);
      faults.set(`owner-${owner} die`);
      await until(async () => (await server.metric(RESTARTS)) > restarts, `owner ${owner} dies`);
      faults.set();
    }
    await until(() => book.count('claimed') > 1500, 'the crowd goes on');
    await crowd.stop();
    expect(crowd.unanswered).toBe(0);
    await until(async () => (await server.internal('/readyz')).status === 200, 'all owners are back');
    await checkAll(server, book, [sale]);
  } finally {
    await server.destroy();
  }
});
