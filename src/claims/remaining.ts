/** What a crowd is told of what is left. */
import type { TemplateView } from './template-view.ts';

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
