/** Returns of what a lock froze, one after the other, by the words of the rule. */
import { smaller } from './reference-off.ts';
import type { Order, QuoteCoupon, ReferenceQuote } from './reference-order.ts';
import { referenceQuote } from './reference-quote.ts';

/** What was locked and then used: every coupon in it applied, as they were at `nowMs`. */
export interface ReturnLock {
  readonly order: Order;
  readonly coupons: readonly QuoteCoupon[];
  readonly nowMs: number;
  readonly quote: ReferenceQuote;
}

export interface AskedReturn {
  readonly items: readonly { readonly line: number; readonly quantity: number }[];
  readonly recheck: boolean;
  readonly shipping: boolean;
}

export type ReturnOutcome =
  | {
      readonly kind: 'returned';
      /** Σ prices of all units returned so far, this return's among them. */
      readonly exact: bigint;
      /** Goods paid − goods payable of what is kept; below zero where the rest costs more than all did. */
      readonly recheck: bigint;
      readonly target: bigint;
      /** For the goods of this return. */
      readonly refund: bigint;
      /** What has come back is worth that much more than was refunded for it so far. */
      readonly shortfall: bigint;
      readonly shippingRefund: bigint;
      readonly leavesNothing: boolean;
    }
  | { readonly kind: 'refused'; readonly code: 'invalid_return' };

/** Units per line after the return; null when it asks for more than are left. */
function after(lock: ReturnLock, before: readonly number[], asked: AskedReturn): number[] | null {
  const returned = [...before];
  for (const { line, quantity } of asked.items) {
    if (lock.order.lines[line] === undefined || quantity < 1) return null;
    returned[line] = returned[line]! + quantity;
  }
  return lock.order.lines.some((line, at) => returned[at]! > line.quantity) ? null : returned;
}

/** Units come back first run first. */
function exactOf(lock: ReturnLock, returned: readonly number[]): bigint {
  let exact = 0n;
  for (const [at, line] of lock.quote.lines.entries()) {
    let left = BigInt(returned[at]!);
    for (const run of line.units) {
      const units = smaller(left, run.count);
      exact += units * run.price;
      left -= units;
    }
  }
  return exact;
}

function goodsPayableOfKept(lock: ReturnLock, returned: readonly number[]): bigint {
  const lines = lock.order.lines
    .map((line, at) => ({ ...line, quantity: line.quantity - returned[at]! }))
    .filter((line) => line.quantity > 0);
  if (lines.length === 0) return 0n;
  const quote = referenceQuote({ ...lock.order, lines }, lock.coupons, lock.nowMs);
  if (quote.kind === 'refused') throw new Error(`refused: ${quote.codes.join(', ')}`);
  return quote.goodsPayable;
}

export function referenceReturns(lock: ReturnLock, sequence: readonly AskedReturn[]): ReturnOutcome[] {
  const outcomes: ReturnOutcome[] = [];
  let returned = lock.order.lines.map(() => 0);
  let refundedBefore = 0n;
  for (const asked of sequence) {
    const next = after(lock, returned, asked);
    if (next === null) {
      outcomes.push({ kind: 'refused', code: 'invalid_return' });
      continue;
    }
    returned = next;
    const exact = exactOf(lock, returned);
    const recheck = lock.quote.goodsPayable - goodsPayableOfKept(lock, returned);
    const target = asked.recheck ? smaller(exact, recheck) : exact;
    const refund = target > refundedBefore ? target - refundedBefore : 0n;
    refundedBefore += refund;
    const leavesNothing = lock.order.lines.every((line, at) => returned[at] === line.quantity);
    outcomes.push({
      kind: 'returned',
      exact,
      recheck,
      target,
      refund,
      shortfall: exact - refundedBefore,
      shippingRefund: leavesNothing && asked.shipping ? lock.quote.shippingPayable : 0n,
      leavesNothing,
    });
  }
  return outcomes;
}
