/** One of two nodes frozen for longer than its seat lasts. */
import { describe, expect, test } from 'vitest';
import type { RedisServer } from '../../services/redis.ts';
import { checkNodes, checkWallets, sellOut } from '../../support/nodes-check.ts';
import { until } from '../../support/wait.ts';
import { allSell, clusterMarket, LONG, ownRedis, SEAT_TTL_MS, someDatabase } from './fault-stage.ts';

/** A seat ends, and somebody has to look. */
const BACK_MS = SEAT_TTL_MS + 10_000;
/** Of all shards, the most nodes that have a seat in one. */
async function seatsMost(redis: RedisServer): Promise<number> {
  const keys = (await redis.call('KEYS', '*}:*:nodes')) as string[];
  const seats = await Promise.all(keys.map((key) => redis.call('HLEN', key)));
  return Math.max(...seats.map(Number));
}

const ROUNDS = LONG ? 6 : 1;

describe('a node', () => {
  test('frozen past its seat and waking up: refused, then it serves again', {
    timeout: LONG ? 600_000 : 120_000,
  }, async () => {
    const redis = await ownRedis();
    const market = await clusterMarket(redis.url, await someDatabase(), { stock: LONG ? 60_000 : 1000 });
    const { nodes, book, crowd, sales } = market;
    const [frozen, other] = nodes;
    for (let round = 0; round < ROUNDS; round++) {
      await allSell(market, 100);
      frozen.server.freeze();
      const frozenMs = Date.now();
      // All that is left, its units included, is sold without it: when it wakes, everything it holds is somebody's.
      if (round === ROUNDS - 1) {
        const raced = market.wins(1).catch(() => {});
        await sellOut([other], book, sales);
        expect(Date.now() - frozenMs).toBeLessThan(BACK_MS + 15_000);
        await raced;
      } else await until(async () => (await seatsMost(redis)) === 1, 'its seats have ended', BACK_MS);
      const wonBefore = crowd.won[0];
      const left = frozen.said('a shard is left').length;
      frozen.server.thaw();
      await until(() => frozen.said('a shard is left').length > left, 'it learns that its seats are gone');
      await frozen.ready();
      if (round === ROUNDS - 1) expect(crowd.won[0] - wonBefore).toBeLessThanOrEqual(4);
    }
    await crowd.stop();
    expect(book.faults).toEqual([]);
    await checkWallets(nodes, book, market.random);
    for (const sale of sales)
      await frozen.server.must(200, 'PUT', `/v1/templates/${sale.templateId}/stock`, {
        total: LONG ? 70_000 : 1500,
      });
    await checkNodes(nodes, market.mysqlUrl, book, sales, market.random);
  });
});
