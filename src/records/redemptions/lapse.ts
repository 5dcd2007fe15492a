/** What time does by itself: locks lapse, coupons expire. Whoever comes by first writes it, before anything else. */
import type { Swept } from '../../ports-coupons.ts';
import { freeCoupons, moveCoupons, type StoredCoupon, takeCoupons } from './coupon-moves.ts';
import { couponIdsOf, moveRedemption, type RedemptionRecord, readRedemption } from './redemption-rows.ts';
import { clock, type Dialect, rows, type Steps } from './steps.ts';

/** A lock whose time has passed and of which nobody has written so. → the coupons it gave free. */
export function* writeLapse(db: Dialect, record: RedemptionRecord, nowMs: number): Steps<StoredCoupon[]> {
  const coupons = yield* heldBy(db, record);
  yield* moveRedemption(record, 'lapsed', nowMs);
  yield* freeCoupons(coupons, 'released', nowMs);
  return coupons;
}

/** The same of a redemption that may have lapsed; null: it has not, or somebody has written so since it was seen. */
function* lapseOne(db: Dialect, redemptionId: number, nowMs: number): Steps<StoredCoupon[] | null> {
  const record = yield* readRedemption(db, redemptionId, nowMs);
  if (record === null || record.stored !== 'locked' || record.redemption.state !== 'lapsed') return null;
  return yield* writeLapse(db, record, nowMs);
}

/** The coupons a redemption has, all of which are taken; throws where one is in other hands. */
export function* heldBy(db: Dialect, { redemption }: RedemptionRecord): Steps<StoredCoupon[]> {
  const { redemptionId, frozen } = redemption;
  const coupons = yield* takeCoupons(db, couponIdsOf(redemption));
  const gone = coupons.find((coupon) => coupon.redemptionId !== redemptionId);
  if (gone !== undefined || coupons.length !== frozen.coupons.length)
    throw new Error(
      `redemption ${redemptionId} does not have coupon ${gone?.couponId ?? 'rows'} it is to have`,
    );
  return coupons;
}

export function* lapseSome(db: Dialect, limit: number): Steps<Swept> {
  const nowMs = yield* clock(db);
  const due = yield* rows(
    'SELECT id, locked_until FROM redemptions WHERE state = 0 AND locked_until <= ? ORDER BY locked_until LIMIT ?',
    [nowMs, limit],
  );
  const coupons: StoredCoupon[] = [];
  for (const [id] of due) {
    coupons.push(...((yield* lapseOne(db, Number(id), nowMs)) ?? []));
  }
  return { coupons, lateMs: due.length === 0 ? 0 : nowMs - Number(due[0]![1]) };
}

export function* expireSome(db: Dialect, limit: number): Steps<Swept> {
  const nowMs = yield* clock(db);
  const due = yield* rows(
    // The states stand in the text, for an index of these rows alone to be used.
    'SELECT id, valid_until FROM coupons WHERE state = 0 AND valid_until <= ? ORDER BY valid_until LIMIT ?',
    [nowMs, limit],
  );
  if (due.length === 0) return { coupons: [], lateMs: 0 };
  const ids = due.map(([id]) => Number(id));
  const taken = (yield* takeCoupons(db, ids)).filter(({ state }) => state === 'usable');
  yield* moveCoupons(taken, { kind: 'expired', atMs: nowMs, redemptionId: null });
  return { coupons: taken, lateMs: nowMs - Number(due[0]![1]) };
}

/** Of these coupons, the locks that have lapsed are written so. Whether there were any. */
export function* lapseOf(db: Dialect, coupons: readonly StoredCoupon[], nowMs: number): Steps<boolean> {
  const holders = new Set(
    coupons.filter(({ state }) => state === 'locked').map(({ redemptionId }) => redemptionId),
  );
  let some = false;
  for (const id of [...holders].sort((a, b) => a - b)) {
    if ((yield* lapseOne(db, id, nowMs)) !== null) some = true;
  }
  return some;
}
