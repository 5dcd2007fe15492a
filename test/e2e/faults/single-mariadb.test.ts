/** The profile `single` with its database killed or frozen under load: claims go on, and all of it is stored in the end. */
import { describe, expect, test } from 'vitest';
import { checkPromises } from '../../support/check.ts';
import { once } from '../../support/endings.ts';
import { until } from '../../support/wait.ts';
import { FEW, LONG, marketOn, ownMysql, ownRedis, singleNode } from './fault-stage.ts';

const LAG = 'doorbuster_flush_lag_claims';
const ROUNDS = LONG ? 8 : 1;

const stage = once(async () => {
  const mysql = await ownMysql();
  const redis = await ownRedis();
  return { mysql, nodes: await singleNode({ redisUrl: redis.url, mysqlUrl: mysql.url }) };
});

describe('MariaDB', () => {
  test('killed and back: claims go on, the lag grows, /readyz tells, it drains', async () => {
    const { mysql, nodes } = stage();
    const market = await marketOn(nodes, mysql.url);
    const { node, book } = market;
    for (let round = 0; round < ROUNDS; round++) {
      await market.wins(300);
      await mysql.kill();
      await market.wins(300);
      await until(async () => 'records' in (await node.checks()), '/readyz tells', 30_000);
      expect((await node.server.internal('/readyz')).status).toBe(200);
      const lag = await node.server.metric(LAG);
      await market.wins(200);
      expect(await node.server.metric(LAG)).toBeGreaterThan(lag);
      await mysql.start();
      await node.healthy();
      await until(async () => (await node.server.metric(LAG)) < 200, 'it drains', 30_000);
    }
    expect(book.count('unavailable')).toBeLessThan(FEW);
    await market.close();
  });

  test('frozen for longer than every timeout', async () => {
    const { mysql, nodes } = stage();
    const market = await marketOn(nodes, mysql.url);
    await market.wins(300);
    await mysql.freeze();
    await until(async () => 'records' in (await market.node.checks()), 'its statements time out', 30_000);
    await market.wins(100);
    await mysql.thaw();
    expect(market.book.count('unavailable')).toBeLessThan(FEW);
    await market.close();
  });

  test('away, and the node killed meanwhile: what was acknowledged is in the log', async () => {
    const { mysql, nodes } = stage();
    const market = await marketOn(nodes, mysql.url);
    const { node } = market;
    await market.wins(300);
    await mysql.kill();
    await market.wins(300);
    await node.server.kill();
    const during = await node.refused();
    expect(during.code).toBe(1);
    await mysql.start();
    await node.start();
    await checkPromises(node.server, market.book, []);
    await market.close();
  });
});
