/** What a user may claim now, and how often still. */
import type { PoolView, TemplateView } from '../claims/template-view.ts';

export interface Claimable {
  readonly view: TemplateView;
  readonly pool: PoolView;
  /** Claims this user may still make in this pool. */
  readonly left: number;
}

/** Pools open at `nowMs` in which the user is below both limits. `held`: the user's coupons per pool of a template. */
export function claimable(
  views: Iterable<TemplateView>,
  userId: string,
  held: (view: TemplateView) => ReadonlyMap<number, number>,
  nowMs: number,
): Claimable[] {
  const found: Claimable[] = [];
  for (const view of views) {
    const { rules } = view;
    if (!rules.published || !rules.claimable) continue;
    if (rules.audience !== null && !rules.audience.includes(userId)) continue;
    const open = [...view.pools.values()].filter(
      (pool) => !pool.soldOut && nowMs >= pool.rules.fromMs && nowMs < pool.rules.untilMs,
    );
    if (open.length === 0) continue;
    const counts = held(view);
    let inAll = 0;
    for (const count of counts.values()) inAll += count;
    for (const pool of open) {
      const inPool = counts.get(pool.rules.activityId) ?? 0;
      const left = Math.min(pool.rules.perUserLimit - inPool, rules.perUserLimit - inAll);
      if (left > 0) found.push({ view, pool, left });
    }
  }
  return found;
}
