/** What is read of redemptions: usage records and a coupon's history. */
import { EVENT_KINDS } from '../../coupons/states.ts';
import type { CouponEvent, Usage, UsageQuery } from '../../ports-coupons.ts';
import { rows, type Steps, type Value } from './steps.ts';

export function* history(couponId: number): Steps<CouponEvent[]> {
  const found = yield* rows(
    'SELECT id, coupon_id, sequence, kind, at, redemption_id, detail FROM coupon_events WHERE coupon_id = ? ORDER BY sequence',
    [couponId],
  );
  return found.map(([id, coupon, sequence, kind, at, redemptionId, detail]) => ({
    eventId: Number(id),
    couponId: Number(coupon),
    sequence: Number(sequence),
    kind: EVENT_KINDS[Number(kind)]!,
    atMs: Number(at),
    redemptionId: redemptionId === null ? null : Number(redemptionId),
    detail: detail === null ? null : String(detail),
  }));
}

/** Newest first. */
export function* usages(query: UsageQuery): Steps<Usage[]> {
  const where: string[] = [];
  const values: Value[] = [];
  const only = (sql: string, ...value: (Value | null)[]): void => {
    if (value.includes(null)) return;
    where.push(sql);
    values.push(...value);
  };
  only('user_id = CAST(? AS SIGNED)', query.userId);
  only('order_id = ?', query.orderId);
  only('template_id = ?', query.templateId);
  only('used_at >= ?', query.fromMs);
  only('used_at < ?', query.untilMs);
  if (query.after !== null) {
    const { usedAtMs, redemptionId, couponId } = query.after;
    only(
      'used_at <= ? AND (used_at < ? OR redemption_id < ? OR (redemption_id = ? AND coupon_id < ?))',
      usedAtMs,
      usedAtMs,
      redemptionId,
      redemptionId,
      couponId,
    );
  }
  const filter = where.length === 0 ? '' : ` WHERE ${where.join(' AND ')}`;
  const found = yield* rows(
    `SELECT redemption_id, coupon_id, CAST(user_id AS CHAR), template_id, order_id, original, discount, final, used_at, reverted_at
      FROM usages${filter} ORDER BY used_at DESC, redemption_id DESC, coupon_id DESC LIMIT ?`,
    [...values, query.limit],
  );
  return found.map(
    ([redemptionId, couponId, userId, templateId, orderId, original, discount, final, usedAt, reverted]) => ({
      redemptionId: Number(redemptionId),
      couponId: Number(couponId),
      userId: String(userId),
      templateId: Number(templateId),
      orderId: String(orderId),
      original: Number(original),
      discount: Number(discount),
      final: Number(final),
      usedAtMs: Number(usedAt),
      revertedAtMs: reverted === null ? null : Number(reverted),
    }),
  );
}

export function* used(templateId: number): Steps<number> {
  const sql = 'SELECT COUNT(*) FROM usages WHERE template_id = ? AND reverted_at IS NULL';
  return Number((yield* rows(sql, [templateId]))[0]![0]);
}
