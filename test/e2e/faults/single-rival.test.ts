/** The profile `single` beside somebody who locks, kills connections and wins at the database. */
import { describe, expect, test } from 'vitest';
import { FEW, LONG, ownRedis, rivalOf, singleMarket, someDatabase } from './fault-stage.ts';

const ROUNDS = LONG ? 8 : 1;

describe('a rival at the database', () => {
  test('locks in the opposite order: the flusher is the victim of deadlocks and begins again', async () => {
    const market = await singleMarket((await ownRedis()).url, await someDatabase());
    const rival = await rivalOf(market);
    for (let round = 0; round < 2 * ROUNDS; round++) {
      await market.wins(50);
      await rival.beginHeavy();
      await rival.lockBlocks();
      await rival.flusherWaits();
      const startMs = Date.now();
      await rival.lockCoupons();
      // Sooner than the flusher's patience: it was not that which ended.
      expect(Date.now() - startMs).toBeLessThan(2000);
      await rival.rollBack();
    }
    expect(market.book.count('unavailable')).toBeLessThan(FEW);
    await market.close();
  });

  test('a flusher’s connection is killed between its rows and its watermark', async () => {
    const market = await singleMarket((await ownRedis()).url, await someDatabase());
    const rival = await rivalOf(market);
    for (let round = 0; round < 3 * ROUNDS; round++) {
      await market.wins(50);
      await rival.beginHeavy();
      await rival.lockBlocks();
      await rival.killConnection(await rival.flusherWaits());
      await rival.rollBack();
    }
    expect(market.book.count('unavailable')).toBeLessThan(FEW);
    await market.close();
  });

  test('a node is killed between its rows and its watermark', async () => {
    const market = await singleMarket((await ownRedis()).url, await someDatabase());
    const rival = await rivalOf(market);
    for (let round = 0; round < ROUNDS; round++) {
      await market.wins(100);
      await rival.beginHeavy();
      await rival.lockBlocks();
      await rival.flusherWaits();
      await market.node.server.kill();
      await rival.rollBack();
      await market.node.start();
    }
    await market.close();
  });
});
