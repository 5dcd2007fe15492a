/**
 * Coupons of one redemption move together: each UPDATE is guarded by the state and the redemption it starts from, counts
 * the coupon's events on, and stands beside the events in the outbox in the same transaction.
 */
import { COUPON_MOVES, COUPON_STATES, EVENT_KINDS } from '../../coupons/states.ts';
import type { CouponEventKind, CouponState } from '../../ports-coupons.ts';
import {
  byCount,
  type Cell,
  type Dialect,
  listOf,
  places,
  rows,
  run,
  type Steps,
  slicesOf,
  type Value,
} from './steps.ts';

export interface StoredCoupon {
  readonly couponId: number;
  readonly userId: string;
  readonly templateId: number;
  readonly state: CouponState;
  readonly validFromMs: number;
  readonly validUntilMs: number;
  /** The last one that has touched it; 0: none has. */
  readonly redemptionId: number;
  /** Of its last event. */
  readonly sequence: number;
}

const COLUMNS = `id, CAST(user_id AS CHAR), template_id, state, valid_from, valid_until, redemption_id, sequence`;

export function storedCouponOf(cells: Cell[]): StoredCoupon {
  const [id, userId, templateId, state, validFrom, validUntil, redemptionId, sequence] = cells;
  return {
    couponId: Number(id),
    userId: String(userId),
    templateId: Number(templateId),
    state: COUPON_STATES[Number(state)]!,
    validFromMs: Number(validFrom),
    validUntilMs: Number(validUntil),
    redemptionId: Number(redemptionId),
    sequence: Number(sequence),
  };
}

const TAKE = byCount((count) => `SELECT ${COLUMNS} FROM coupons WHERE id IN (${places(count)}) ORDER BY id`);

/** Locked until the transaction ends, by ascending id: two that want the same ones wait for each other in one order. */
export function* takeCoupons(db: Dialect, couponIds: readonly number[]): Steps<StoredCoupon[]> {
  if (couponIds.length === 0) return [];
  const taken: StoredCoupon[] = [];
  for (const ids of slicesOf([...couponIds].sort((a, b) => a - b))) {
    for (const cells of yield* rows(TAKE(ids.length) + db.forUpdate, ids)) taken.push(storedCouponOf(cells));
  }
  return taken;
}

export function* takeWhere(db: Dialect, where: string, values: readonly Value[]): Steps<StoredCoupon[]> {
  return (yield* rows(`SELECT ${COLUMNS} FROM coupons WHERE ${where}${db.forUpdate}`, values)).map(
    storedCouponOf,
  );
}

export interface Move {
  readonly kind: Exclude<CouponEventKind, 'claimed'>;
  readonly atMs: number;
  /** Whose it is from then on; null leaves that as it is. */
  readonly redemptionId: number | null;
  readonly detail?: string;
}

const MOVE = moveTexts('');
const MOVE_TO = moveTexts(', redemption_id = ?');
const TELL = byCount(
  (count) => `INSERT INTO coupon_events (coupon_id, sequence, kind, at, redemption_id, detail)
    VALUES ${listOf('(?, ?, ?, ?, ?, ?)', count)}`,
);

function numberOf(state: CouponState): number {
  return COUPON_STATES.indexOf(state);
}

/** By kind: an UPDATE of so many. */
function moveTexts(owner: string): Readonly<Record<Move['kind'], (count: number) => string>> {
  const texts = Object.entries(COUPON_MOVES).map(([kind, { from, to }]) => [
    kind,
    byCount(
      (count) => `UPDATE coupons SET state = ${numberOf(to)}, sequence = sequence + 1${owner}
        WHERE id IN (${places(count)}) AND state IN (${from.map(numberOf).join(', ')})`,
    ),
  ]);
  return Object.fromEntries(texts);
}

/** Moves all of these, which were taken in this transaction. → as they are then. */
export function* moveCoupons(coupons: readonly StoredCoupon[], move: Move): Steps<StoredCoupon[]> {
  if (coupons.length === 0) return [];
  const { kind, redemptionId } = move;
  const { from, to } = COUPON_MOVES[kind];
  const wrong = coupons.find(({ state }) => !from.includes(state));
  if (wrong !== undefined)
    throw new Error(`coupon ${wrong.couponId} is ${wrong.state}, and was to be ${kind}`);
  let matched = 0;
  for (const some of slicesOf(coupons)) {
    const ids = some.map(({ couponId }) => couponId);
    const moved = yield* redemptionId === null
      ? run(MOVE[kind](ids.length), ids)
      : run(MOVE_TO[kind](ids.length), [redemptionId, ...ids]);
    matched += moved.matched;
  }
  if (matched !== coupons.length)
    throw new Error(`${matched} of ${coupons.length} coupons were ${kind} although all were taken`);
  const after = coupons.map((coupon) => ({
    ...coupon,
    state: to,
    sequence: coupon.sequence + 1,
    redemptionId: redemptionId ?? coupon.redemptionId,
  }));
  for (const some of slicesOf(after)) yield* tell(some, move);
  return after;
}

/** Writes the event of each, as it is after it. */
function* tell(coupons: readonly StoredCoupon[], { kind, atMs, detail }: Move): Steps<void> {
  const number = EVENT_KINDS.indexOf(kind);
  const isOfNone = kind === 'expired' || kind === 'voided';
  const values: Value[] = [];
  for (const { couponId, sequence, redemptionId } of coupons) {
    const owner = isOfNone || redemptionId === 0 ? null : redemptionId;
    values.push(couponId, sequence, number, atMs, owner, detail ?? null);
  }
  yield* run(TELL(coupons.length), values);
}

/** Gives coupons free again; those whose time has passed expire at once, as an event of its own. */
export function* freeCoupons(
  coupons: readonly StoredCoupon[],
  kind: 'released' | 'reverted',
  atMs: number,
): Steps<void> {
  const free = yield* moveCoupons(coupons, { kind, atMs, redemptionId: null });
  const over = free.filter(({ validUntilMs }) => validUntilMs <= atMs);
  yield* moveCoupons(over, { kind: 'expired', atMs, redemptionId: null });
}
