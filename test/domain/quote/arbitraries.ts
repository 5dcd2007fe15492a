/**
 * Orders and wallets for property tests: few distinct goods, categories, groups and sums, so that scopes overlap,
 * coupons conflict and ties happen; and all that the rules allow at the far ends.
 */
import fc from 'fast-check';
import { couponId } from '../../../src/domain/coupon-id.ts';
import type { Order, OrderLine, QuoteCoupon } from '../../../src/domain/quote/order.ts';
import type { Discount, Scope, Stacking } from '../../../src/domain/template.ts';
import { NOW_MS } from './orders.ts';

const TEMPLATES = 30;
const GOODS = ['g1', 'g2', 'g3', 'g4'];
const CATEGORIES = ['c1', 'c2', 'c3'];
const some = (from: readonly string[]) => fc.subarray([...from], { minLength: 1 });

const money = fc.oneof(
  { weight: 4, arbitrary: fc.constantFrom(0, 1, 9, 10, 100, 333, 1_000, 2_545, 9_999, 10_000) },
  { weight: 4, arbitrary: fc.nat(20_000) },
  { weight: 1, arbitrary: fc.nat(10 ** 9) },
);
const quantity = fc.oneof(
  { weight: 3, arbitrary: fc.integer({ min: 1, max: 7 }) },
  { weight: 1, arbitrary: fc.integer({ min: 1, max: 10_000 }) },
);

const someLine: fc.Arbitrary<OrderLine> = fc.record({
  goodsId: fc.constantFrom(...GOODS),
  categoryIds: fc.subarray(CATEGORIES),
  price: money,
  quantity,
});

/** Below 2^53 in all, and quite often as much as that. */
export const someOrder: fc.Arbitrary<Order> = fc
  .record({
    lines: fc.array(someLine, { minLength: 1, maxLength: 6 }),
    shippingFee: fc.oneof(fc.constant(0), fc.nat(2_000)),
    isLargest: fc.nat(9).map((n) => n === 0),
  })
  .map(({ lines, shippingFee, isLargest }) => {
    const order = { currency: 'CNY', lines, shippingFee };
    if (!isLargest) return order;
    const total = lines.reduce((sum, { price, quantity }) => sum + price * quantity, shippingFee);
    const rest = { goodsId: 'g1', categoryIds: [], price: Number.MAX_SAFE_INTEGER - total, quantity: 1 };
    return { ...order, lines: [...lines, rest] };
  });

const sum = fc.oneof(
  { weight: 4, arbitrary: fc.constantFrom(1, 100, 300, 500, 1_000, 3_000, 10_000) },
  { weight: 3, arbitrary: fc.integer({ min: 1, max: 20_000 }) },
  { weight: 1, arbitrary: fc.integer({ min: 1, max: Number.MAX_SAFE_INTEGER }) },
);
const minSpend = fc.option(sum, { nil: undefined, freq: 2 });
const maxOff = fc.option(sum, { nil: undefined, freq: 2 });
const set = <T>(name: string, value: T | undefined) => (value === undefined ? {} : { [name]: value });

/** Both rising, as templates are held to. */
const tiers = fc
  .tuple(
    fc.uniqueArray(sum, { minLength: 1, maxLength: 3 }),
    fc.uniqueArray(sum, { minLength: 3, maxLength: 3 }),
  )
  .map(([spends, offs]) => {
    const risingOffs = offs.toSorted((a, b) => a - b);
    return spends.toSorted((a, b) => a - b).map((spend, i) => ({ spend, off: risingOffs[i]! }));
  });

export const someDiscount: fc.Arbitrary<Discount> = fc.oneof(
  tiers.map((tiers) => ({ kind: 'threshold' as const, tiers })),
  fc.tuple(tiers, maxOff).map(([tiers, cap]) => ({
    kind: 'threshold' as const,
    tiers: tiers.slice(0, 1),
    repeat: true,
    ...set('maxOff', cap),
  })),
  fc.tuple(sum, minSpend).map(([off, min]) => ({ kind: 'instant' as const, off, ...set('minSpend', min) })),
  fc
    .tuple(fc.oneof(fc.constantFrom(0, 5_000, 8_000, 9_000, 9_999), fc.nat(9_999)), minSpend, maxOff)
    .map(([rate, min, cap]) => ({
      kind: 'percent' as const,
      rate,
      ...set('minSpend', min),
      ...set('maxOff', cap),
    })),
  fc.tuple(minSpend, maxOff).map(([min, cap]) => ({
    kind: 'shipping' as const,
    ...set('minSpend', min),
    ...set('maxOff', cap),
  })),
);

const excluded = fc.oneof(
  { weight: 3, arbitrary: fc.constant({}) },
  { weight: 1, arbitrary: some(GOODS.slice(0, 2)).map((excludeGoods) => ({ excludeGoods })) },
  { weight: 1, arbitrary: some(CATEGORIES.slice(0, 2)).map((excludeCategories) => ({ excludeCategories })) },
);
const someScope: fc.Arbitrary<Scope> = fc.oneof(
  { weight: 2, arbitrary: excluded.map((out) => ({ all: true as const, ...out })) },
  { weight: 1, arbitrary: fc.tuple(some(GOODS), excluded).map(([goods, out]) => ({ goods, ...out })) },
  {
    weight: 1,
    arbitrary: fc.tuple(some(CATEGORIES), excluded).map(([categories, out]) => ({ categories, ...out })),
  },
);
const someStacking: fc.Arbitrary<Stacking | null> = fc.oneof(
  { weight: 4, arbitrary: fc.constant(null) },
  { weight: 4, arbitrary: fc.constantFrom('a', 'b', 'c', 'instant').map((group) => ({ group })) },
  { weight: 1, arbitrary: fc.constant({ exclusive: true as const }) },
);

/** Most of them usable at NOW_MS. */
const someCoupon = fc.record({
  templateId: fc.integer({ min: 1, max: TEMPLATES }),
  validUntilMs: fc.constantFrom(NOW_MS, NOW_MS + 1, NOW_MS + 2, NOW_MS + 3, NOW_MS + 4),
  validFromMs: fc.oneof(
    { weight: 9, arbitrary: fc.constant(NOW_MS) },
    { weight: 1, arbitrary: fc.constant(NOW_MS + 1) },
  ),
  state: fc.oneof(
    { weight: 14, arbitrary: fc.constant('usable' as const) },
    { weight: 1, arbitrary: fc.constantFrom('locked' as const, 'used', 'voided', 'expired') },
  ),
  isSuspended: fc.nat(20).map((n) => n === 0),
});
const someRule = fc.record({
  discount: someDiscount,
  scope: someScope,
  stacking: someStacking,
  measure: fc.constantFrom('remaining' as const, 'remaining', 'initial'),
});

/** Coupons of one template have one rule; ids are distinct. */
export const someWallet: fc.Arbitrary<QuoteCoupon[]> = fc
  .tuple(
    fc.array(someCoupon, { maxLength: 10 }),
    fc.array(someRule, { minLength: TEMPLATES, maxLength: TEMPLATES }),
  )
  .map(([coupons, rules]) =>
    coupons.map((one, serial) => ({
      ...one,
      couponId: couponId(one.templateId, serial),
      rule: { currency: one.templateId < TEMPLATES ? 'CNY' : 'USD', ...rules[one.templateId - 1]! },
    })),
  );
