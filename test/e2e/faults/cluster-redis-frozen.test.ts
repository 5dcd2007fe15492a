/** Two nodes with a Redis that does not answer: whatever cannot be promised is told `unavailable`. */
import { test } from 'vitest';
import { until } from '../../support/wait.ts';
import { allSell, clusterMarket, isReady, ownRedis, SEAT_TTL_MS, someDatabase } from './fault-stage.ts';

test('Redis frozen for longer than every timeout: unavailable meanwhile, then as before', {
  timeout: 120_000,
}, async () => {
  const redis = await ownRedis();
  const market = await clusterMarket(redis.url, await someDatabase());
  await allSell(market, 200);
  await redis.freeze();
  const frozenMs = Date.now();
  const refused = market.book.count('unavailable');
  await until(() => market.book.count('unavailable') > refused + 50, 'claims are told unavailable');
  for (const node of market.nodes) await until(async () => !(await isReady(node)), '/readyz tells');
  for (const node of market.nodes)
    await until(() => node.said('seats could not be kept').length > 0, 'it cannot keep its seats', 30_000);
  await until(() => Date.now() - frozenMs > SEAT_TTL_MS + 1000, 'every seat has ended', 30_000);
  await redis.thaw();
  await allSell(market, 100);
  await market.close();
});
