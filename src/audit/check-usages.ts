/** The usages of one redemption: one per coupon if it was used, as it froze them, and none otherwise. */
import type { ReadRedemption } from './frozen-facts.ts';
import type { UsageFact } from './life-facts.ts';
import type { Findings } from './report.ts';

/** `revertedAtMs` null: its coupons are not given back. */
export function checkUsages(
  { fact, stored, frozen }: ReadRedemption,
  revertedAtMs: number | null,
  usages: readonly UsageFact[],
  found: Findings,
): void {
  const { redemptionId, userId, orderId, usedAtMs } = fact;
  const names = new Map(frozen.coupons.map((coupon) => [coupon.couponId, coupon]));
  const offs = new Map(frozen.quote.coupons.map(({ couponId, off }) => [couponId, off]));
  for (const usage of usages) {
    const { couponId } = usage;
    const coupon = names.get(couponId);
    if (usedAtMs === null) {
      found.problem(
        () =>
          `coupon ${couponId}: a usage by redemption ${redemptionId}, which is ${stored} and was never used`,
      );
      continue;
    }
    if (coupon === undefined) {
      found.problem(
        () =>
          `coupon ${couponId}: a usage by redemption ${redemptionId}, which does not name it or has one already`,
      );
      continue;
    }
    names.delete(couponId);
    const edited: string[] = [];
    if (usage.userId !== userId) edited.push('user');
    if (usage.templateId !== coupon.templateId) edited.push('template');
    if (usage.orderId !== orderId) edited.push('order');
    if (usage.original !== frozen.quote.original) edited.push('original');
    if (usage.discount !== offs.get(couponId)) edited.push('discount');
    if (usage.final !== frozen.quote.payable) edited.push('final');
    if (usage.usedAtMs !== usedAtMs) edited.push('usedAt');
    if (usage.revertedAtMs !== revertedAtMs) edited.push('revertedAt');
    if (edited.length > 0)
      found.problem(
        () => `coupon ${couponId}: its usage by redemption ${redemptionId} is edited: ${edited.join(', ')}`,
      );
  }
  if (usedAtMs === null) return;
  for (const couponId of names.keys()) {
    found.problem(() => `coupon ${couponId}: its usage by redemption ${redemptionId} is missing`);
  }
}
