/** Two nodes with their database killed or frozen under load. */
import { describe, expect, test } from 'vitest';
import { once } from '../../support/endings.ts';
import { until } from '../../support/wait.ts';
import { allSell, clusterNodes, isReady, LONG, marketOn, ownMysql, ownRedis } from './fault-stage.ts';

const ROUNDS = LONG ? 6 : 1;

const stage = once(async () => {
  const mysql = await ownMysql();
  const redis = await ownRedis();
  return { mysql, nodes: await clusterNodes({ redisUrl: redis.url, mysqlUrl: mysql.url }) };
});

describe('MariaDB', () => {
  test('killed and back: claims go on at both, /readyz tells, it drains', async () => {
    const { mysql, nodes } = stage();
    const market = await marketOn(nodes, mysql.url);
    for (let round = 0; round < ROUNDS; round++) {
      await allSell(market, 150);
      await mysql.kill();
      const refused = market.book.count('unavailable');
      await allSell(market, 200);
      for (const node of market.nodes)
        await until(async () => 'records' in (await node.checks()), '/readyz tells', 30_000);
      await allSell(market, 100);
      expect(await Promise.all(market.nodes.map(isReady))).toEqual([true, true]);
      expect(market.book.count('unavailable') - refused).toBeLessThan(20);
      await mysql.start();
      for (const node of market.nodes) await node.healthy();
    }
    await market.close();
  });

  test('frozen for longer than every timeout', { timeout: 90_000 }, async () => {
    const { mysql, nodes } = stage();
    const market = await marketOn(nodes, mysql.url);
    await allSell(market, 150);
    await mysql.freeze();
    for (const node of market.nodes)
      await until(async () => 'records' in (await node.checks()), 'its statements time out', 30_000);
    await allSell(market, 50);
    await mysql.thaw();
    await market.close();
  });
});
