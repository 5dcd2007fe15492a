/** Puts together how a node of a cluster gets its units: seats come from the cluster thread, units from the ledger. */
import type { TemplateView } from '../../claims/template-view.ts';
import { type ShardLedger, shardOf } from '../../ports-ledger.ts';
import { realClock } from '../../workers/real-clock.ts';
import type { LeaseDesk } from '../lease-desk.ts';
import { ShardSeats } from '../shard-seats.ts';
import { SharedPools } from '../shared-pools.ts';
import { StockSupply } from '../stock-supply.ts';
import { ClusterLink, type ClusterLinkOptions } from './cluster-link.ts';

export interface ClusterPools {
  readonly pools: SharedPools;
  readonly link: ClusterLink;
  readonly seats: ShardSeats;
}

export function clusterPools(
  ledger: ShardLedger,
  leases: LeaseDesk,
  templates: ReadonlyMap<number, TemplateView>,
  options: Omit<ClusterLinkOptions, 'seats' | 'onClosed' | 'onOpen'>,
): ClusterPools {
  const seats = new ShardSeats();
  const link = new ClusterLink({
    ...options,
    seats,
    onClosed: (shard) => {
      for (const { ref } of leases.ledger.snapshot()) {
        if (shardOf(ref.templateId) === shard) leases.empty(ref);
      }
    },
    onOpen: (shard) => supply.reseated(shard),
  });
  const supply: StockSupply = new StockSupply({
    ledger,
    seats,
    stock: leases,
    clock: realClock,
    reportsSales: false,
    onLost: (seat, detail) => link.lost(seat, detail),
    onFenced: (seat) => link.fenced(seat),
    logger: options.logger,
  });
  leases.upstream = supply;
  // Who holds what is known here only once the streams are followed to where the last unit was claimed.
  leases.isSettled = (ref) => link.followedTo(shardOf(ref.templateId)) >= supply.exhaustedAt(ref);
  const pools = new SharedPools({
    ledger,
    seats,
    leases,
    supply,
    onLost: (seat, detail) => link.lost(seat, detail),
    sit: () => {
      for (const view of templates.values()) for (const extent of view.extents) link.extent(extent);
      return link.start();
    },
    leave: async () => supply.stop(),
  });
  return { pools, link, seats };
}
