/** Usage records, newest first, page by page. */
import type { Usage, UsageQuery } from '../ports-coupons.ts';

export interface UsagePage {
  readonly items: readonly Usage[];
  /** `after` of the next page; null when there is none. */
  readonly next: UsageQuery['after'];
}

export async function usagePage(
  usages: (query: UsageQuery) => Promise<readonly Usage[]>,
  query: UsageQuery,
): Promise<UsagePage> {
  const { limit } = query;
  const found = await usages({ ...query, limit: limit + 1 });
  const items = found.slice(0, limit);
  const last = items.at(-1);
  if (found.length <= limit || last === undefined) return { items, next: null };
  const { usedAtMs, redemptionId, couponId } = last;
  return { items, next: { usedAtMs, redemptionId, couponId } };
}
