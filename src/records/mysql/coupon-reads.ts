/** Wallets and single coupons. */
import type { CouponRow, WalletQuery } from '../../ports.ts';
import { type CouponQuery, couponOf, couponQuery, spentQueries, walletQuery } from '../coupon-rows.ts';
import type { MysqlPool } from './pool.ts';

/** A look at every row there is. */
const COUNT_TIMEOUT_MS = 120_000;

export async function coupon(pool: MysqlPool, couponId: number): Promise<CouponRow | null> {
  return (await couponRows(pool, couponQuery(couponId)))[0] ?? null;
}

export async function countByTemplate(pool: MysqlPool): Promise<{ templateId: number; count: number }[]> {
  const sql = 'SELECT template_id, COUNT(*) FROM coupons GROUP BY template_id';
  const rows = await pool.read((session) => session.rows(sql, [], COUNT_TIMEOUT_MS));
  return rows.map(([templateId, count]) => ({ templateId: Number(templateId), count: Number(count) }));
}

/** One page of a wallet, newest first. */
export function wallet(pool: MysqlPool, query: WalletQuery): Promise<CouponRow[]> {
  return couponRows(pool, walletQuery(query));
}

/** See RecordStore. */
export async function spentCoupons(
  pool: MysqlPool,
  couponIds: readonly number[],
  nowMs: number,
): Promise<number[]> {
  const spent: number[] = [];
  for (const { sql, values } of spentQueries(couponIds, nowMs)) {
    const rows = await pool.read((session) => session.rows(sql, values));
    for (const [id] of rows) spent.push(Number(id));
  }
  return spent;
}

async function couponRows(pool: MysqlPool, { sql, values }: CouponQuery): Promise<CouponRow[]> {
  const rows = await pool.read((session) => session.rows(sql, values));
  return rows.map(couponOf);
}
