/** The best set of a wallet: worked cases, all sets looked at one by one, and what must hold of any answer. */
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { seededWallet, WALLET_NOW_MS } from '../../../bench/seeded-wallet.ts';
import { best } from '../../../src/domain/quote/best.ts';
import type { Budget } from '../../../src/domain/quote/best-search.ts';
import type { Order, QuoteCoupon } from '../../../src/domain/quote/order.ts';
import { BEST_NODES_SURE } from '../../../src/limits.ts';
import { someOrder, someWallet } from './arbitraries.ts';
import { bestOfAll } from './best-of-all.ts';
import { coupon, id, instant, line, NOW_MS, order, percent, quoted, threshold } from './orders.ts';
import { BESTS } from './worked-cases.ts';

const patient = {
  nodes: Number.POSITIVE_INFINITY,
  wallMs: Number.POSITIVE_INFINITY,
  nodesSure: 0,
  nowMs: () => 0,
};
const SHOPS = 20;
const search = (given: Order, wallet: readonly QuoteCoupon[]) => best(given, wallet, NOW_MS, patient);

describe('worked by hand', () => {
  test.each(BESTS)('$title', ({ lines, shippingFee, coupons, payable, couponIds }) => {
    const found = search(order(lines, shippingFee), coupons as QuoteCoupon[]);
    expect(found.couponIds).toEqual(couponIds);
    expect(found.quote.payable).toBe(payable);
    expect(found).toMatchObject({ optimal: true, lowerBound: payable });
  });

  test('two beside each other are better than one alone', () => {
    const wallet = [
      coupon(id(1), instant(2_500), { stacking: { exclusive: true } }),
      coupon(id(2), threshold([5_000, 1_000])),
      coupon(id(3), percent(8_000)),
    ];
    expect(search(order([line('A', 10_000)]), wallet)).toMatchObject({
      couponIds: [id(2), id(3)],
      quote: { payable: 7_200 },
    });
  });

  test('one alone is better than with a smaller one before it', () => {
    const wallet = [
      coupon(id(1), threshold([40_100, 200]), { stacking: { group: 'a' } }),
      coupon(id(2), threshold([30_000, 3_000], [40_000, 10_000]), { stacking: { group: 'b' } }),
    ];
    expect(search(order([line('A', 100), line('B', 40_000)]), wallet)).toMatchObject({
      couponIds: [id(2)],
      quote: { payable: 30_100 },
    });
  });

  test('other currencies are passed over, and unusable coupons do not make a currency', () => {
    const cny = coupon(id(1), instant(100));
    const usd = coupon(id(2), instant(500), { currency: 'USD' });
    const goods = [line('A', 1_000)];
    expect(search(order(goods, 0, 'CNY'), [cny, usd]).couponIds).toEqual([id(1)]);
    expect(search(order(goods), [cny, { ...usd, state: 'used' }]).couponIds).toEqual([id(1)]);
    expect(() => search(order(goods), [cny, usd])).toThrow(RangeError);
  });
});

describe('sets that come to the same', () => {
  const goods = order([line('A', 5_000)], 0);
  const ending = (atMs: number) => ({ validUntilMs: NOW_MS + atMs });

  test('the one that leaves less worth unused', () => {
    const wallet = [coupon(id(1), instant(9_000)), coupon(id(2), instant(6_000)), coupon(id(3), percent(0))];
    expect(search(goods, wallet).couponIds).toEqual([id(3)]);
    expect(search(goods, wallet.slice(0, 2)).couponIds).toEqual([id(2)]);
  });

  test('unused worth beyond 2^53 is compared exactly', () => {
    const most = Number.MAX_SAFE_INTEGER;
    const repeating = (off: number) =>
      ({ kind: 'threshold', tiers: [{ spend: 1, off }], repeat: true }) as const;
    const wallet = [coupon(id(1), repeating(most)), coupon(id(2), repeating(most - 1))];
    expect(search(goods, wallet).couponIds).toEqual([id(2)]);
  });

  test('the one whose coupons end first, the earliest of each compared in turn', () => {
    const wallet = [
      coupon(id(1), instant(300), ending(9)),
      coupon(id(2), instant(300), ending(7)),
      coupon(id(3), instant(300), { ...ending(8), stacking: { group: 'a' } }),
      coupon(id(4), instant(300), { ...ending(8), stacking: { group: 'a' } }),
    ];
    expect(search(goods, wallet).couponIds).toEqual([id(2), id(3)]);
  });

  test('two hundred equal coupons of as many groups, and one that takes everything', () => {
    const wallet = Array.from({ length: 200 }, (_, i) =>
      coupon(id(i + 1), instant(300), { ...ending(1 + ((i * 7) % 50)), stacking: { group: `g${i}` } }),
    );
    const first = wallet.toSorted((a, b) => a.validUntilMs - b.validUntilMs || a.couponId - b.couponId);
    expect(search(goods, wallet).couponIds).toEqual(
      first
        .slice(0, 5)
        .map(({ couponId }) => couponId)
        .sort((a, b) => a - b),
    );
    expect(search(goods, [...wallet, coupon(id(999), percent(0))]).couponIds).toEqual([id(999)]);
  });
});

describe('any wallet', () => {
  test('gives what looking at every set gives', () => {
    fc.assert(
      fc.property(someOrder, someWallet, (given, wallet) => {
        const found = search(given, wallet);
        const all = bestOfAll(given, wallet, NOW_MS);
        expect(found.couponIds).toEqual(all.couponIds);
        expect(found.quote).toEqual(all.quote);
        expect(found).toMatchObject({ optimal: true, lowerBound: all.quote.payable });
      }),
      { numRuns: process.env.LONG ? 1500 : 600 },
    );
  });

  test.each([0, 3, 10])('as a shop has it, in %i groups', (groups) => {
    for (let seed = 1; seed <= SHOPS; seed++) {
      const { order: given, wallet } = seededWallet(seed, { coupons: 10, lines: 20, groups });
      const { couponIds, optimal } = best(given, wallet, WALLET_NOW_MS, patient);
      expect(couponIds).toEqual(bestOfAll(given, wallet, WALLET_NOW_MS).couponIds);
      expect(optimal).toBe(true);
    }
  });

  test('is answered with ids that give the same quote', () => {
    fc.assert(
      fc.property(someOrder, someWallet, (given, wallet) => {
        const { couponIds, quote } = search(given, wallet);
        const chosen = couponIds.map((one) => wallet.find(({ couponId }) => couponId === one)!);
        expect(quoted(given, chosen, NOW_MS)).toEqual(quote);
        expect(quote.coupons.every(({ reason }) => reason === null)).toBe(true);
      }),
    );
  });

  test('whatever the order it is in', () => {
    fc.assert(
      fc.property(someOrder, someWallet, fc.infiniteStream(fc.nat()), (given, wallet, keys) => {
        const shuffled = wallet.map((one) => [keys.next().value as number, one] as const);
        const other = shuffled.sort(([a], [b]) => a - b).map(([, one]) => one);
        expect(search(given, other)).toEqual(search(given, wallet));
      }),
    );
  });
});

describe('a budget', () => {
  // One of a few hundred nodes.
  const { order: given, wallet } = seededWallet(21, { coupons: 200, lines: 50, groups: 5 });
  const within = (budget: Partial<Budget>) => best(given, wallet, WALLET_NOW_MS, { ...patient, ...budget });

  test('of few nodes ends the search, which says so and bounds what it has not seen', () => {
    const exact = within({});
    expect(exact.optimal).toBe(true);
    for (const nodes of [1, 2, 5, 10, 50]) {
      const cut = within({ nodes });
      expect(cut.optimal).toBe(false);
      expect(cut.lowerBound).toBeLessThanOrEqual(exact.quote.payable);
      expect(cut.quote.payable).toBeGreaterThanOrEqual(exact.quote.payable);
    }
  });

  test('of time is kept by the clock that is given', () => {
    let nowMs = 0;
    const tick = () => nowMs++;
    const cut = within({ wallMs: 2, nowMs: tick });
    expect(cut.optimal).toBe(false);
    expect(nowMs).toBe(3);
  });

  test('of time does not cut a small wallet short, however long the thread was kept off its core', () => {
    fc.assert(
      fc.property(someOrder, someWallet, (given, wallet) => {
        const small = wallet.slice(0, 5);
        let nowMs = 0;
        const late = () => {
          nowMs += 1_000;
          return nowMs;
        };
        const found = best(given, small, NOW_MS, {
          ...patient,
          wallMs: 2,
          nodesSure: BEST_NODES_SURE,
          nowMs: late,
        });
        expect(found).toEqual(search(given, small));
        expect(found.optimal).toBe(true);
      }),
      { numRuns: 500 },
    );
  });

  test('of time cuts what is looked at beyond that', () => {
    const nowMs = () => Number.MAX_SAFE_INTEGER;
    const cut = within({ wallMs: 0, nodesSure: 3, nowMs });
    expect(cut.optimal).toBe(false);
    expect(cut.quote.payable).toBeLessThanOrEqual(within({ nodes: 3 }).quote.payable);
  });

  test('is bounded below whatever the wallet', () => {
    fc.assert(
      fc.property(someOrder, someWallet, fc.integer({ min: 1, max: 6 }), (given, wallet, nodes) => {
        const exact = search(given, wallet);
        const cut = best(given, wallet, NOW_MS, { ...patient, nodes });
        expect(cut.lowerBound).toBeLessThanOrEqual(exact.quote.payable);
        if (cut.optimal) expect(cut.couponIds).toEqual(exact.couponIds);
      }),
      { numRuns: 500 },
    );
  });
});
