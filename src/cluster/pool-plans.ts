/**
 * What the pools of a template are in a new incarnation: nobody has a lease, each active activity gets what is left of
 * its stock, a stopped one keeps the units that were claimed from it, and the general pool has the rest.
 */
import type { Activity, Template } from '../domain/template.ts';
import type { SerialRange } from '../ports.ts';
import type { PoolPlan } from '../ports-ledger.ts';
import type { ClaimedUnits } from './claimed-units.ts';

export function poolPlans(
  template: Template,
  activities: readonly Activity[],
  units: ClaimedUnits,
): PoolPlan[] {
  const rest = units.unclaimed();
  const plans: PoolPlan[] = [];
  for (const { id, templateId, status, stock } of activities) {
    if (templateId !== template.id) continue;
    const claimed = units.claimedIn(id);
    const active = status === 'active';
    plans.push({
      ref: { templateId, activityId: id },
      units: active ? stock : claimed,
      closed: !active,
      free: active ? takeUnits(rest, Math.max(0, stock - claimed)) : [],
      leased: [],
    });
  }
  const ref = { templateId: template.id, activityId: 0 };
  plans.push({ ref, units: template.total, closed: false, free: rest, leased: [] });
  return plans;
}

/** Takes the first `count` units out of `ranges`. */
function takeUnits(ranges: SerialRange[], count: number): SerialRange[] {
  const taken: SerialRange[] = [];
  for (let left = count; left > 0 && ranges.length > 0; ) {
    const { from, to } = ranges[0];
    const n = Math.min(left, to - from);
    taken.push({ from, to: from + n });
    if (from + n === to) ranges.shift();
    else ranges[0] = { from: from + n, to };
    left -= n;
  }
  return taken;
}
