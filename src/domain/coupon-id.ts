/** Coupon id = templateId * 2^32 + serial (design: unique because a unit is, and no round trip to make it). */
const SERIALS = 2 ** 32;

export function couponId(templateId: number, serial: number): number {
  return templateId * SERIALS + serial;
}

export function templateOfCoupon(id: number): number {
  return Math.floor(id / SERIALS);
}

export function serialOfCoupon(id: number): number {
  return id % SERIALS;
}
