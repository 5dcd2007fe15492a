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

const ROUNDS = process.env.LONG ? 20 : 2;
const ANSWERS_MAX = 400;
const DONE_MIN = { 'lock done': 6, 'use done': 6, 'revert done': 6, 'returns done': 6, 'replace done': 3 };

/** What was not done often enough yet to show anything, whatever was drawn. */
function lacking(book: OrdersBook): string[] {
  return Object.entries(DONE_MIN).flatMap(([done, least]) =>
    (book.counts.get(done) ?? 0) < least ? [`too few of: ${done}`] : [],
  );
}

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
      const isLast = round === ROUNDS - 1;
      const isEnough = () => book.answered >= answers && (!isLast || lacking(book).length === 0);
      await until(isEnough, () => `${answers} answers in round ${round}, ${lacking(book)}`, 40_000);
      await shop.server.kill();
      await crowd.ended();
      await shop.node.start();
      expect((await faultsOfBook(shop, book)).slice(0, 5)).toEqual([]);
    }
    console.log(`orders, kill, ${profile}:`, JSON.stringify(Object.fromEntries(book.counts)));
  } finally {
    await shop.close();
  }
});
