/** Orders: few goods and categories, so that scopes meet; free lines; a share with totals up to 2^53 − 1. */
import fc from 'fast-check';
import type { Order, OrderLine } from './reference-order.ts';

const AMOUNT_MAX = Number.MAX_SAFE_INTEGER;

export const goodsIds = fc.constantFrom('g1', 'g2', 'g3', 'g4');
export const categories = fc.constantFrom('c1', 'c2', 'c3', 'c4');

const prices = fc.oneof(
  { weight: 1, arbitrary: fc.constant(0) },
  { weight: 3, arbitrary: fc.integer({ min: 1, max: 20 }) },
  { weight: 3, arbitrary: fc.integer({ min: 1, max: 30_000 }) },
  { weight: 3, arbitrary: fc.constantFrom(100, 333, 999, 1_000, 2_545, 5_000, 10_000) },
);

const quantities = fc.oneof(
  { weight: 6, arbitrary: fc.integer({ min: 1, max: 3 }) },
  { weight: 3, arbitrary: fc.integer({ min: 1, max: 20 }) },
  { weight: 1, arbitrary: fc.integer({ min: 1, max: 10_000 }) },
);

const lines: fc.Arbitrary<OrderLine> = fc.record({
  goodsId: goodsIds,
  categoryIds: fc.uniqueArray(categories, { maxLength: 3 }),
  price: prices,
  quantity: quantities,
});

const fees = fc.oneof(
  { weight: 1, arbitrary: fc.constant(0) },
  { weight: 2, arbitrary: fc.integer({ min: 1, max: 2_000 }) },
);

const currencies = fc.oneof(
  { weight: 9, arbitrary: fc.constant<string | null>('CNY') },
  { weight: 1, arbitrary: fc.constant(null) },
);

/** Deals an amount near the largest out over the lines; the last line, of one unit, gets what is left of it. */
function enlarged(order: Order, shares: readonly number[], short: number): Order {
  let left = AMOUNT_MAX - order.shippingFee - short;
  const last = order.lines.length - 1;
  const enlargedLines = order.lines.map((line, at) => {
    if (at === last) return { ...line, price: left, quantity: 1 };
    const price = Math.floor((left * shares[at]!) / 1000 / line.quantity);
    left -= price * line.quantity;
    return { ...line, price };
  });
  return { ...order, lines: enlargedLines };
}

export function orders(linesMax: number): fc.Arbitrary<Order> {
  const usual = fc.record({
    currency: currencies,
    lines: fc.array(lines, { minLength: 1, maxLength: linesMax, size: 'max' }),
    shippingFee: fees,
  });
  const large = fc
    .tuple(
      usual,
      fc.array(fc.integer({ min: 0, max: 900 }), { minLength: linesMax, maxLength: linesMax }),
      fc.oneof(fc.constant(0), fc.integer({ min: 0, max: 10_000 })),
    )
    .map(([order, shares, short]) => enlarged(order, shares, short));
  return fc.oneof({ weight: 9, arbitrary: usual }, { weight: 1, arbitrary: large });
}
