/** Coupons as the SQL tables hold them, and as the port speaks of them. */
import { COUPON_STATES } from '../coupons/states.ts';
import type { CouponRow, CouponStatus, WalletQuery } from '../ports.ts';
import type { Cell } from './redemptions/steps.ts';

/** User ids need all 63 bits, which a JavaScript number has not: they leave SQL as text. */
const COLUMNS = `c.id, CAST(c.user_id AS CHAR), c.template_id, c.activity_id, c.code, c.claimed_at, c.valid_from,
  c.valid_until, c.state, r.id, r.order_id, r.locked_until, r.used_at`;
/** With the redemption that has it, if one has. */
const FROM = 'FROM coupons c LEFT JOIN redemptions r ON r.id = c.redemption_id AND c.state IN (1, 2)';

export interface CouponQuery {
  readonly sql: string;
  readonly values: (string | number)[];
}

export function couponQuery(couponId: number): CouponQuery {
  return { sql: `SELECT ${COLUMNS} ${FROM} WHERE c.id = ?`, values: [couponId] };
}

/** By the states of rows and what the time has made of them: expiry and lapsed locks are decided on read. */
const IN_STATUS: Readonly<Record<CouponStatus, string>> = {
  usable: '(c.state = 0 OR (c.state = 1 AND r.locked_until <= ?)) AND c.valid_until > ?',
  locked: 'c.state = 1 AND r.locked_until > ?',
  used: 'c.state = 2',
  expired: '(c.state = 3 OR ((c.state = 0 OR (c.state = 1 AND r.locked_until <= ?)) AND c.valid_until <= ?))',
  voided: 'c.state = 4',
};

const SPENT_IDS_MAX = 1_000;

/** Ids of those of the coupons that are used, expired or voided; a statement for each thousand. */
export function spentQueries(couponIds: readonly number[], nowMs: number): CouponQuery[] {
  const queries: CouponQuery[] = [];
  for (let from = 0; from < couponIds.length; from += SPENT_IDS_MAX) {
    const ids = couponIds.slice(from, from + SPENT_IDS_MAX);
    const places = ids.map(() => '?').join(', ');
    const isSpent = `(${IN_STATUS.used} OR ${IN_STATUS.voided} OR ${IN_STATUS.expired})`;
    queries.push({
      sql: `SELECT c.id ${FROM} WHERE c.id IN (${places}) AND ${isSpent}`,
      values: [...ids, nowMs, nowMs],
    });
  }
  return queries;
}

/** One page of a wallet, newest first. */
export function walletQuery({ userId, status, nowMs, after, limit }: WalletQuery): CouponQuery {
  // Cast, because a comparison with text would be made in floating point.
  const where = ['c.user_id = CAST(? AS SIGNED)'];
  const values: (string | number)[] = [userId];
  if (status !== null) {
    const holds = IN_STATUS[status];
    where.push(holds);
    for (const _ of holds.matchAll(/\?/g)) values.push(nowMs);
  }
  if (after !== null) {
    // Spelt out: a comparison of rows would not use the index.
    where.push('c.claimed_at <= ? AND (c.claimed_at < ? OR c.id < ?)');
    values.push(after.claimedAtMs, after.claimedAtMs, after.couponId);
  }
  values.push(limit);
  const order = 'ORDER BY c.claimed_at DESC, c.id DESC LIMIT ?';
  return { sql: `SELECT ${COLUMNS} ${FROM} WHERE ${where.join(' AND ')} ${order}`, values };
}

export function couponOf(cells: readonly Cell[]): CouponRow {
  const [id, userId, templateId, activityId, code, claimedAt, validFrom, validUntil, state] = cells;
  const [redemptionId, orderId, lockedUntil, usedAt] = cells.slice(9);
  const isLocked = Number(state) === 1;
  return {
    couponId: Number(id),
    userId: String(userId),
    templateId: Number(templateId),
    activityId: Number(activityId) || null,
    code: String(code),
    claimedAtMs: Number(claimedAt),
    validFromMs: Number(validFrom),
    validUntilMs: Number(validUntil),
    state: COUPON_STATES[Number(state)]!,
    ...(redemptionId === null ? {} : { redemptionId: Number(redemptionId), orderId: String(orderId) }),
    ...(isLocked && lockedUntil !== null ? { lockedUntilMs: Number(lockedUntil) } : {}),
    ...(!isLocked && usedAt !== null ? { usedAtMs: Number(usedAt) } : {}),
  };
}
