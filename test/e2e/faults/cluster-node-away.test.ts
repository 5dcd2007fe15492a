/** One of two nodes away while Redis loses its data: nothing is sold that only it knows of. */
import { describe, expect, test } from 'vitest';
import { until } from '../../support/wait.ts';
import { allSell, clusterMarket, isReady, ownRedis, someDatabase } from './fault-stage.ts';

describe('a node', () => {
  test('silent when Redis loses its data keeps shards closed until it is back', {
    timeout: 120_000,
  }, async () => {
    const redis = await ownRedis();
    const market = await clusterMarket(redis.url, await someDatabase());
    const [silent, other] = market.nodes;
    await allSell(market, 150);
    // Its last claims are nowhere but in its log and in the Redis that goes with it.
    await Promise.all([silent.server.kill(), redis.kill()]);
    await redis.restart();
    await until(
      async () => JSON.stringify(await other.checks()).includes('waiting for the logs of'),
      'the other one says whom it waits for',
      30_000,
    );
    expect(await isReady(other)).toBe(false);
    const won = market.book.count('claimed');
    const refused = market.book.count('unavailable');
    await until(() => market.book.count('unavailable') > refused + 100, 'claims are told unavailable');
    expect(market.book.count('claimed')).toBe(won);
    await silent.start();
    await allSell(market, 50);
    await market.close();
  });
});
