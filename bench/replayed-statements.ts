/**
 * The SQL of one lock and one use as it was issued, to be issued again for other coupons by a bare client: the same
 * statements with the same sizes of values, and nothing of the store around them.
 */
import type { CouponStore, LockRequest } from '../src/ports-coupons.ts';
import { couponStore, type Transact } from '../src/records/redemptions/coupon-steps.ts';
import type { Dialect, Statement, Value } from '../src/records/redemptions/steps.ts';

/** What differs from one redemption to the next. */
export interface Names {
  readonly couponId: number;
  readonly userId: string;
  readonly orderId: string;
  readonly redemptionId: number;
}

export interface Replay {
  readonly lock: readonly Statement[];
  readonly use: readonly Statement[];
}

/** Locks and uses one coupon through `transact`, and keeps the statements of both. */
export async function recordReplay(
  db: Dialect,
  transact: Transact,
  request: LockRequest,
): Promise<{ readonly replay: Replay; readonly names: Names }> {
  let heard: Statement[] = [];
  const recording: Transact = (steps) =>
    transact(function* () {
      const inner = steps();
      let next = inner.next();
      while (next.done !== true) {
        heard.push(next.value);
        next = inner.next(yield next.value);
      }
      return next.value;
    });
  const store: CouponStore = couponStore(db, recording, recording);
  const warm = await store.lock({ ...request, orderId: `${request.orderId}-first` });
  if (warm.kind !== 'locked') throw new Error(JSON.stringify(warm));
  await store.release({ redemptionId: warm.redemption.redemptionId, userId: null });
  heard = [];
  const locked = await store.lock(request);
  if (locked.kind !== 'locked') throw new Error(JSON.stringify(locked));
  const lock = heard;
  heard = [];
  const { redemptionId } = locked.redemption;
  await store.use({ redemptionId, order: null, paidAtMs: null });
  const [couponId] = request.couponIds as [number];
  const { userId, orderId } = request;
  return { replay: { lock, use: heard }, names: { couponId, userId, orderId, redemptionId } };
}

/** The values of a recorded statement for another redemption. */
export function renamed(values: readonly Value[], from: Names, to: Names): Value[] {
  return values.map((value) => {
    if (value === from.couponId) return to.couponId;
    if (value === from.userId) return to.userId;
    if (value === from.orderId) return to.orderId;
    return value === from.redemptionId ? to.redemptionId : value;
  });
}
