/** Quotes that have gone wrong elsewhere, worked by hand; why a coupon takes nothing; what is refused as a whole. */
import { describe, expect, expectTypeOf, test } from 'vitest';
import { type CouponRule, refusalOfBest } from '../../../src/domain/quote/order.ts';
import { quote } from '../../../src/domain/quote/quote.ts';
import type { Template } from '../../../src/domain/template.ts';
import { coupon, id, instant, line, NOW_MS, order, percent, quoted, shipping, threshold } from './orders.ts';

const MAX = Number.MAX_SAFE_INTEGER;

describe('what an order comes to', () => {
  test('a threshold over three equal lines', () => {
    const lines = [line('A', 10_000), line('B', 10_000), line('C', 10_000)];
    const result = quoted(order(lines), [coupon(id(1), threshold([30_000, 1_000]))], NOW_MS);
    expect(result.coupons[0]!.lineOffs).toEqual([334, 333, 333]);
    expect(result.payable).toBe(29_000);
  });

  test('units that do not divide evenly', () => {
    const result = quoted(order([line('A', 1_000, 3)]), [coupon(id(1), instant(1_000))], NOW_MS);
    expect(result.lines).toEqual([
      {
        payable: 2_000,
        units: [
          { count: 2, price: 667 },
          { count: 1, price: 666 },
        ],
      },
    ]);
    const two = quoted(
      order([line('A', 2_995, 7), line('B', 10_000)]),
      [coupon(id(1), instant(9_999))],
      NOW_MS,
    );
    expect(two.payable).toBe(20_966);
    expect(two.lines.map(({ units }) => units)).toEqual([
      [
        { count: 6, price: 2_028 },
        { count: 1, price: 2_027 },
      ],
      [{ count: 1, price: 6_771 }],
    ]);
  });

  test('a capped percent is capped once for all lines', () => {
    const capped = [coupon(id(1), percent(9_000, { maxOff: 3_000 }))];
    const both = quoted(order([line('A', 40_000), line('B', 10_000)]), capped, NOW_MS);
    expect(both.coupons[0]).toMatchObject({ off: 3_000, lineOffs: [2_400, 600] });
    expect(both.payable).toBe(47_000);
    expect(quoted(order([line('B', 10_000)]), capped, NOW_MS).discount).toBe(1_000);
  });

  test('a percent is rounded once, half up', () => {
    const off = (rate: number, ...prices: number[]) =>
      quoted(order(prices.map((price, i) => line(`${i}`, price))), [coupon(id(1), percent(rate))], NOW_MS);
    expect(off(9_000, 2_545)).toMatchObject({ discount: 255, payable: 2_290 });
    expect(off(9_500, 5, 5)).toMatchObject({ payable: 9, coupons: [{ off: 1, lineOffs: [1, 0] }] });
    expect(off(9_500, 9).coupons[0]!.reason).toBe('no_effect');
  });

  test('never below zero, and never from the fee', () => {
    const both = [coupon(id(1), instant(50_000)), coupon(id(2), percent(0))];
    const free = quoted(order([line('A', 30_000)]), both, NOW_MS);
    expect(free.coupons).toMatchObject([{ off: 30_000 }, { off: 0, reason: 'no_effect' }]);
    expect(free.payable).toBe(0);
    expect(quoted(order([line('A', 1_000)], 1_500), [coupon(id(1), instant(3_000))], NOW_MS)).toMatchObject({
      payable: 1_500,
      goodsPayable: 0,
      shippingPayable: 1_500,
    });
  });

  test('an instant before a percent, in whatever order they are named', () => {
    const both = [coupon(id(1), instant(1_000)), coupon(id(2), percent(9_000))];
    for (const coupons of [both, both.toReversed()]) {
      expect(quoted(order([line('A', 10_000)]), coupons, NOW_MS).payable).toBe(8_100);
    }
  });

  test('an instant takes its off once, however many lines and units', () => {
    const scope = { goods: ['A', 'B'] };
    const result = quoted(
      order([line('A', 300), line('B', 699, 10), line('C', 5)]),
      [coupon(id(1), instant(1_000), { scope })],
      NOW_MS,
    );
    expect(result.coupons[0]).toMatchObject({ off: 1_000, lineOffs: [41, 959, 0] });
  });

  test('a minimum is compared with what remains, or with the initial amounts', () => {
    const lines = [line('A', 82_500)];
    const first = coupon(id(1), instant(10_000));
    const free = coupon(id(2), shipping({ minSpend: 82_000 }));
    const result = quoted(order(lines, 1_000), [first, free], NOW_MS);
    expect(result.coupons[1]).toMatchObject({ reason: 'below_minimum', missing: 9_500 });
    expect(result.payable).toBe(73_500);
    const initial = coupon(id(2), shipping({ minSpend: 82_000 }), { measure: 'initial' });
    expect(quoted(order(lines, 1_000), [first, initial], NOW_MS).payable).toBe(72_500);
  });

  test('the same again for the same', () => {
    const given = [order([line('A', 10_000)]), [coupon(id(1), threshold([10_000, 2_000]))], NOW_MS] as const;
    expect(quoted(...given).payable).toBe(8_000);
    expect(quoted(...given)).toEqual(quoted(...given));
  });

  test('a minimum is reached by lines in scope only', () => {
    const result = quoted(
      order([line('X', 5_000), line('Y', 9_000)]),
      [coupon(id(1), instant(1_000, 10_000), { scope: { goods: ['X'] } })],
      NOW_MS,
    );
    expect(result.coupons[0]).toMatchObject({ reason: 'below_minimum', missing: 5_000 });
  });

  test('a fee is waived once', () => {
    const two = (...groups: string[]) =>
      [1, 2].map((n) =>
        coupon(id(n), shipping(), groups.length > 0 ? { stacking: { group: groups[n - 1]! } } : {}),
      );
    const given = order([line('A', 5_000)], 1_000);
    const byKind = quoted(given, two(), NOW_MS);
    expect(byKind.coupons[1]).toMatchObject({ reason: 'excluded_by', excludedBy: id(1) });
    const named = quoted(given, two('a', 'b'), NOW_MS);
    expect(named.coupons[1]).toMatchObject({ reason: 'no_effect' });
    expect([byKind.payable, named.payable]).toEqual([5_000, 5_000]);
  });

  test('an exclusive coupon waits for its turn like any other', () => {
    const wallet = [
      coupon(id(1), instant(2_500), { stacking: { exclusive: true } }),
      coupon(id(2), threshold([5_000, 1_000])),
      coupon(id(3), percent(8_000)),
    ];
    expect(quoted(order([line('A', 10_000)]), wallet, NOW_MS).coupons).toMatchObject([
      { off: 0, reason: 'excluded_by', excludedBy: id(2) },
      { off: 1_000, reason: null },
      { off: 1_800, reason: null },
    ]);
  });

  test('a threshold that an earlier one takes below its upper tier', () => {
    const wallet = [
      coupon(id(1), threshold([40_100, 200]), { stacking: { group: 'a' } }),
      coupon(id(2), threshold([30_000, 3_000], [40_000, 10_000]), { stacking: { group: 'b' } }),
    ];
    expect(quoted(order([line('A', 100), line('B', 40_000)]), wallet, NOW_MS).payable).toBe(36_900);
  });

  test('a line that is both named and excluded is out', () => {
    const scope = { categories: ['summer'], excludeCategories: ['clearance'] };
    const result = quoted(
      order([line('A', 1_000, 1, 'summer', 'clearance')]),
      [coupon(id(1), instant(10), { scope })],
      NOW_MS,
    );
    expect(result.coupons[0]!.reason).toBe('out_of_scope');
  });

  test('coupons of another currency than the order', () => {
    const wallet = [coupon(id(1), instant(100)), coupon(id(2), percent(5_000), { currency: 'USD' })];
    const result = quoted(order([line('A', 1_000)], 0, 'CNY'), wallet, NOW_MS);
    expect(result.coupons).toMatchObject([{ off: 100 }, { off: 0, reason: 'other_currency' }]);
    expect(result).toMatchObject({ currency: 'CNY', payable: 900 });
    expect(quoted(order([line('A', 1_000)]), wallet.slice(1), NOW_MS).currency).toBe('USD');
    expect(quoted(order([line('A', 1_000)]), [], NOW_MS).currency).toBeNull();
  });

  test('a percent of sums whose product passes 2^53', () => {
    const result = quoted(order([line('A', 3_519_269_212_589_083)]), [coupon(id(1), percent(8_500))], NOW_MS);
    expect(result.discount).toBe(527_890_381_888_362);
  });

  test('shares whose product passes 2^53', () => {
    const third = Math.floor(MAX / 3);
    const lines = [line('A', third), line('B', third), line('C', third)];
    const result = quoted(order(lines), [coupon(id(1), instant(third + 2))], NOW_MS);
    const share = BigInt(third + 2) / 3n;
    const left = Number(BigInt(third + 2) - share * 3n);
    expect(result.coupons[0]!.lineOffs).toEqual([0, 1, 2].map((i) => Number(share) + (i < left ? 1 : 0)));
  });

  test('a threshold that repeats, up to its cap', () => {
    const repeating = (more = {}) => [
      coupon(id(1), { kind: 'threshold', tiers: [{ spend: 1_000, off: 100 }], repeat: true, ...more }),
    ];
    const off = (price: number, more = {}) =>
      quoted(order([line('A', price)]), repeating(more), NOW_MS).discount;
    expect([999, 1_000, 1_999, 2_000, 10_999].map((price) => off(price))).toEqual([0, 100, 100, 200, 1_000]);
    expect([1_999, 3_000, 10_999].map((price) => off(price, { maxOff: 250 }))).toEqual([100, 250, 250]);
    const everyUnit = [coupon(id(1), { kind: 'threshold', tiers: [{ spend: 1, off: MAX }], repeat: true })];
    expect(quoted(order([line('A', MAX)]), everyUnit, NOW_MS).payable).toBe(0);
  });

  test('a quantity of 2^53 - 1', () => {
    const result = quoted(order([line('A', 1, MAX)]), [coupon(id(1), instant(1))], NOW_MS);
    expect(result.lines[0]!.units).toEqual([
      { count: MAX - 1, price: 1 },
      { count: 1, price: 0 },
    ]);
    expect(quoted(order([line('A', 0, MAX)]), [], NOW_MS).lines[0]!.units).toEqual([
      { count: MAX, price: 0 },
    ]);
  });

  test('a template is a rule', () => {
    expectTypeOf<Template>().toExtend<CouponRule>();
  });
});

describe('why a coupon takes nothing', () => {
  const wrong = {
    state: 'used',
    isSuspended: true,
    validUntilMs: NOW_MS,
    validFromMs: NOW_MS + 1,
    currency: 'USD',
    scope: { goods: ['Z'] },
  } as const;
  const applied = Array.from({ length: 5 }, (_, i) =>
    coupon(id(i + 1), instant(1), { stacking: { group: `g${i}` } }),
  );

  const usable = { state: 'usable', isSuspended: false } as const;
  const valid = { ...usable, validFromMs: NOW_MS, validUntilMs: NOW_MS + 9 };
  const fitting = { ...valid, currency: 'CNY', scope: { all: true } } as const;

  /** Each mends what those above tell; what is told below stays wrong. */
  test.each<[string, Partial<Parameters<typeof coupon>[2]>, number?]>([
    ['used', {}],
    ['locked', { state: 'locked' }],
    ['voided', { state: 'voided' }],
    ['suspended', { state: 'expired' }],
    ['expired', { ...valid, state: 'expired' }],
    ['expired', usable],
    ['not_yet_valid', { ...usable, validUntilMs: NOW_MS + 9 }],
    ['other_currency', valid],
    ['out_of_scope', { ...valid, currency: 'CNY' }],
    ['excluded_by', { ...fitting, stacking: { group: 'g3' } }, id(4)],
    ['excluded_by', { ...fitting, stacking: { exclusive: true } }, id(1)],
    ['too_many', fitting],
  ])('%s comes before what follows it', (reason, changes, excludedBy) => {
    const last = coupon(id(9), instant(1, 1_000_000), { ...wrong, ...changes });
    expect(quoted(order([line('A', 1_000)], 0, 'CNY'), [last, ...applied], NOW_MS).coupons[0]).toEqual({
      couponId: id(9),
      off: 0,
      lineOffs: [0],
      reason,
      ...(excludedBy === undefined ? {} : { excludedBy }),
    });
  });

  test('a group of the name of a kind is the group of that kind', () => {
    const both = [
      coupon(id(1), threshold([1, 1]), { stacking: { group: 'percent' } }),
      coupon(id(2), percent(5_000)),
    ];
    const result = quoted(order([line('A', 1_000)]), both, NOW_MS);
    expect(result.coupons[1]).toMatchObject({ reason: 'excluded_by', excludedBy: id(1) });
  });
});

describe('refused as a whole', () => {
  const good = line('A', 100);
  const one = coupon(id(1), instant(1));

  test.each([
    ['no items', order([]), 'items'],
    ['too many items', order(Array.from({ length: 501 }, () => good)), 'items'],
    ['half a unit', order([good, line('B', 1, 0.5)]), 'items[1].quantity'],
    ['no unit', order([line('B', 1, 0)]), 'items[0].quantity'],
    ['more units than can be counted', order([line('B', 0, 2 ** 53)]), 'items[0].quantity'],
    ['a price below zero', order([line('B', -1)]), 'items[0].price'],
    ['a price that is no number', order([line('B', Number.NaN)]), 'items[0].price'],
    ['a price beyond exactness', order([line('B', 2 ** 53)]), 'items[0].price'],
    ['a fee below zero', order([good], -1), 'shippingFee'],
    ['half a fee', order([good], 0.5), 'shippingFee'],
  ])('%s', (_what, given, field) => {
    const refusal = { kind: 'refused', code: 'invalid_request', field };
    expect(quote(given, [one, one], NOW_MS)).toMatchObject(refusal);
    expect(refusalOfBest(given, [])).toMatchObject(refusal);
  });

  test('as many items and coupons as may be are not', () => {
    const many = Array.from({ length: 50 }, (_, i) => coupon(id(i + 1), instant(1)));
    const given = order(Array.from({ length: 500 }, () => good));
    expect(quoted(given, many, NOW_MS).payable).toBe(50_000 - 1);
    expect(quote(given, [...many, coupon(id(51), instant(1))], NOW_MS)).toMatchObject({
      code: 'invalid_request',
      field: 'couponIds',
    });
  });

  test('a coupon named twice, known or not', () => {
    const refusal = { code: 'duplicate_coupon', field: 'couponIds[2]' };
    expect(quote(order([good]), [one, coupon(id(2), instant(1)), one], NOW_MS)).toMatchObject(refusal);
    const unknown = { couponId: id(7), state: 'not_found' } as const;
    expect(quote(order([good]), [unknown, one, unknown], NOW_MS)).toMatchObject(refusal);
  });

  test.each([
    [order([line('A', MAX)], 1)],
    [order([line('A', 2 ** 52), line('B', 2 ** 52)])],
    [order([line('A', 3, Math.ceil(MAX / 3) + 1)])],
    [order([line('A', MAX, MAX), line('B', MAX, MAX)], MAX)],
  ])('amounts that pass 2^53 - 1: %j', (given) => {
    expect(quote(given, [], NOW_MS)).toMatchObject({ code: 'amount_too_large' });
    expect(refusalOfBest(given, [])).toMatchObject({ code: 'amount_too_large' });
  });

  test('the largest order is not', () => {
    expect(quoted(order([line('A', MAX - 7, 1), line('B', 1, 3)], 4), [], NOW_MS).original).toBe(MAX);
    expect(quoted(order([line('A', 6_361, 1_416_003_655_831)]), [], NOW_MS).original).toBe(MAX);
  });

  test('coupons of several currencies, unless the order says which', () => {
    const mixed = [one, coupon(id(2), instant(1), { currency: 'USD', state: 'used' })];
    expect(quote(order([good]), mixed, NOW_MS)).toMatchObject({ code: 'invalid_request', field: 'currency' });
    expect(quote(order([good], 0, 'EUR'), mixed, NOW_MS)).toMatchObject({ kind: 'quoted' });
  });
});
