/** Coupons taken out of use for good. What is locked or used is left as it is. */
import type { CouponOf, VoidCounts, VoidOutcome } from '../../ports-coupons.ts';
import { moveCoupons, type StoredCoupon, takeCoupons, takeWhere } from './coupon-moves.ts';
import { lapseOf } from './lapse.ts';
import { clock, type Dialect, type Steps } from './steps.ts';

export function* voidCoupon(db: Dialect, couponId: number, reason: string): Steps<VoidOutcome> {
  const nowMs = yield* clock(db);
  let [coupon] = yield* takeCoupons(db, [couponId]);
  if (coupon === undefined) return { kind: 'refused', code: 'not_found' };
  if (yield* lapseOf(db, [coupon], nowMs)) [coupon] = yield* takeCoupons(db, [couponId]);
  if (coupon!.state === 'voided') return { kind: 'voided', isRepeat: true };
  if (coupon!.state !== 'usable') return { kind: 'refused', code: coupon!.state };
  if (coupon!.validUntilMs <= nowMs) return { kind: 'refused', code: 'expired' };
  yield* moveCoupons([coupon!], { kind: 'voided', atMs: nowMs, redemptionId: null, detail: reason });
  return { kind: 'voided', isRepeat: false };
}

export function* voidSome(
  db: Dialect,
  templateId: number,
  afterCouponId: number,
  limit: number,
  reason: string,
): Steps<{ counts: VoidCounts; last: number | null; voided: CouponOf[] }> {
  const nowMs = yield* clock(db);
  // Ids of a template are a run: its id times 2^32 and the serial.
  const [from, to] = [Math.max(afterCouponId, templateId * 2 ** 32 - 1), (templateId + 1) * 2 ** 32];
  let coupons = yield* takeWhere(db, 'id > ? AND id < ? ORDER BY id LIMIT ?', [from, to, limit]);
  if (yield* lapseOf(db, coupons, nowMs))
    coupons = yield* takeWhere(db, 'id > ? AND id < ? ORDER BY id LIMIT ?', [from, to, limit]);
  const usable = coupons.filter(({ state, validUntilMs }) => state === 'usable' && validUntilMs > nowMs);
  yield* moveCoupons(usable, { kind: 'voided', atMs: nowMs, redemptionId: null, detail: reason });
  const inState = (state: StoredCoupon['state']) => coupons.filter((one) => one.state === state).length;
  return {
    counts: {
      voided: usable.length,
      locked: inState('locked'),
      used: inState('used'),
      expired: inState('expired') + inState('usable') - usable.length,
    },
    last: coupons.length < limit ? null : coupons.at(-1)!.couponId,
    voided: usable.map(({ couponId, userId }) => ({ couponId, userId })),
  };
}
