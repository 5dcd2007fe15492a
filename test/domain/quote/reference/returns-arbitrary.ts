/** Sequences of returns of what a lock froze, until nothing is left; some ask for more than there is in between. */
import fc from 'fast-check';
import type { Order } from './reference-order.ts';
import type { AskedReturn } from './reference-returns.ts';

interface ReturnDraw {
  readonly items: readonly { readonly lineAt: number; readonly permille: number }[];
  readonly isTooMuch: boolean;
  readonly recheck: boolean;
  readonly shipping: boolean;
}

export const returnDraws: fc.Arbitrary<readonly ReturnDraw[]> = fc.array(
  fc.record({
    items: fc.array(
      fc.record({
        lineAt: fc.nat({ max: 20 }),
        permille: fc.oneof(fc.constant(0), fc.integer({ min: 0, max: 1_000 }), fc.constant(1_000)),
      }),
      { minLength: 1, maxLength: 3 },
    ),
    isTooMuch: fc.integer({ min: 0, max: 9 }).map((n) => n === 9),
    recheck: fc.integer({ min: 0, max: 3 }).map((n) => n > 0),
    shipping: fc.boolean(),
  }),
  { minLength: 1, maxLength: 9, size: 'max' },
);

/** The last draw's `recheck` and `shipping` are also those of the return that brings all the rest. */
export function sequenceOf(order: Order, draws: readonly ReturnDraw[]): AskedReturn[] {
  const left = order.lines.map((line) => line.quantity);
  const sequence: AskedReturn[] = [];
  for (const { items, isTooMuch, recheck, shipping } of draws) {
    const asked: { line: number; quantity: number }[] = [];
    const leftBefore = [...left];
    for (const { lineAt, permille } of items) {
      const line = lineAt % left.length;
      if (left[line] === 0) continue;
      const quantity = Math.max(1, Math.floor((left[line]! * permille) / 1_000));
      left[line] = left[line]! - quantity;
      asked.push({ line, quantity });
    }
    if (isTooMuch) {
      // One unit more than what the items above leave of a line that some of them may name as well.
      const line = items[0]!.lineAt % left.length;
      asked.push({ line, quantity: left[line]! + 1 });
      for (const [at, quantity] of leftBefore.entries()) left[at] = quantity;
    }
    if (asked.length > 0) sequence.push({ items: asked, recheck, shipping });
  }
  const rest = left.map((quantity, line) => ({ line, quantity })).filter((item) => item.quantity > 0);
  const { recheck, shipping } = draws.at(-1)!;
  if (rest.length > 0) sequence.push({ items: rest, recheck, shipping });
  return sequence;
}
