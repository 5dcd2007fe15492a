/**
 * What comes back when goods do: by the product's rules for returns. All amounts below are of everything returned so
 * far, this return included, so that what one return could not give a later one makes up, a refund never passes the
 * price of what came back, and when all is back all that was paid is.
 *
 * `exact` is the prices of the units that came back, those of a line's first run first. With recheck the buyer is
 * also held to what the kept goods would have cost: quoted with the coupons, rules and time of the lock. A coupon
 * that the kept goods no longer suit takes nothing there.
 */
import type { Order, QuoteCoupon } from './order.ts';
import { type Quote, quote } from './quote.ts';
import { priceOfFirst } from './unit-runs.ts';

export interface ReturnedItem {
  /** Index of the order's line. */
  readonly line: number;
  readonly quantity: number;
}

export interface ReturnInput {
  /** Of the lock, with the prices and the fee of then. */
  readonly order: Order;
  /** As the lock froze it. */
  readonly quote: Quote;
  /** Of the redemption, with rules and validity as of the lock. What became of them since is of no matter. */
  readonly coupons: readonly QuoteCoupon[];
  readonly lockedAtMs: number;
  readonly recheck: boolean;
  /** Units per line of the order. */
  readonly returnedBefore: readonly number[];
  /** For goods. */
  readonly refundedBefore: number;
  /** A line named twice adds up. */
  readonly items: readonly ReturnedItem[];
  /** Give the shipping fee back too, should this return leave nothing. */
  readonly shipping: boolean;
}

export interface Returned {
  readonly kind: 'returned';
  /** For goods, of this return. */
  readonly refund: number;
  readonly exact: number;
  /** Goods paid less what is to be paid for those kept; below zero when keeping is dearer. null without recheck. */
  readonly recheck: number | null;
  /** Of `exact`, what is not refunded by now. */
  readonly shortfall: number;
  readonly leavesNothing: boolean;
  readonly shippingRefund: number;
}

export interface ReturnRefusal {
  readonly kind: 'refused';
  readonly code: 'invalid_return';
  readonly detail: string;
  /** As in the body of a request: `items[1].quantity`. */
  readonly field: string;
}

export function returned(input: ReturnInput): Returned | ReturnRefusal {
  const { order, quote: paid, refundedBefore } = input;
  const back = unitsBack(input);
  if (!Array.isArray(back)) return back;
  const leavesNothing = order.lines.every(({ quantity }, i) => back[i] === quantity);
  const exact = paid.lines.reduce((sum, { units }, i) => sum + priceOfFirst(units, back[i]!), 0);
  const recheck = input.recheck ? paid.goodsPayable - (leavesNothing ? 0 : priceOfKept(input, back)) : null;
  const target = recheck === null ? exact : Math.min(exact, recheck);
  const refund = Math.max(0, target - refundedBefore);
  return {
    kind: 'returned',
    refund,
    exact,
    recheck,
    shortfall: exact - refundedBefore - refund,
    leavesNothing,
    shippingRefund: input.shipping && leavesNothing ? paid.shippingPayable : 0,
  };
}

/** Per line, with those of before. */
function unitsBack({ order, returnedBefore, items }: ReturnInput): number[] | ReturnRefusal {
  if (items.length === 0) return invalid('items', 'at least one item comes back');
  const back = order.lines.map((_, i) => returnedBefore[i] ?? 0);
  for (const [i, { line, quantity }] of items.entries()) {
    const bought = order.lines[line]?.quantity;
    if (bought === undefined) {
      return invalid(`items[${i}].line`, `a line of the order, 0 to ${order.lines.length - 1}`);
    }
    const left = bought - back[line]!;
    if (!Number.isSafeInteger(quantity) || quantity < 1 || quantity > left) {
      return invalid(`items[${i}].quantity`, `an integer from 1 to the ${left} units that are left`);
    }
    back[line]! += quantity;
  }
  return back;
}

function priceOfKept({ order, coupons, lockedAtMs }: ReturnInput, back: readonly number[]): number {
  const lines = order.lines
    .map((line, i) => ({ ...line, quantity: line.quantity - back[i]! }))
    .filter(({ quantity }) => quantity > 0);
  const asThen = coupons.map((coupon) => ({ ...coupon, state: 'usable' as const, isSuspended: false }));
  const kept = quote({ ...order, lines }, asThen, lockedAtMs);
  // Less than an order that was quoted can't be refused.
  if (kept.kind === 'refused') throw new Error(`the goods kept can't be quoted: ${kept.detail}`);
  return kept.goodsPayable;
}

function invalid(field: string, allowed: string): ReturnRefusal {
  return { kind: 'refused', code: 'invalid_return', detail: `${field}: ${allowed}`, field };
}
