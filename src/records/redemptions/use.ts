/** A paid order: its coupons are used, and there is a usage record of each. */
import { REDEMPTION_RULINGS } from '../../coupons/states.ts';
import type { Order } from '../../domain/quote/order.ts';
import type { MoveOutcome, Redemption, Taken, UseRequest } from '../../ports-coupons.ts';
import { moveCoupons, type StoredCoupon, takeCoupons } from './coupon-moves.ts';
import { writeLapse } from './lapse.ts';
import {
  couponIdsOf,
  moveRedemption,
  type RedemptionRecord,
  readLive,
  readRedemption,
} from './redemption-rows.ts';
import { byCount, clock, type Dialect, listOf, run, type Steps } from './steps.ts';

/** A payment may be told so long after it was made. */
const PAID_BEFORE_MS_MAX = 24 * 60 * 60 * 1000;

export function* use(db: Dialect, request: UseRequest): Steps<MoveOutcome> {
  const nowMs = yield* clock(db);
  const record = yield* readRedemption(db, request.redemptionId, nowMs);
  if (record === null) return { kind: 'refused', code: 'not_found' };
  const { redemption } = record;
  const ruling = REDEMPTION_RULINGS.use[redemption.state];
  if (ruling === 'same') return { kind: 'moved', redemption, isRepeat: true };
  if (ruling === 'released' || ruling === 'reverted') return { kind: 'refused', code: ruling, redemption };
  const { order } = request;
  // The prices of a user's lock are what the client claimed.
  if (order === null && !redemption.isVerified)
    return { kind: 'refused', code: 'items_required', redemption };
  if (order !== null && !isSameOrder(order, redemption.frozen.order))
    return { kind: 'refused', code: 'order_changed', redemption };
  if (ruling === 'late') {
    const refused = yield* refusalOfLate(db, record, request.paidAtMs, nowMs);
    if (refused !== null) return refused;
  }
  return { kind: 'moved', redemption: yield* writeUse(db, record, nowMs), isRepeat: false };
}

const RECORD = byCount(
  (count) => `INSERT INTO usages
    (redemption_id, coupon_id, user_id, template_id, order_id, original, discount, final, used_at)
    VALUES ${listOf('(?, ?, CAST(? AS SIGNED), ?, ?, ?, ?, ?, ?)', count)}`,
);

/** Everything a use writes; the coupons are this redemption's. → as it is then. */
export function* writeUse(db: Dialect, record: RedemptionRecord, nowMs: number): Steps<Redemption> {
  const { redemption } = record;
  const { redemptionId, frozen, userId, orderId } = redemption;
  const coupons = yield* takeCoupons(db, couponIdsOf(redemption));
  const used = yield* moveRedemption(record, 'used', nowMs);
  yield* moveCoupons(coupons, { kind: 'used', atMs: nowMs, redemptionId });
  const { original, payable, coupons: outcomes } = frozen.quote;
  const offs = new Map(outcomes.map(({ couponId, off }) => [couponId, off]));
  yield* run(
    RECORD(coupons.length),
    coupons.flatMap(({ couponId, templateId }) => [
      redemptionId,
      couponId,
      userId,
      templateId,
      orderId,
      original,
      offs.get(couponId)!,
      payable,
      nowMs,
    ]),
  );
  return used;
}

/** Paid in time and told late: goes through as long as nobody else has touched any of the coupons. */
function* refusalOfLate(
  db: Dialect,
  record: RedemptionRecord,
  paidAtMs: number | null,
  nowMs: number,
): Steps<MoveOutcome | null> {
  const { redemption } = record;
  const coupons = yield* takeCoupons(db, couponIdsOf(redemption));
  const taken = coupons.filter((coupon) => !isStillOf(coupon, redemption)).map(takenOf(redemption));
  const wasInTime =
    paidAtMs !== null &&
    paidAtMs < redemption.lockedUntilMs &&
    paidAtMs <= nowMs &&
    paidAtMs >= nowMs - PAID_BEFORE_MS_MAX;
  // The order may have been locked anew with other coupons meanwhile: one of the two is the order's.
  const live = yield* readLive(db, redemption.userId, redemption.orderId, nowMs);
  const isOther = live !== null && live.redemption.redemptionId !== redemption.redemptionId;
  const isReplaced = isOther && live.redemption.state !== 'lapsed';
  // One that has lapsed too is none any more, and makes room here whether the sweeper has been there or not.
  if (isOther && !isReplaced) yield* writeLapse(db, live, nowMs);
  if (wasInTime && taken.length === 0 && !isReplaced) return null;
  return { kind: 'refused', code: 'lock_expired', redemption, taken };
}

function isStillOf({ redemptionId, state }: StoredCoupon, redemption: Redemption): boolean {
  return (
    redemptionId === redemption.redemptionId &&
    (state === 'locked' || state === 'usable' || state === 'expired')
  );
}

function takenOf(redemption: Redemption) {
  return ({ couponId, state, redemptionId }: StoredCoupon): Taken => ({
    couponId,
    state,
    redemptionId: redemptionId === redemption.redemptionId ? null : redemptionId,
  });
}

/** The same lines in the same order, at the same prices, with the same fee. */
function isSameOrder(a: Order, b: Order): boolean {
  return (
    a.shippingFee === b.shippingFee &&
    (a.currency === null || b.currency === null || a.currency === b.currency) &&
    a.lines.length === b.lines.length &&
    a.lines.every((line, i) => {
      const other = b.lines[i]!;
      return (
        line.goodsId === other.goodsId &&
        line.price === other.price &&
        line.quantity === other.quantity &&
        line.categoryIds.length === other.categoryIds.length &&
        line.categoryIds.every((id, at) => id === other.categoryIds[at])
      );
    })
  );
}
