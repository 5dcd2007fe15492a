/** Puts together how the one node of the profile `single` gets its units: its seats, its supply, its ledger. */
import type { TemplateView } from '../../claims/template-view.ts';
import type { Logger } from '../../logger.ts';
import type { PoolRef, SerialRange } from '../../ports.ts';
import { type ShardLedger, shardOf } from '../../ports-ledger.ts';
import { realClock } from '../../workers/real-clock.ts';
import type { LeaseDesk } from '../lease-desk.ts';
import { poolPlans } from '../pool-plans.ts';
import { ShardSeats } from '../shard-seats.ts';
import { SharedPools } from '../shared-pools.ts';
import { StockSupply } from '../stock-supply.ts';
import { SingleLedger } from './single-ledger.ts';

export interface SharedLedger {
  readonly ledger: ShardLedger;
  readonly nodeId: string;
  /** One per process start. */
  readonly startId: string;
}

export interface SinglePools {
  readonly pools: SharedPools;
  readonly single: SingleLedger;
}

export function singlePools(
  { ledger, nodeId, startId }: SharedLedger,
  leases: LeaseDesk,
  templates: ReadonlyMap<number, TemplateView>,
  logger: Logger,
): SinglePools {
  const seats = new ShardSeats();
  const supply = new StockSupply({
    ledger,
    seats,
    stock: leases,
    clock: realClock,
    reportsSales: true,
    onLost: (seat, detail) => single.lost(seat, detail),
    // Nobody else takes this node's seat, so what says so is wrong in the same way.
    onFenced: (seat) => single.lost(seat, 'its seat is not known there'),
    logger,
  });
  leases.upstream = supply;
  const single = new SingleLedger({
    ledger,
    seats,
    nodeId,
    startId,
    plans: (shard) => {
      supply.planned(shard);
      const held = heldHere(leases);
      return [...templates.values()]
        .filter(({ template }) => shardOf(template.id) === shard)
        .flatMap((view) => poolPlans(view, nodeId, held));
    },
    onSeat: (shard) => supply.reseated(shard),
    logger,
  });
  const pools = new SharedPools({
    ledger,
    seats,
    leases,
    supply,
    onLost: (seat, detail) => single.lost(seat, detail),
    sit: () => single.start(),
    leave: async () => single.stop(),
  });
  return { pools, single };
}

/** What this process has of each pool: free, waiting for codes, in owners' slices. */
function heldHere(leases: LeaseDesk): (ref: PoolRef) => readonly SerialRange[] {
  const held = new Map<string, SerialRange[]>();
  for (const { ref, free, leases: slices } of leases.ledger.snapshot()) {
    const ranges = [...free, ...slices.flatMap(({ serials }) => serials), ...leases.keeper.bare(ref)];
    held.set(`${ref.templateId}/${ref.activityId}`, ranges);
  }
  return (ref) => held.get(`${ref.templateId}/${ref.activityId}`) ?? [];
}
