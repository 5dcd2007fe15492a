/**
 * What a shared ledger must hold of a template, computed from what this node knows: claimed units belong to nobody any
 * more, units in this node's hands are its lease, each active activity has what is left of its stock, and the general
 * pool has the rest.
 */
import type { TemplateView } from '../claims/template-view.ts';
import { SerialSet } from '../ledger/serial-set.ts';
import type { PoolRef, SerialRange } from '../ports.ts';
import type { PoolPlan } from '../ports-ledger.ts';
import { unitsIn } from './stock-figures.ts';
import { claimedIn, unclaimedRanges } from './unclaimed.ts';

/** `heldHere`: what of a pool is in this node, unclaimed or about to be reported as sold. */
export function poolPlans(
  view: TemplateView,
  nodeId: string,
  heldHere: (ref: PoolRef) => readonly SerialRange[],
): PoolPlan[] {
  const { id: templateId, total } = view.template;
  const rest = new SerialSet(unclaimedRanges(view.units, 0, total));
  const pools = [...view.activities.filter(({ status }) => status === 'active').map(({ id }) => id), 0];
  const held = new Map<number, SerialRange[]>();
  for (const activityId of view.pools.keys()) {
    // A unit whose claim is durable is no longer held, whether its sale was reported or not.
    const mine = heldHere({ templateId, activityId }).flatMap(({ from, to }) =>
      unclaimedRanges(view.units, from, to),
    );
    for (const range of mine) rest.remove(range);
    held.set(activityId, mine);
  }
  const plans: PoolPlan[] = [];
  for (const activityId of pools) {
    const ranges = held.get(activityId) ?? [];
    const stock = view.activities.find(({ id }) => id === activityId)?.stock ?? total;
    const left = stock - claimedIn(view.units, total, activityId) - unitsIn(ranges);
    plans.push({
      ref: { templateId, activityId },
      units: stock,
      closed: false,
      // The general pool comes last and takes all that is left.
      free: rest.take(activityId === 0 ? rest.size : Math.max(0, left)),
      leased: ranges.length === 0 ? [] : [{ nodeId, ranges }],
    });
  }
  return plans;
}
