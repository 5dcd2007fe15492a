/** What operators and customers are told of a template's units. */

import type { PoolFact } from '../audit/facts.ts';
import type { TemplateView } from '../claims/template-view.ts';
import type { SerialRange } from '../ports.ts';
import type { PoolState } from '../ports-ledger.ts';
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

/** The same where the ledger is shared: `free` there; `allStored`: no claim of the template waits to be stored. */
export function sharedStockFigures(view: TemplateView, free: number, allStored: boolean): StockFigures {
  const { total } = view.template;
  const claimed = view.claimedUnits;
  // Claims of the moment may be counted here a little before or after the ledger was asked.
  const leased = Math.max(0, total - free - claimed);
  return {
    total,
    free: Math.min(free, total - claimed),
    leased,
    claimed,
    flushed: allStored ? claimed : Math.min(view.flushed, claimed),
  };
}

/** For the checker: what the shared ledger holds. Its holders are nodes, which the checker needs no names of. */
export function sharedPoolFacts(pools: readonly PoolState[]): PoolFact[] {
  return pools.map(({ ref, free, leases }) => ({
    ref,
    free,
    leases: leases.map(({ ranges }, owner) => ({
      holder: { owner, partition: 0 },
      epoch: 0,
      serials: ranges,
    })),
    bare: [],
  }));
}

export function unitsIn(ranges: readonly SerialRange[]): number {
  return ranges.reduce((sum, { from, to }) => sum + to - from, 0);
}
