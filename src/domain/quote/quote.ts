/**
 * What an order comes to with the coupons named: a pure function of both and of the time, so that two people who
 * work it out by hand, or a client and the server, agree to the minor unit. By the product's rules for quotes:
 * coupons are taken one after the other in a fixed order; each measures and reduces what the ones before it have left
 * of the lines in its scope; one that can't apply stops none of the others.
 */
import { compareApplication } from './application-order.ts';
import { offRule, offTaken, SHIPPING } from './off.ts';
import {
  type AskedCoupon,
  currencyOf,
  isKnown,
  type Order,
  type QuoteCoupon,
  type QuoteRefusal,
  refusalOfQuote,
} from './order.ts';
import { NOT_FOUND, ownStanding, type QuoteReason, reasonOf } from './reasons.ts';
import { ScopeLines } from './scope-lines.ts';
import { takeOff } from './split-off.ts';
import { inConflict } from './stacking.ts';
import { type UnitRun, unitRuns } from './unit-runs.ts';

export interface CouponOutcome {
  readonly couponId: number;
  readonly off: number;
  /** Per line of the order; a shipping coupon takes from none. */
  readonly lineOffs: readonly number[];
  /** null: it applies. */
  readonly reason: QuoteReason | null;
  /** With `below_minimum`: by how much. */
  readonly missing?: number;
  /** With `excluded_by`. */
  readonly excludedBy?: number;
}

export interface Quote {
  readonly kind: 'quoted';
  readonly currency: string | null;
  /** Σ amounts and shipping fee; less `discount` and `shippingDiscount` it is `payable`. */
  readonly original: number;
  /** On goods. */
  readonly discount: number;
  readonly shippingDiscount: number;
  readonly payable: number;
  readonly goodsPayable: number;
  readonly shippingPayable: number;
  /** In the order asked. */
  readonly coupons: readonly CouponOutcome[];
  readonly lines: readonly { readonly payable: number; readonly units: readonly UnitRun[] }[];
}

export type { QuoteRefusal } from './order.ts';

/** What is left while coupons are taken. */
interface Till {
  readonly currency: string | null;
  readonly nowMs: number;
  readonly scopes: ScopeLines;
  readonly amounts: readonly number[];
  readonly remaining: Float64Array;
  readonly applied: QuoteCoupon[];
  shipping: number;
}

/** Refused as a whole: see order.ts. Otherwise every coupon has its outcome. */
export function quote(order: Order, coupons: readonly AskedCoupon[], nowMs: number): Quote | QuoteRefusal {
  const refusal = refusalOfQuote(order, coupons);
  if (refusal !== null) return refusal;
  const amounts = order.lines.map(({ price, quantity }) => price * quantity);
  const till: Till = {
    currency: currencyOf(order, coupons),
    nowMs,
    scopes: new ScopeLines(order.lines),
    amounts,
    remaining: new Float64Array(amounts),
    applied: [],
    shipping: order.shippingFee,
  };
  const outcomes = new Map<number, CouponOutcome>();
  for (const coupon of coupons.filter(isKnown).sort(compareApplication)) {
    outcomes.set(coupon.couponId, take(till, coupon));
  }
  const goods = amounts.reduce((sum, amount) => sum + amount, 0);
  const goodsPayable = till.remaining.reduce((sum, left) => sum + left, 0);
  return {
    kind: 'quoted',
    currency: till.currency,
    original: goods + order.shippingFee,
    discount: goods - goodsPayable,
    shippingDiscount: order.shippingFee - till.shipping,
    payable: goodsPayable + till.shipping,
    goodsPayable,
    shippingPayable: till.shipping,
    coupons: coupons.map(({ couponId }) => outcomes.get(couponId) ?? unknown(couponId, order)),
    lines: order.lines.map(({ quantity }, i) => {
      const payable = till.remaining[i]!;
      return { payable, units: unitRuns(payable, quantity) };
    }),
  };
}

function take(till: Till, coupon: QuoteCoupon): CouponOutcome {
  const { couponId, rule } = coupon;
  const { remaining, amounts } = till;
  const lines = till.scopes.within(rule.scope);
  const offs = offRule(rule.discount);
  const base = sumOf(remaining, lines);
  const measure = rule.measure === 'initial' ? sumOf(amounts, lines) : base;
  const ofFee = offs.kind === SHIPPING;
  const off = offTaken(offs, measure, ofFee ? till.shipping : base);
  const missing = Math.max(0, offs.minimum - measure);
  const conflictsWith = till.applied.find((other) => inConflict(rule, other.rule))?.couponId ?? null;
  // Field by field: a spread costs several times what all the rest of a quote does.
  const { state, isSuspended, isOver, hasBegun } = ownStanding(coupon, till.nowMs);
  const reason = reasonOf({
    state,
    isSuspended,
    isOver,
    hasBegun,
    isOtherCurrency: rule.currency !== till.currency,
    linesInScope: lines.length,
    conflictsWith,
    appliedBefore: till.applied.length,
    missing,
    off,
  });
  if (reason !== null) {
    return {
      couponId,
      off: 0,
      lineOffs: amounts.map(() => 0),
      reason,
      ...(reason === 'below_minimum' ? { missing } : {}),
      ...(reason === 'excluded_by' && conflictsWith !== null ? { excludedBy: conflictsWith } : {}),
    };
  }
  till.applied.push(coupon);
  const lineOffs: number[] = [];
  for (let i = 0; i < remaining.length; i++) lineOffs.push(remaining[i]!);
  if (ofFee) till.shipping -= off;
  else takeOff(remaining, lines, base, off);
  for (let i = 0; i < lineOffs.length; i++) lineOffs[i]! -= remaining[i]!;
  return { couponId, off, lineOffs, reason };
}

function unknown(couponId: number, { lines }: Order): CouponOutcome {
  return { couponId, off: 0, lineOffs: lines.map(() => 0), reason: reasonOf(NOT_FOUND) };
}

function sumOf(values: ArrayLike<number>, lines: Uint16Array): number {
  let sum = 0;
  for (let i = 0; i < lines.length; i++) sum += values[lines[i]!]!;
  return sum;
}
