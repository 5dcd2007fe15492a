/**
 * An owner's thread that ends by an error nobody caught, under load and with ever new connections: whoever is connected to
 * it is answered or disconnected, the process goes on, and a new thread serves what the last one did.
 */
import { expect, test } from 'vitest';
import { ClaimsBook } from '../support/book.ts';
import { checkAll } from '../support/check.ts';
import { Connection, ConnectionLost } from '../support/connection.ts';
import { Faults } from '../support/faults.ts';
import { NodesCrowd } from '../support/nodes-crowd.ts';
import { seeded } from '../support/random.ts';
import { newTemplate } from '../support/sales.ts';
import { startServer } from '../support/server.ts';
import { until } from '../support/wait.ts';

const ROUNDS = process.env.LONG ? 200 : 3;
const OWNERS = 2;
const FAILED = 'the thread of an owner failed';

test('an owner’s thread fails again and again: its clients come back to others, and nothing is lost', {
  timeout: process.env.LONG ? 1_800_000 : 60_000,
}, async () => {
  const random = seeded('owner thread');
  const faults = new Faults();
  const server = await startServer({
    dataDir: faults.dataDir,
    env: { FAULTS: faults.file, OWNER_THREADS: String(OWNERS), LOG_SYNC: 'os' },
  });
  try {
    const stock = ROUNDS * 600;
    const sales = [
      await newTemplate(server, { stock, partitions: 4 }),
      await newTemplate(server, { stock, perUserLimit: 2 }),
    ];
    const book = new ClaimsBook();
    const options = { doors: [{ port: server.port }], book, random, sales, users: stock, restMs: 2 };
    const crowd = new NodesCrowd({ ...options, connections: 32 });
    // Connections that come and go all the time meet a thread at every moment of its end.
    let connecting = true;
    let opened = 0;
    const coming = (async (): Promise<void> => {
      while (connecting) {
        try {
          const one = await Connection.open(server.port);
          opened++;
          const { status } = await one.request({ path: '/v1/me/coupons', headers: { 'X-User-Id': '1' } });
          expect([200, 503]).toContain(status);
          one.close();
        } catch (error) {
          if (!(error instanceof ConnectionLost)) throw error;
        }
      }
    })();
    for (let round = 1; round <= ROUNDS; round++) {
      const sold = book.count('claimed');
      await until(() => book.count('claimed') > sold + 50, `it sells in round ${round}`);
      faults.set(`owner-${round % OWNERS} crash`);
      await until(
        () => server.log.filter(({ msg }) => msg === FAILED).length >= round,
        `a thread fails in round ${round}`,
      );
      faults.set();
      await until(async () => (await server.internal('/readyz')).status === 200, 'its owner is back', 20_000);
    }
    connecting = false;
    await coming;
    await crowd.stop();
    expect(opened).toBeGreaterThan(ROUNDS * 10);
    expect(await server.metric('doorbuster_claims_in_flight')).toBe(0);
    await checkAll(server, book, sales);
    expect(await server.stop()).toBe(0);
  } finally {
    await server.destroy();
  }
});
