/** The profile `embedded`: all units are in this process, and nobody else has any. */
import type { PoolFact } from '../../audit/facts.ts';
import type { TemplateView } from '../../claims/template-view.ts';
import { FlushedHere } from '../flushed-here.ts';
import { type StockFigures, stockFigures } from '../stock-figures.ts';
import type { Topology, TopologyParts } from '../topology.ts';
import { LocalPools } from './local-pools.ts';

export class EmbeddedTopology extends FlushedHere implements Topology {
  readonly pools: LocalPools;

  constructor(parts: TopologyParts) {
    super(parts);
    this.pools = new LocalPools(parts.leases);
  }

  async stockOf(view: TemplateView): Promise<StockFigures> {
    return stockFigures(view, this.parts.leases.keeper);
  }

  async poolFacts(): Promise<PoolFact[]> {
    const { ledger, keeper } = this.parts.leases;
    return ledger.snapshot().map((pool) => ({ ...pool, bare: keeper.bare(pool.ref) }));
  }

  ledgerFacts(): null {
    return null;
  }
}
