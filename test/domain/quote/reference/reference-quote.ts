/**
 * A quote by the numbered rules, one after the other, slowly and in BigInt. The numbers in the comments are those of
 * the rules.
 */
import { currenciesOf, faultsOf } from './reference-faults.ts';
import { minimumOf, nominalOff, smaller, split, sum, unitRuns } from './reference-off.ts';
import type {
  AskedCoupon,
  CouponOutcome,
  Discount,
  Order,
  OrderLine,
  QuoteCoupon,
  ReferenceQuote,
  ReferenceRefusal,
  Scope,
} from './reference-order.ts';

const KINDS: readonly Discount['kind'][] = ['threshold', 'instant', 'percent', 'shipping'];
const APPLIED_MAX = 5;

/** Rule 2. */
export function inOrderOfApplication(coupons: readonly QuoteCoupon[]): QuoteCoupon[] {
  return [...coupons].sort((a, b) => {
    const kinds = KINDS.indexOf(a.rule.discount.kind) - KINDS.indexOf(b.rule.discount.kind);
    if (kinds !== 0) return kinds;
    return a.templateId === b.templateId ? a.couponId - b.couponId : a.templateId - b.templateId;
  });
}

export function isInScope(line: OrderLine, scope: Scope): boolean {
  if (scope.excludeGoods?.includes(line.goodsId)) return false;
  for (const category of line.categoryIds) if (scope.excludeCategories?.includes(category)) return false;
  if ('all' in scope) return true;
  if (scope.goods?.includes(line.goodsId)) return true;
  for (const category of line.categoryIds) if (scope.categories?.includes(category)) return true;
  return false;
}

/** The reasons of rule 3 that no other coupon has a part in, up to `other_currency`. */
export function refusalOfItself(coupon: QuoteCoupon, currency: string | null, nowMs: number): string | null {
  if (coupon.state === 'used') return 'used';
  if (coupon.state === 'locked') return 'locked';
  if (coupon.state === 'voided') return 'voided';
  if (coupon.isSuspended) return 'suspended';
  if (coupon.state === 'expired' || nowMs >= coupon.validUntilMs) return 'expired';
  if (nowMs < coupon.validFromMs) return 'not_yet_valid';
  if (coupon.rule.currency !== currency) return 'other_currency';
  return null;
}

function isExclusive(coupon: QuoteCoupon): boolean {
  return coupon.rule.stacking !== null && 'exclusive' in coupon.rule.stacking;
}

function groupOf(coupon: QuoteCoupon): string {
  const { stacking, discount } = coupon.rule;
  return stacking !== null && 'group' in stacking ? stacking.group : discount.kind;
}

function isConflict(a: QuoteCoupon, b: QuoteCoupon): boolean {
  return isExclusive(a) || isExclusive(b) || groupOf(a) === groupOf(b);
}

export function referenceQuote(
  order: Order,
  coupons: readonly AskedCoupon[],
  nowMs: number,
): ReferenceQuote | ReferenceRefusal {
  const codes = faultsOf(order, coupons);
  if (codes.length > 0) return { kind: 'refused', codes };
  const currency = order.currency ?? currenciesOf(coupons)[0] ?? null;

  // 1
  const amounts = order.lines.map((line) => BigInt(line.price) * BigInt(line.quantity));
  const remaining = [...amounts];
  const nothing = order.lines.map(() => 0n);
  let shippingRemaining = BigInt(order.shippingFee);
  let discount = 0n;
  let shippingDiscount = 0n;

  const outcomes = new Map<number, CouponOutcome>();
  const refuse = (
    couponId: number,
    reason: string,
    more: { missing?: bigint; excludedBy?: number } = {},
  ): void => {
    outcomes.set(couponId, { couponId, off: 0n, nominal: 0n, lineOffs: nothing, reason, ...more });
  };

  // 2
  const known: QuoteCoupon[] = [];
  for (const coupon of coupons) {
    if (coupon.state === 'not_found') refuse(coupon.couponId, 'not_found');
    else known.push(coupon);
  }
  const applied: QuoteCoupon[] = [];
  for (const coupon of inOrderOfApplication(known)) {
    const { couponId, rule } = coupon;

    // 3
    const reason = refusalOfItself(coupon, currency, nowMs);
    if (reason !== null) {
      refuse(couponId, reason);
      continue;
    }
    const places = [...order.lines.keys()].filter((at) => isInScope(order.lines[at]!, rule.scope));
    if (places.length === 0) {
      refuse(couponId, 'out_of_scope');
      continue;
    }
    const conflicting = applied.find((other) => isConflict(coupon, other));
    if (conflicting !== undefined) {
      refuse(couponId, 'excluded_by', { excludedBy: conflicting.couponId });
      continue;
    }
    if (applied.length === APPLIED_MAX) {
      refuse(couponId, 'too_many');
      continue;
    }

    // 4
    const remainingInScope = places.map((at) => remaining[at]!);
    const goodsRemaining = sum(remainingInScope);
    const measure = rule.measure === 'initial' ? sum(places.map((at) => amounts[at]!)) : goodsRemaining;
    const minimum = minimumOf(rule.discount);
    if (measure < minimum) {
      refuse(couponId, 'below_minimum', { missing: minimum - measure });
      continue;
    }

    // 5
    const nominal = nominalOff(rule.discount, measure, goodsRemaining, shippingRemaining);
    const isShipping = rule.discount.kind === 'shipping';
    const off = smaller(nominal, isShipping ? shippingRemaining : goodsRemaining);
    if (off === 0n) {
      refuse(couponId, 'no_effect');
      continue;
    }

    // 6
    const lineOffs = [...nothing];
    if (isShipping) {
      shippingRemaining -= off;
      shippingDiscount += off;
    } else {
      for (const [i, share] of split(off, remainingInScope).entries()) lineOffs[places[i]!] = share;
      for (const at of places) remaining[at] = remaining[at]! - lineOffs[at]!;
      discount += off;
    }
    applied.push(coupon);
    outcomes.set(couponId, { couponId, off, nominal, lineOffs, reason: null });
  }

  // 7
  const goodsPayable = sum(remaining);
  return {
    kind: 'quoted',
    currency,
    original: sum(amounts) + BigInt(order.shippingFee),
    discount,
    shippingDiscount,
    payable: goodsPayable + shippingRemaining,
    goodsPayable,
    shippingPayable: shippingRemaining,
    coupons: coupons.map((coupon) => outcomes.get(coupon.couponId)!),
    lines: remaining.map((payable, at) => ({
      payable,
      units: unitRuns(payable, BigInt(order.lines[at]!.quantity)),
    })),
  };
}
