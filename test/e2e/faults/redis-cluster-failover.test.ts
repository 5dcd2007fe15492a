/** Two nodes on a Redis Cluster of six processes. */
import { describe, test } from 'vitest';
import { startRedisCluster } from '../../services/redis.ts';
import { until } from '../../support/wait.ts';
import { allSell, clusterMarket, isReady, owned, someDatabase } from './fault-stage.ts';

describe('a Redis Cluster', () => {
  test('with two nodes, and one master killed: its replica takes over', { timeout: 180_000 }, async () => {
    const redis = owned(await startRedisCluster());
    const market = await clusterMarket(redis.url, await someDatabase());
    await allSell(market, 200);
    // The one that has the hot template: its shard is its id.
    const { templateId } = market.sales[0];
    const keys = await Promise.all(
      redis.nodes.slice(0, 3).map((node) => node.call('KEYS', `*:${templateId}}:meta`)),
    );
    const master = redis.nodes[keys.findIndex((found) => (found as unknown[]).length > 0)];
    await master.kill();
    const killedMs = Date.now();
    const refused = market.book.count('unavailable');
    await until(() => market.book.count('unavailable') > refused + 20, 'claims are told unavailable');
    for (const node of market.nodes)
      await until(async () => !(await isReady(node)), 'it notices that shards are lost', 30_000);
    for (const node of market.nodes) await node.ready(60_000);
    await allSell(market, 200);
    console.log(`both sell ${Date.now() - killedMs} ms after a master was killed`);
    await market.close();
  });
});
