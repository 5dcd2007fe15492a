/** Which coupons may stand beside each other on one order. */
import type { CouponRule } from './order.ts';

export function isExclusive({ stacking }: CouponRule): boolean {
  return stacking !== null && 'exclusive' in stacking;
}

/** At most one coupon of a group: by default the discount's kind, and a group of that name is the same one. */
export function groupOf({ stacking, discount }: CouponRule): string {
  return stacking !== null && 'group' in stacking ? stacking.group : discount.kind;
}

export function inConflict(a: CouponRule, b: CouponRule): boolean {
  return isExclusive(a) || isExclusive(b) || groupOf(a) === groupOf(b);
}
