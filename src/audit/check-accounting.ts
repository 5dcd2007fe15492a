/**
 * free + leased-unsold + claimed = total for every template, unit by unit: each is in exactly one of these. A claimed
 * unit may stand in a lease of the pool it was claimed from, until its sale is reported; never in what is free.
 */
import { couponId } from '../domain/coupon-id.ts';
import type { SerialRange } from '../ports.ts';
import type { Claims } from './check-units.ts';
import { couponName } from './claim-list.ts';
import type { PoolFact } from './facts.ts';
import type { Findings } from './report.ts';
import type { UnitIndex } from './unit-index.ts';

interface Held {
  readonly from: number;
  readonly to: number;
  readonly activityId: number;
  /** Who holds it, in words; null: nobody, it is free. */
  readonly holder: string | null;
}

export function checkAccounting(
  { list, templates }: Claims,
  pools: readonly PoolFact[],
  found: Findings,
): void {
  const heldOf = new Map<number, Held[]>();
  for (const pool of pools) {
    const { templateId, activityId } = pool.ref;
    const units = templates.get(templateId);
    if (units === undefined || (activityId !== 0 && !units.activities.has(activityId))) {
      found.problem(
        () => `the ledger has a pool of template ${templateId}, activity ${activityId}, which does not exist`,
      );
    }
    if (units === undefined) continue;
    let held = heldOf.get(templateId);
    if (held === undefined) {
      held = [];
      heldOf.set(templateId, held);
    }
    for (const item of heldIn(pool)) {
      if (item.to > units.template.total || item.from >= item.to) {
        found.problem(
          () =>
            `template ${templateId}: the ledger has units ${span(item)}, of ${units.template.total} in all`,
        );
      } else held.push(item);
    }
  }
  for (const units of templates.values()) {
    const { templateId, total } = units.template;
    found.checked += total;
    const held = (heldOf.get(templateId) ?? []).sort((a, b) => a.from - b.from);
    let last: Held | null = null;
    for (const item of held) {
      const before = last;
      if (before !== null && item.from < before.to) {
        found.problem(
          () =>
            `template ${templateId}: units ${span({ from: item.from, to: Math.min(item.to, before.to) })} are ${told(before)} and ${told(item)}`,
        );
      }
      units.forEach(item.from, item.to, (serial, claim) => {
        list.seek(claim);
        if (item.holder === null) {
          found.problem(() => `${list.coupon()}: claimed by user ${list.user()}, yet ${told(item)}`);
        } else if (list.words[list.at + 4] !== item.activityId) {
          found.problem(
            () =>
              `${couponName(templateId, serial)}: claimed from activity ${list.words[list.at + 4]}, yet ${told(item)}`,
          );
        }
      });
      if (before === null || item.to > before.to) last = item;
    }
    forEachLost(units, held, (from, to) => {
      found.problem(
        () =>
          `template ${templateId}: units ${span({ from, to })} are lost: neither free nor leased nor claimed ` +
          `(coupons from ${couponId(templateId, from)})`,
      );
    });
  }
}

/** Visits the runs of a template's units that are neither held (`held` sorted by `from`) nor claimed. */
export function forEachLost(
  units: UnitIndex,
  held: readonly SerialRange[],
  visit: (from: number, to: number) => void,
): void {
  let cursor = 0;
  for (const { from, to } of held) {
    if (from > cursor) units.forEachUnclaimed(cursor, from, visit);
    cursor = Math.max(cursor, to);
  }
  units.forEachUnclaimed(cursor, units.template.total, visit);
}

/** Everything a pool holds. */
export function heldIn(pool: PoolFact): Held[] {
  const { activityId } = pool.ref;
  const held: Held[] = [];
  for (const list of [pool.free, pool.bare]) {
    for (const { from, to } of list) held.push({ from, to, activityId, holder: null });
  }
  for (const { holder, serials } of pool.leases) {
    const name = `owner ${holder.owner}, partition ${holder.partition}`;
    for (const { from, to } of serials) held.push({ from, to, activityId, holder: name });
  }
  return held;
}

function span({ from, to }: SerialRange): string {
  return to === from + 1 ? String(from) : `${from}–${to - 1}`;
}

function told({ activityId, holder }: Held): string {
  const pool = activityId === 0 ? 'the general pool' : `activity ${activityId}`;
  return holder === null ? `free in ${pool}` : `leased from ${pool} to ${holder}`;
}
