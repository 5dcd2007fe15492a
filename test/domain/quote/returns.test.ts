/** Refunds of goods that come back, worked by hand, and what must hold whatever comes back in whatever order. */
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { OrderLine, QuoteCoupon } from '../../../src/domain/quote/order.ts';
import {
  type Returned,
  type ReturnInput,
  type ReturnRefusal,
  returned,
} from '../../../src/domain/quote/returns.ts';
import { someOrder, someWallet } from './arbitraries.ts';
import { coupon, id, instant, line, NOW_MS, order, percent, quoted, shipping, threshold } from './orders.ts';

type Item = readonly [line: number, quantity: number];
type How = Partial<Pick<ReturnInput, 'recheck' | 'shipping'>>;

/** A used redemption that remembers what came back. */
function bought(lines: readonly OrderLine[], coupons: readonly QuoteCoupon[], shippingFee = 0) {
  const locked = order(lines, shippingFee, 'CNY');
  const quote = quoted(locked, coupons, NOW_MS);
  const before = lines.map(() => 0);
  let refundedBefore = 0;
  return {
    quote,
    tryBack(items: readonly Item[], { recheck = true, shipping = false }: How = {}) {
      return returned({
        order: locked,
        quote,
        coupons: coupons.map((one) => ({ ...one, state: 'used', isSuspended: true })),
        lockedAtMs: NOW_MS,
        recheck,
        returnedBefore: before,
        refundedBefore,
        items: items.map(([line, quantity]) => ({ line, quantity })),
        shipping,
      });
    },
    back(items: readonly Item[], how: How = {}): Returned {
      const result = this.tryBack(items, how);
      if (result.kind === 'refused') throw new Error(result.detail);
      for (const [line, quantity] of items) before[line]! += quantity;
      refundedBefore += result.refund;
      return result;
    },
  };
}

describe('refunds worked by hand', () => {
  const offOfTwo = () => bought([line('A', 5_000), line('B', 1_000)], [coupon(id(1), instant(1_000))]);

  test('two lines that share an instant', () => {
    const sale = offOfTwo();
    expect(sale.quote.goodsPayable).toBe(5_000);
    expect(sale.back([[0, 1]])).toEqual({
      kind: 'returned',
      refund: 4_167,
      exact: 4_167,
      recheck: 5_000,
      shortfall: 0,
      leavesNothing: false,
      shippingRefund: 0,
    });
    expect(sale.back([[1, 1]])).toMatchObject({ refund: 833, exact: 5_000, leavesNothing: true });
  });

  test('what is kept would cost less than was paid for it', () => {
    const sale = bought(
      [line('A', 100), line('B', 40_000)],
      [
        coupon(id(1), threshold([40_100, 200]), { stacking: { group: 'a' } }),
        coupon(id(2), threshold([30_000, 3_000], [40_000, 10_000]), { stacking: { group: 'b' } }),
      ],
    );
    expect(sale.quote.lines.map(({ payable }) => payable)).toEqual([92, 36_808]);
    expect(sale.back([[0, 1]])).toMatchObject({ refund: 92, recheck: 6_900 });
    expect(sale.back([[1, 1]])).toMatchObject({ refund: 36_808 });
  });

  test('the fee stays waived', () => {
    const sale = bought([line('A', 6_000, 2)], [coupon(id(1), shipping({ minSpend: 10_000 }))], 590);
    expect(sale.quote.payable).toBe(12_000);
    expect(sale.back([[0, 1]])).toMatchObject({ refund: 6_000, shippingRefund: 0 });
    expect(sale.back([[0, 1]], { shipping: true })).toMatchObject({ refund: 6_000, shippingRefund: 0 });
  });

  test('the fee comes back only when asked for, with the last unit', () => {
    const fresh = () => bought([line('A', 6_000, 2)], [], 590);
    expect(fresh().quote.payable).toBe(12_590);
    expect(fresh().back([[0, 2]])).toMatchObject({ refund: 12_000, shippingRefund: 0 });
    const sale = fresh();
    expect(sale.back([[0, 1]], { shipping: true })).toMatchObject({ refund: 6_000, shippingRefund: 0 });
    expect(sale.back([[0, 1]], { shipping: true })).toMatchObject({ refund: 6_000, shippingRefund: 590 });
  });

  test('units that do not divide evenly, by their exact prices', () => {
    const sale = bought([line('A', 1_000, 3)], [coupon(id(1), instant(1_000))]);
    const one = () => sale.back([[0, 1]], { recheck: false });
    expect([one(), one(), one()].map(({ refund, recheck }) => [refund, recheck])).toEqual([
      [667, null],
      [667, null],
      [666, null],
    ]);
  });

  test('a minimum that is lost, and made up for in the end', () => {
    const sale = bought([line('A', 5_000, 6)], [coupon(id(1), percent(9_000, { minSpend: 30_000 }))]);
    expect(sale.quote.goodsPayable).toBe(27_000);
    expect(sale.back([[0, 5]])).toMatchObject({ refund: 22_000, exact: 22_500, shortfall: 500 });
    expect(sale.back([[0, 1]])).toMatchObject({ refund: 5_000, exact: 27_000, shortfall: 0 });
  });

  test.each([
    { first: 1, refunds: [0, 24_000] },
    { first: 0, refunds: [19_000, 5_000] },
  ])('a threshold that is lost, line $first back first', ({ first, refunds }) => {
    const sale = bought([line('A', 25_000), line('B', 5_000)], [coupon(id(1), threshold([30_000, 6_000]))]);
    expect(sale.quote.goodsPayable).toBe(24_000);
    expect([sale.back([[first, 1]]), sale.back([[1 - first, 1]])].map(({ refund }) => refund)).toEqual(
      refunds,
    );
  });

  test('a percent that rounds differently for fewer units', () => {
    const sale = bought([line('A', 333, 3)], [coupon(id(1), percent(9_000))]);
    expect(sale.quote.payable).toBe(899);
    const one = () => sale.back([[0, 1]]).refund;
    expect([one(), one(), one()]).toEqual([300, 299, 300]);
  });

  test('a coupon that has expired since the lock still counts', () => {
    const sale = bought([line('A', 1_000, 2)], [coupon(id(1), percent(5_000), { validUntilMs: NOW_MS + 1 })]);
    expect(sale.back([[0, 1]])).toMatchObject({ refund: 500, recheck: 500 });
  });

  test.each<[string, readonly Item[], string]>([
    ['more units than were bought', [[0, 4]], 'items[0].quantity'],
    [
      'more in two parts',
      [
        [0, 2],
        [0, 2],
      ],
      'items[1].quantity',
    ],
    ['no unit', [[0, 0]], 'items[0].quantity'],
    ['half a unit', [[0, 0.5]], 'items[0].quantity'],
    ['a line that is not there', [[1, 1]], 'items[0].line'],
    ['half a line', [[0.5, 1]], 'items[0].line'],
    ['nothing', [], 'items'],
  ])('refuses %s', (_what, items, field) => {
    const sale = bought([line('A', 1_000, 3)], []);
    expect(sale.tryBack(items)).toMatchObject({ kind: 'refused', code: 'invalid_return', field });
    expect(
      sale.back([
        [0, 1],
        [0, 1],
      ]),
    ).toMatchObject({ refund: 2_000 });
    expect((sale.tryBack([[0, 2]]) as ReturnRefusal).code).toBe('invalid_return');
  });
});

describe('whatever comes back, in whatever order', () => {
  const sales = fc.record({
    order: someOrder,
    wallet: someWallet,
    recheck: fc.boolean(),
    picks: fc.array(fc.tuple(fc.nat(), fc.nat()), { maxLength: 6 }),
  });

  test('no refund passes the price of what came back, and all back is all paid', () => {
    fc.assert(
      fc.property(sales, ({ order, wallet, recheck, picks }) => {
        const sale = bought(order.lines, wallet, order.shippingFee);
        const left = order.lines.map(({ quantity }) => quantity);
        let refunded = 0;
        const take = (items: readonly Item[]) => {
          const result = sale.back(items, { recheck, shipping: true });
          for (const [line, quantity] of items) left[line]! -= quantity;
          refunded += result.refund;
          expect(result.refund).toBeGreaterThanOrEqual(0);
          expect(refunded).toBeLessThanOrEqual(result.exact);
          expect(result.shortfall).toBe(result.exact - refunded);
          expect(result.leavesNothing).toBe(left.every((units) => units === 0));
          expect(result.shippingRefund).toBe(result.leavesNothing ? sale.quote.shippingPayable : 0);
          if (!recheck) expect(refunded).toBe(result.exact);
        };
        for (const [at, share] of picks) {
          const line = at % left.length;
          // Something is left for the end, so that there is an end.
          const units = Math.min(left[line]! - 1, 1 + (share % left[line]!));
          if (units > 0) take([[line, units]]);
        }
        take(left.map((units, line) => [line, units] as const));
        expect(refunded).toBe(sale.quote.goodsPayable);
      }),
      { numRuns: 500 },
    );
  });
});
