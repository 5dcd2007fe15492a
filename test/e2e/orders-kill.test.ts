/**
 * Shoppers lock, use and give back over HTTP, the process is killed at a random moment, started again on the same
 * directory, and so on: every answer that was given still holds then, and repeats are answered the same.
 */
import { expect, test } from 'vitest';
import { OrdersBook } from '../support/orders-book.ts';
import { faultsOfBook } from '../support/orders-check.ts';
import { OrdersCrowd } from '../support/orders-crowd.ts';
import { seeded } from '../support/random.ts';
import { PROFILES, Shop } from '../support/shop.ts';
import { until } from '../support/wait.ts';

const ROUNDS = process.env.LONG ? 20 : 3;
const ANSWERS_MAX = 400;

test.each(PROFILES)('a killed process keeps every answer about orders, %s', async (profile) => {
  const random = seeded(`orders, kill, ${profile}`);
  const book = new OrdersBook();
  const shop = await Shop.open(profile);
  try {
    const discounts = [
      { kind: 'instant', off: 700 },
      { kind: 'percent', rate: 9000 },
      { kind: 'threshold', tiers: [{ spend: 5000, off: 500 }] },
    ];
    const templates = await Promise.all(
      discounts.map((discount) => shop.template(discount, { stock: 20_000, perUserLimit: 5000 })),
    );
    for (let round = 0; round < ROUNDS; round++) {
      const crowd = new OrdersCrowd({ tills: [shop], book, random, templates });
      const answers = book.answered + 50 + random.below(ANSWERS_MAX);
      await until(() => book.answered >= answers, `${answers} answers in round ${round}`, 60_000);
      await shop.server.kill();
      await crowd.ended();
      await shop.node.start();
      expect((await faultsOfBook(shop, book)).slice(0, 5)).toEqual([]);
    }
    console.log(`orders, kill, ${profile}:`, JSON.stringify(Object.fromEntries(book.counts)));
    for (const done of ['lock done', 'use done', 'revert done', 'returns done'])
      expect(book.counts.get(done) ?? 0).toBeGreaterThan(5);
    expect(book.counts.get('replace done') ?? 0).toBeGreaterThan(2);
  } finally {
    await shop.close();
  }
});
