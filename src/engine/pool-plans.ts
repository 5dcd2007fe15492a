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

/**
 * `heldHere`: what of a pool is in this node and not reported as sold. It stays the node's lease also where its claim is
 * durable already: owners go on selling while this is computed, and what they sold they report afterwards.
 */
export function poolPlans(
  view: TemplateView,
  nodeId: string,
  heldHere: (ref: PoolRef) => readonly SerialRange[],
): PoolPlan[] {
  const { id: templateId, total } = view.template;
  const elsewhere = new SerialSet([{ from: 0, to: total }]);
  const held = new Map<number, readonly SerialRange[]>();
  for (const activityId of view.pools.keys()) {
    const ranges = heldHere({ templateId, activityId });
    for (const range of ranges) elsewhere.remove(range);
    held.set(activityId, ranges);
  }
  // Nobody in this process can sell these, so they stay what they are.
  const others = elsewhere.list();
  const rest = new SerialSet(others.flatMap(({ from, to }) => unclaimedRanges(view.units, from, to)));
  const claimed = (activityId: number) =>
    others.reduce((sum, { from, to }) => sum + claimedIn(view.units, from, to, activityId), 0);

  const plans: PoolPlan[] = [];
  const plan = (activityId: number, units: number, free: SerialRange[], closed = false): void => {
    const ranges = held.get(activityId) ?? [];
    const leased = ranges.length === 0 ? [] : [{ nodeId, ranges }];
    plans.push({ ref: { templateId, activityId }, units, closed, free, leased });
  };
  for (const { id, status, stock } of view.activities) {
    const here = unitsIn(held.get(id) ?? []);
    const known = claimed(id) + here;
    if (status === 'active') plan(id, stock, rest.take(Math.max(0, stock - known)));
    // Of one that has ended, units that are still to come back.
    else if (here > 0) plan(id, known, [], true);
  }
  // The general pool comes last and takes all that is left.
  plan(0, total, rest.take(rest.size));
  return plans;
}
