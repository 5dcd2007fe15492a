/** Coupons as the SQL tables hold them, and as the port speaks of them. */
import type { CouponRow, WalletQuery } from '../ports.ts';

/** User ids need all 63 bits, which a JavaScript number has not: they leave SQL as text. */
export const COUPON_COLUMNS =
  'id, CAST(user_id AS TEXT) AS user_id, template_id, activity_id, code, claimed_at, valid_from, valid_until, state';

export interface CouponRecord {
  id: number;
  user_id: string;
  template_id: number;
  activity_id: number;
  code: string;
  claimed_at: number;
  valid_from: number;
  valid_until: number;
  state: number;
}

const STATES = ['usable', 'locked', 'used'] as const;

export function couponOf(row: CouponRecord): CouponRow {
  return {
    couponId: row.id,
    userId: row.user_id,
    templateId: row.template_id,
    activityId: row.activity_id === 0 ? null : row.activity_id,
    code: row.code,
    claimedAtMs: row.claimed_at,
    validFromMs: row.valid_from,
    validUntilMs: row.valid_until,
    state: STATES[row.state],
  };
}

/** One page of a wallet, newest first. A locked coupon does not expire before it is released. */
export function walletQuery(query: WalletQuery): { sql: string; parameters: (string | number)[] } {
  const where = ['user_id = CAST(? AS INTEGER)'];
  const parameters: (string | number)[] = [query.userId];
  switch (query.status) {
    case 'usable':
      where.push('state = 0 AND valid_until > ?');
      parameters.push(query.nowMs);
      break;
    case 'expired':
      where.push('state = 0 AND valid_until <= ?');
      parameters.push(query.nowMs);
      break;
    case 'locked':
      where.push('state = 1');
      break;
    case 'used':
      where.push('state = 2');
      break;
    case null:
      break;
  }
  if (query.after !== null) {
    where.push('(claimed_at, id) < (?, ?)');
    parameters.push(query.after.claimedAtMs, query.after.couponId);
  }
  parameters.push(query.limit);
  const sql = `SELECT ${COUPON_COLUMNS} FROM coupons WHERE ${where.join(' AND ')} ORDER BY claimed_at DESC, id DESC LIMIT ?`;
  return { sql, parameters };
}
