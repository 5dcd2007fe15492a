/** What one coupon takes and how that is split over lines. Exact: nothing but BigInt. */
import type { Discount } from './reference-order.ts';

export function sum(values: readonly bigint[]): bigint {
  let total = 0n;
  for (const value of values) total += value;
  return total;
}

export function smaller(a: bigint, b: bigint): bigint {
  return a < b ? a : b;
}

function capped(off: bigint, maxOff: number | undefined): bigint {
  return maxOff === undefined ? off : smaller(off, BigInt(maxOff));
}

/** The least measure with which a coupon does anything. */
export function minimumOf(discount: Discount): bigint {
  if (discount.kind !== 'threshold') return BigInt(discount.minSpend ?? 0);
  let lowest = BigInt(discount.tiers[0]!.spend);
  for (const tier of discount.tiers) lowest = smaller(lowest, BigInt(tier.spend));
  return lowest;
}

/** Step 5 without its "never more than": the measure reaches the minimum already. */
export function nominalOff(
  discount: Discount,
  measure: bigint,
  goodsRemaining: bigint,
  shippingRemaining: bigint,
): bigint {
  switch (discount.kind) {
    case 'threshold': {
      let highest: { spend: number; off: number } | null = null;
      for (const tier of discount.tiers) {
        const isReached = measure >= BigInt(tier.spend);
        if (isReached && (highest === null || tier.spend > highest.spend)) highest = tier;
      }
      if (highest === null) throw new Error('asked for the off of a threshold that is not reached');
      if (discount.repeat !== true) return BigInt(highest.off);
      return capped(BigInt(highest.off) * (measure / BigInt(highest.spend)), discount.maxOff);
    }
    case 'instant':
      return BigInt(discount.off);
    case 'percent': {
      const tenThousandths = goodsRemaining * (10_000n - BigInt(discount.rate));
      const whole = tenThousandths / 10_000n;
      const rest = tenThousandths % 10_000n;
      return capped(rest >= 5_000n ? whole + 1n : whole, discount.maxOff);
    }
    case 'shipping':
      return capped(shippingRemaining, discount.maxOff);
  }
}

/** Step 6: `off` over lines in proportion to what remains of them, in minor units. */
export function split(off: bigint, remaining: readonly bigint[]): bigint[] {
  const total = sum(remaining);
  const shares = remaining.map((part) => (off * part) / total);
  // All fractions have the denominator `total`, so their numerators compare as they do.
  const fractions = remaining.map((part, at) => ({ at, numerator: (off * part) % total }));
  fractions.sort((a, b) => (a.numerator === b.numerator ? a.at - b.at : a.numerator > b.numerator ? -1 : 1));
  let left = off - sum(shares);
  for (const { at } of fractions) {
    if (left === 0n) break;
    shares[at] = shares[at]! + 1n;
    left -= 1n;
  }
  return shares;
}

/** Step 7: what a line costs, over its units, as runs of one price. */
export function unitRuns(payable: bigint, quantity: bigint): { count: bigint; price: bigint }[] {
  const price = payable / quantity;
  const dearer = payable % quantity;
  const runs = [
    { count: dearer, price: price + 1n },
    { count: quantity - dearer, price },
  ];
  return runs.filter((run) => run.count > 0n);
}
