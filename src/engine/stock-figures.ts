/** What operators and customers are told of a template's units. */
import type { TemplateView } from '../claims/template-view.ts';
import type { StockKeeper } from './stock-keeper.ts';

/** free + leased + claimed = total; leased are the unsold units in owners' slices. */
export interface StockFigures {
  readonly total: number;
  readonly free: number;
  readonly leased: number;
  readonly claimed: number;
  readonly flushed: number;
}

export function stockFigures(view: TemplateView, keeper: StockKeeper): StockFigures {
  const { id: templateId, total } = view.template;
  let free = 0;
  for (const activityId of view.pools.keys()) free += keeper.unleased({ templateId, activityId });
  const claimed = view.claimedUnits;
  return { total, free, leased: total - free - claimed, claimed, flushed: view.flushed };
}

/** Units a crowd may still get of a pool: of the template's general pool (activityId 0) or of an activity. */
export function remainingUnits(view: TemplateView, activityId: number): number {
  if (activityId !== 0) {
    const activity = view.activities.find(({ id }) => id === activityId);
    if (activity === undefined || activity.status !== 'active') return 0;
    return Math.max(0, activity.stock - view.pools.get(activityId)!.claimedUnits);
  }
  let elsewhere = 0;
  for (const activity of view.activities) {
    const claimed = view.pools.get(activity.id)!.claimedUnits;
    elsewhere += activity.status === 'active' ? Math.max(activity.stock, claimed) : claimed;
  }
  return Math.max(0, view.template.total - elsewhere - view.pools.get(0)!.claimedUnits);
}
