/** Wallets and single coupons. */
import type { CouponRow, WalletQuery } from '../../ports.ts';
import type { MysqlPool } from './pool.ts';
import type { Cell, Value } from './session.ts';

const COLUMNS = 'id, user_id, template_id, activity_id, code, claimed_at, valid_from, valid_until, state';
const STATES = ['usable', 'locked', 'used'] as const;
/** A look at every row there is. */
const COUNT_TIMEOUT_MS = 120_000;

export async function coupon(pool: MysqlPool, couponId: number): Promise<CouponRow | null> {
  const sql = `SELECT ${COLUMNS} FROM coupons WHERE id = ?`;
  const row = await pool.read((session) => session.row(sql, [couponId]));
  return row === undefined ? null : couponOf(row);
}

export async function countByTemplate(pool: MysqlPool): Promise<{ templateId: number; count: number }[]> {
  const sql = 'SELECT template_id, COUNT(*) FROM coupons GROUP BY template_id';
  const rows = await pool.read((session) => session.rows(sql, [], COUNT_TIMEOUT_MS));
  return rows.map(([templateId, count]) => ({ templateId: Number(templateId), count: Number(count) }));
}

/** One page of a wallet, newest first. A locked coupon does not expire before it is released. */
export async function wallet(pool: MysqlPool, query: WalletQuery): Promise<CouponRow[]> {
  // Cast, because a comparison with text would be made in floating point.
  const where = ['user_id = CAST(? AS SIGNED)'];
  const values: Value[] = [query.userId];
  switch (query.status) {
    case 'usable':
      where.push('state = 0 AND valid_until > ?');
      values.push(query.nowMs);
      break;
    case 'expired':
      where.push('state = 0 AND valid_until <= ?');
      values.push(query.nowMs);
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
    // Spelt out: a comparison of rows would not use the index.
    const { claimedAtMs, couponId } = query.after;
    where.push('claimed_at <= ? AND (claimed_at < ? OR id < ?)');
    values.push(claimedAtMs, claimedAtMs, couponId);
  }
  const order = 'ORDER BY claimed_at DESC, id DESC LIMIT ?';
  const sql = `SELECT ${COLUMNS} FROM coupons WHERE ${where.join(' AND ')} ${order}`;
  const rows = await pool.read((session) => session.rows(sql, [...values, query.limit]));
  return rows.map(couponOf);
}

function couponOf(row: Cell[]): CouponRow {
  const [id, userId, templateId, activityId, code, claimedAt, validFrom, validUntil, state] = row;
  return {
    couponId: Number(id),
    userId: String(userId),
    templateId: Number(templateId),
    activityId: Number(activityId) || null,
    code: String(code),
    claimedAtMs: Number(claimedAt),
    validFromMs: Number(validFrom),
    validUntilMs: Number(validUntil),
    state: STATES[Number(state)],
  };
}
