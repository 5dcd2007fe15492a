/** Release, extension and revert of a redemption. */
import { REDEMPTION_RULINGS } from '../../coupons/states.ts';
import type {
  ExtendRequest,
  MoveOutcome,
  MoveRefusal,
  Redemption,
  ReleaseRequest,
  RevertOutcome,
} from '../../ports-coupons.ts';
import { freeCoupons, type StoredCoupon, takeCoupons } from './coupon-moves.ts';
import { heldBy, writeLapse } from './lapse.ts';
import { couponIdsOf, moveRedemption, type RedemptionRecord, readRedemption } from './redemption-rows.ts';
import { clock, type Dialect, run, type Steps } from './steps.ts';

export function* release(db: Dialect, { redemptionId, userId }: ReleaseRequest): Steps<MoveOutcome> {
  const nowMs = yield* clock(db);
  const record = yield* readRedemption(db, redemptionId, nowMs);
  if (record === null || (userId !== null && record.redemption.userId !== userId)) return NOT_FOUND;
  const { redemption } = record;
  if (userId !== null && redemption.isOfService) return { kind: 'refused', code: 'forbidden' };
  const ruling = REDEMPTION_RULINGS.release[redemption.state];
  if (ruling === 'same') return { kind: 'moved', redemption, isRepeat: true };
  if (ruling === 'already_used') return { kind: 'refused', code: ruling, redemption };
  // Of one that has lapsed the coupons are free already; from now on a payment in time does not bring it back.
  const coupons = record.stored === 'lapsed' ? [] : yield* heldBy(db, record);
  const released = yield* moveRedemption(record, 'released', nowMs);
  yield* freeCoupons(coupons, 'released', nowMs);
  return { kind: 'moved', redemption: released, isRepeat: false };
}

export function* extend(db: Dialect, { redemptionId, lockMs }: ExtendRequest): Steps<MoveOutcome> {
  const nowMs = yield* clock(db);
  const record = yield* readRedemption(db, redemptionId, nowMs);
  if (record === null) return NOT_FOUND;
  const { redemption } = record;
  const ruling = REDEMPTION_RULINGS.extend[redemption.state];
  if (ruling !== 'do') return refusalOf(ruling, redemption);
  const untilMs = Math.max(redemption.lockedUntilMs, nowMs + lockMs);
  return { kind: 'moved', redemption: yield* moveRedemption(record, 'locked', untilMs), isRepeat: false };
}

/** Never refused. What was paid and has not come back yet is what there is to refund. */
export function* revert(db: Dialect, redemptionId: number): Steps<RevertOutcome> {
  const nowMs = yield* clock(db);
  const record = yield* readRedemption(db, redemptionId, nowMs);
  if (record === null) return NOT_FOUND;
  const { redemption } = record;
  if (REDEMPTION_RULINGS.revert[redemption.state] === 'same')
    return { kind: 'moved', redemption, isRepeat: true, refund: restOf(redemption) };
  const reverted = yield* writeRevert(db, record, nowMs);
  return { kind: 'moved', redemption: reverted, isRepeat: false, refund: restOf(redemption) };
}

function* writeRevert(db: Dialect, record: RedemptionRecord, nowMs: number): Steps<Redemption> {
  const { redemption, stored } = record;
  const { redemptionId } = redemption;
  if (stored === 'locked' && redemption.state === 'lapsed') {
    yield* writeLapse(db, record, nowMs);
    return yield* writeRevert(db, (yield* readRedemption(db, redemptionId, nowMs))!, nowMs);
  }
  const coupons = yield* revertible(db, record);
  const reverted = yield* moveRedemption(record, 'reverted', nowMs);
  yield* freeCoupons(coupons, 'reverted', nowMs);
  if (stored === 'used')
    yield* run('UPDATE usages SET reverted_at = ? WHERE redemption_id = ? AND reverted_at IS NULL', [
      nowMs,
      redemptionId,
    ]);
  return reverted;
}

/** Its coupons that are not free yet. */
function* revertible(db: Dialect, record: RedemptionRecord): Steps<StoredCoupon[]> {
  const { redemption, stored } = record;
  if (stored === 'locked') return yield* heldBy(db, record);
  if (stored !== 'used') return [];
  // A return may have given some back before.
  return (yield* takeCoupons(db, couponIdsOf(redemption))).filter(
    (coupon) => coupon.redemptionId === redemption.redemptionId && coupon.state === 'used',
  );
}

/** The same before the revert and after it, when nothing can be returned any more. */
function restOf({ usedAtMs, frozen, returned }: Redemption): number {
  return usedAtMs === null ? 0 : frozen.quote.payable - returned.refunded - returned.shippingRefunded;
}

const NOT_FOUND = { kind: 'refused', code: 'not_found' } as const;

function refusalOf(code: string, redemption: Redemption): MoveRefusal {
  if (code === 'lock_expired') return { kind: 'refused', code, redemption, taken: [] };
  if (code === 'released' || code === 'reverted' || code === 'already_used')
    return { kind: 'refused', code, redemption };
  throw new Error(`a refusal that is none: ${code}`);
}
