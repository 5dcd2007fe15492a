/** What holds of every quote. */
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { OffRule } from '../../../src/domain/quote/off.ts';
import { offRule, offTaken } from '../../../src/domain/quote/off.ts';
import { quote } from '../../../src/domain/quote/quote.ts';
import { takeOff } from '../../../src/domain/quote/split-off.ts';
import { priceOfFirst, unitRuns } from '../../../src/domain/quote/unit-runs.ts';
import type { Discount } from '../../../src/domain/template.ts';
import { someDiscount, someOrder, someWallet } from './arbitraries.ts';
import { NOW_MS, quoted } from './orders.ts';

const MAX = Number.MAX_SAFE_INTEGER;
const total = (values: Iterable<number>) => {
  let sum = 0n;
  for (const value of values) sum += BigInt(value);
  return sum;
};

describe('every quote', () => {
  test('adds up to the minor unit', () => {
    fc.assert(
      fc.property(someOrder, someWallet, (order, wallet) => {
        const result = quoted(order, wallet, NOW_MS);
        const { original, discount, shippingDiscount, payable, goodsPayable, shippingPayable } = result;
        const amounts = order.lines.map(({ price, quantity }) => BigInt(price) * BigInt(quantity));
        expect(BigInt(original)).toBe(amounts.reduce((a, b) => a + b, BigInt(order.shippingFee)));
        expect(payable).toBe(original - discount - shippingDiscount);
        expect(payable).toBe(goodsPayable + shippingPayable);
        expect(shippingPayable).toBe(order.shippingFee - shippingDiscount);
        expect(total(result.lines.map((line) => line.payable))).toBe(BigInt(goodsPayable));
        for (const [i, line] of result.lines.entries()) {
          const offs = total(result.coupons.map(({ lineOffs }) => lineOffs[i]!));
          expect(BigInt(line.payable)).toBe(amounts[i]! - offs);
          expect(line.payable).toBeGreaterThanOrEqual(0);
          expect(total(line.units.map(({ count }) => count))).toBe(BigInt(order.lines[i]!.quantity));
          const prices = line.units.map(({ count, price }) => BigInt(count) * BigInt(price));
          expect(prices.reduce((a, b) => a + b, 0n)).toBe(BigInt(line.payable));
        }
        let ofFee = 0n;
        for (const { couponId, off, lineOffs, reason } of result.coupons) {
          const { discount } = wallet.find((one) => one.couponId === couponId)!.rule;
          expect(off > 0).toBe(reason === null);
          if (discount.kind === 'shipping') ofFee += BigInt(off);
          expect(total(lineOffs)).toBe(discount.kind === 'shipping' ? 0n : BigInt(off));
        }
        expect(ofFee).toBe(BigInt(shippingDiscount));
      }),
      { numRuns: 1000 },
    );
  });

  test('is the same in whatever order coupons are named, and answers in that order', () => {
    fc.assert(
      fc.property(someOrder, someWallet, fc.infiniteStream(fc.nat()), (order, wallet, keys) => {
        const keyed = wallet.map((one) => [keys.next().value as number, one] as const);
        const shuffled = keyed.sort(([a], [b]) => a - b).map(([, one]) => one);
        const a = quoted(order, wallet, NOW_MS);
        const b = quoted(order, shuffled, NOW_MS);
        const outcomes = wallet.map(({ couponId }) => b.coupons.find((one) => one.couponId === couponId)!);
        expect(b.coupons.map(({ couponId }) => couponId)).toEqual(shuffled.map(({ couponId }) => couponId));
        expect({ ...b, coupons: outcomes }).toEqual(a);
      }),
    );
  });

  test('changes nothing it was given', () => {
    fc.assert(
      fc.property(someOrder, someWallet, (order, wallet) => {
        const before = structuredClone({ order, wallet });
        quote(order, wallet, NOW_MS);
        expect({ order, wallet }).toEqual(before);
      }),
      { numRuns: 50 },
    );
  });
});

const amount = fc.oneof(
  fc.nat(100),
  fc.nat(100_000),
  fc.integer({ min: 0, max: MAX }),
  fc.nat(100).map((n) => MAX - n),
);

describe('an off', () => {
  /** By the words of the rule, in BigInt. */
  function byHand(rule: OffRule, discount: Discount, measure: number, base: number): bigint {
    const least = (...values: (number | bigint | undefined)[]) =>
      values
        .filter((v) => v !== undefined)
        .map(BigInt)
        .reduce((a, b) => (a < b ? a : b));
    if (measure < rule.minimum) return 0n;
    switch (discount.kind) {
      case 'threshold': {
        const { spend, off } = discount.tiers.findLast((tier) => tier.spend <= measure)!;
        const times = discount.repeat === true ? BigInt(measure) / BigInt(spend) : 1n;
        return least(BigInt(off) * times, discount.maxOff, base);
      }
      case 'instant':
        return least(discount.off, base);
      case 'percent':
        return least(
          (BigInt(base) * BigInt(10_000 - discount.rate) * 2n + 10_000n) / 20_000n,
          discount.maxOff,
        );
      case 'shipping':
        return least(base, discount.maxOff);
    }
  }

  test('is exact up to 2^53 - 1', () => {
    fc.assert(
      fc.property(someDiscount, amount, amount, (discount, measure, base) => {
        const rule = offRule(discount);
        expect(BigInt(offTaken(rule, measure, base))).toBe(byHand(rule, discount, measure, base));
      }),
      { numRuns: 5000 },
    );
  });

  test('never rises as measure and base fall', () => {
    fc.assert(
      fc.property(
        someDiscount,
        amount,
        amount,
        fc.nat(1000),
        fc.nat(1000),
        (discount, measure, base, a, b) => {
          const rule = offRule(discount);
          const less = offTaken(rule, Math.max(0, measure - a), Math.max(0, base - b));
          expect(less).toBeLessThanOrEqual(offTaken(rule, measure, base));
        },
      ),
      { numRuns: 5000 },
    );
  });
});

describe('a split', () => {
  test('is by the largest fractions, of equal ones the earlier line', () => {
    const parts = fc.array(fc.oneof(fc.nat(3), fc.nat(1000), fc.nat(2 ** 49)), {
      minLength: 1,
      maxLength: 12,
    });
    fc.assert(
      fc.property(parts, fc.integer({ min: 0, max: MAX }), (amounts, seed) => {
        const sum = amounts.reduce((a, b) => a + b, 0);
        fc.pre(sum > 0);
        const off = seed % (sum + 1);
        const remaining = Float64Array.from(amounts);
        takeOff(
          remaining,
          amounts.map((_, i) => i),
          sum,
          off,
        );
        const shares = amounts.map((part) => (BigInt(part) * BigInt(off)) / BigInt(sum));
        const rest = amounts.map((part, i) => ({ i, left: (BigInt(part) * BigInt(off)) % BigInt(sum) }));
        const short = Number(BigInt(off) - shares.reduce((a, b) => a + b, 0n));
        rest.sort((a, b) => (a.left > b.left ? -1 : a.left < b.left ? 1 : a.i - b.i));
        for (const { i } of rest.slice(0, short)) shares[i]!++;
        expect(Array.from(remaining)).toEqual(amounts.map((part, i) => part - Number(shares[i])));
      }),
      { numRuns: 3000 },
    );
  });
});

describe('units', () => {
  test('differ by one at most, the dearer ones first, and add up from any point on', () => {
    const quantity = fc.integer({ min: 1, max: 10_000 });
    fc.assert(
      fc.property(amount, quantity, fc.nat(10_000), (payable, quantity, some) => {
        const runs = unitRuns(payable, quantity);
        const first = Math.min(some, quantity);
        expect(priceOfFirst(runs, quantity)).toBe(payable);
        const floor = BigInt(payable) / BigInt(quantity);
        const dearer = BigInt(payable) % BigInt(quantity);
        const most = BigInt(first) < dearer ? BigInt(first) : dearer;
        expect(BigInt(priceOfFirst(runs, first))).toBe(floor * BigInt(first) + most);
        expect(runs.every(({ count }) => count > 0)).toBe(true);
      }),
      { numRuns: 2000 },
    );
  });
});
