/**
 * Locks coupons for an order. Named by user and order: the same again is the same lock, whatever "best" would be now.
 * Judged by the database's clock; the quote that comes out of it is what is kept.
 */
import type { AskedCoupon, QuoteCoupon } from '../../domain/quote/order.ts';
import { type Quote, quote } from '../../domain/quote/quote.ts';
import type { LockOutcome, LockRefusal, LockRequest, Redemption } from '../../ports-coupons.ts';
import { freeCoupons, moveCoupons, type StoredCoupon, takeCoupons } from './coupon-moves.ts';
import { heldBy, lapseOf, writeLapse } from './lapse.ts';
import {
  insertRedemption,
  moveRedemption,
  type RedemptionRecord,
  readByKey,
  readLive,
} from './redemption-rows.ts';
import { quoteCoupon, type TemplateRules } from './rules.ts';
import { clock, type Dialect, type Steps } from './steps.ts';
import { writeUse } from './use.ts';

/** A coupon that the lock that gives way has does not go out of time by being locked anew. */
const NEVER_MS = Number.MAX_SAFE_INTEGER;

export function* lock(db: Dialect, rules: TemplateRules, request: LockRequest): Steps<LockOutcome> {
  const nowMs = yield* clock(db);
  const { userId, orderId, key, fingerprint, gid } = request;
  if (key !== null) {
    const known = yield* readByKey(userId, key, nowMs);
    if (known !== null)
      return known.fingerprint === fingerprint
        ? repeat(known.redemption)
        : { kind: 'refused', code: 'idempotency_conflict' };
  }
  let live = yield* readLive(db, userId, orderId, nowMs);
  if (live !== null && live.redemption.state === 'lapsed') {
    yield* writeLapse(db, live, nowMs);
    live = null;
  }
  if (live !== null) {
    if (live.fingerprint === fingerprint && live.gid === gid) return repeat(live.redemption);
    const mayReplace = request.replace && live.stored === 'locked';
    // What a service has locked is released by services only, and giving way is being released.
    if (!mayReplace || (live.redemption.isOfService && !request.isOfService))
      return { kind: 'refused', code: 'order_changed', redemption: live.redemption };
  }
  if (request.couponIds.length === 0) return { kind: 'refused', code: 'no_coupon' };

  let found = yield* takeCoupons(db, request.couponIds);
  if (yield* lapseOf(db, found, nowMs)) found = yield* takeCoupons(db, request.couponIds);
  // Another first lock of this order may have been here while these coupons were waited for: it is the one then. A till
  // has used them by the time it lets go.
  const isTaken = found.some(({ state }) => state === 'locked' || state === 'used');
  if (live === null && isTaken && (yield* readLive(db, userId, orderId, nowMs)) !== null)
    return yield* lock(db, rules, request);
  const missing = request.couponIds.filter((id) => !found.some(({ couponId }) => couponId === id));
  if (missing.length > 0) return { kind: 'missing', couponIds: missing };

  const asked = yield* askedCoupons(db, rules, request, found, live, nowMs);
  const quoted = quote(request.order, asked, nowMs);
  const refusal = refusalOf(request, quoted);
  if (refusal !== null) return refusal;
  if (quoted.kind !== 'quoted') throw new Error('a refused quote is a refusal');

  if (live !== null) {
    found = yield* giveWay(db, live, found, nowMs);
  }
  const coupons = asked.filter((coupon): coupon is QuoteCoupon => coupon.state !== 'not_found');
  const made = yield* insertRedemption({
    userId,
    orderId,
    lockedAtMs: nowMs,
    lockedUntilMs: nowMs + request.lockMs,
    isOfService: request.isOfService,
    key,
    fingerprint,
    gid,
    frozen: { order: request.order, coupons, quote: quoted },
  });
  const { redemptionId } = made.redemption;
  yield* moveCoupons(found, { kind: 'locked', atMs: nowMs, redemptionId });
  const redemption = request.use ? yield* writeUse(db, made, nowMs) : made.redemption;
  return { kind: 'locked', redemption, isRepeat: false };
}

/** Releases a live lock. What the next one wants of it does not expire in between. → `wanted` as they are then. */
function* giveWay(
  db: Dialect,
  live: RedemptionRecord,
  wanted: readonly StoredCoupon[],
  nowMs: number,
): Steps<StoredCoupon[]> {
  const isWanted = ({ couponId }: StoredCoupon): boolean => wanted.some((one) => one.couponId === couponId);
  const held = yield* heldBy(db, live);
  yield* moveRedemption(live, 'released', nowMs);
  yield* freeCoupons(
    held.filter((coupon) => !isWanted(coupon)),
    'released',
    nowMs,
  );
  const kept = yield* moveCoupons(held.filter(isWanted), {
    kind: 'released',
    atMs: nowMs,
    redemptionId: null,
  });
  return wanted.map((one) => kept.find(({ couponId }) => couponId === one.couponId) ?? one);
}

function repeat(redemption: Redemption): LockOutcome {
  return { kind: 'locked', redemption, isRepeat: true };
}

/** In the order asked. Somebody else's is what is not there; what the lock that gives way has is as if it were free. */
function* askedCoupons(
  db: Dialect,
  rules: TemplateRules,
  { couponIds, userId }: LockRequest,
  found: readonly StoredCoupon[],
  live: RedemptionRecord | null,
  nowMs: number,
): Steps<AskedCoupon[]> {
  const mine = new Map(
    found.filter((coupon) => coupon.userId === userId).map((coupon) => [coupon.couponId, coupon]),
  );
  const known = yield* rules.of(
    db,
    [...mine.values()].map(({ templateId }) => templateId),
  );
  const held = new Map(live?.redemption.frozen.coupons.map((coupon) => [coupon.couponId, coupon]));
  return couponIds.map((couponId): AskedCoupon => {
    const coupon = mine.get(couponId);
    if (coupon === undefined) return { couponId, state: 'not_found' };
    const now = quoteCoupon(coupon, known);
    if (!held.has(couponId)) return now;
    const isOver = now.validUntilMs <= nowMs;
    return {
      ...now,
      state: 'usable',
      isSuspended: false,
      ...(isOver ? { validUntilMs: NEVER_MS } : {}),
    };
  });
}

function refusalOf(request: LockRequest, quoted: ReturnType<typeof quote>): LockRefusal | null {
  if (quoted.kind === 'refused') return quoted;
  const taken = quoted.coupons.filter(({ reason }) => reason === 'locked').map(({ couponId }) => couponId);
  if (taken.length > 0) return { kind: 'refused', code: 'coupon_locked', couponIds: taken };
  if (quoted.coupons.some(({ reason }) => reason !== null)) return refused('not_applicable', quoted);
  if (request.expectPayable !== null && request.expectPayable !== quoted.payable)
    return refused('quote_changed', quoted);
  return null;
}

function refused(code: 'not_applicable' | 'quote_changed', quoted: Quote): LockRefusal {
  return { kind: 'refused', code, quote: quoted };
}
