/** Coupons are taken one after the other, in this order, however they are named. */
import { kindRank } from './off.ts';
import type { QuoteCoupon } from './order.ts';

/** By kind, template, coupon: for `sort`. */
export function compareApplication(a: QuoteCoupon, b: QuoteCoupon): number {
  return (
    kindRank(a.rule.discount) - kindRank(b.rule.discount) ||
    a.templateId - b.templateId ||
    a.couponId - b.couponId
  );
}
