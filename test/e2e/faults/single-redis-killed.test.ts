/** The profile `single` with its Redis killed under load. */
import { describe, expect, test } from 'vitest';
import { until } from '../../support/wait.ts';
import { copyPlace, LONG, marketOn, REDIS_COMES_BACK, singleNode, stageOnRedis } from './fault-stage.ts';

const ROUNDS = LONG ? 8 : 1;

const stage = stageOnRedis(singleNode);

describe('Redis killed under load: what is in hand is sold meanwhile, then everything', () => {
  test.each(REDIS_COMES_BACK)('and restarted %s', async (kind) => {
    const { redis, mysqlUrl, nodes } = stage();
    const market = await marketOn(nodes, mysqlUrl);
    const copy = copyPlace();
    for (let round = 0; round < ROUNDS; round++) {
      await market.wins(300);
      const isOlder = kind === 'with an older copy' || kind === 'with its last second missing';
      const bytes = isOlder ? redis.aofBytes() : 0;
      if (kind === 'with an older copy') redis.copyData(copy);
      if (isOlder) await until(() => redis.aofBytes() > bytes, 'Redis writes something');
      await market.wins(100);
      const lost = isOlder ? redis.aofBytes() - bytes : 0;
      await redis.kill();
      await market.wins(300);
      if (kind === 'without its data') redis.loseData();
      if (kind === 'with an older copy') redis.restoreData(copy);
      if (kind === 'with its last second missing') redis.truncateAof(lost);
      await redis.restart();
      await market.node.healthy();
    }
    expect(market.crowd.unanswered).toBeLessThanOrEqual(8);
    await market.close();
  });
});
