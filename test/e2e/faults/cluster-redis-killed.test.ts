/** Two nodes with their Redis killed under load. */
import { describe, test } from 'vitest';
import { until } from '../../support/wait.ts';
import {
  allSell,
  clusterNodes,
  copyPlace,
  LONG,
  marketOn,
  REDIS_COMES_BACK,
  stageOnRedis,
} from './fault-stage.ts';

const ROUNDS = LONG ? 6 : 1;

const stage = stageOnRedis(clusterNodes);

describe('Redis killed under load: the shards are rebuilt from records and logs', () => {
  test.each(REDIS_COMES_BACK)('and restarted %s', { timeout: 180_000 }, async (kind) => {
    const { redis, mysqlUrl, nodes } = stage();
    const market = await marketOn(nodes, mysqlUrl);
    const copy = copyPlace();
    for (let round = 0; round < ROUNDS; round++) {
      await allSell(market, 150);
      const bytes = kind === 'with its last second missing' ? redis.aofBytes() : 0;
      if (kind === 'with an older copy') redis.copyData(copy);
      await allSell(market, 100);
      const lost = bytes === 0 ? 0 : redis.aofBytes() - bytes;
      await redis.kill();
      const refused = market.book.count('unavailable');
      await until(() => market.book.count('unavailable') > refused + 50, 'claims are told unavailable');
      if (kind === 'without its data') redis.loseData();
      if (kind === 'with an older copy') redis.restoreData(copy);
      if (kind === 'with its last second missing') redis.truncateAof(lost);
      await redis.restart();
      const backMs = Date.now();
      await allSell(market, 100);
      console.log(`${kind}: both sell again ${Date.now() - backMs} ms after Redis is back`);
    }
    await market.close();
  });
});
