/** A node that is to stop although its Redis does not answer. */
import { expect, test } from 'vitest';
import { until } from '../../support/wait.ts';
import { clusterMarket, ownRedis, someDatabase } from './fault-stage.ts';

test('a node told to stop while Redis stands still ends in time', async () => {
  const redis = await ownRedis();
  const market = await clusterMarket(redis.url, await someDatabase(), {
    nodes: 1,
    env: { DRAIN_TIMEOUT: '5s' },
  });
  await market.wins(100);
  await redis.freeze();
  const refused = market.book.count('unavailable');
  await until(() => market.book.count('unavailable') > refused + 20, 'claims are told unavailable');
  const stoppedMs = Date.now();
  expect(await market.node.server.stop()).toBe(0);
  expect(Date.now() - stoppedMs).toBeLessThan(25_000);
  await redis.thaw();
  await market.node.start();
  await market.close();
});
