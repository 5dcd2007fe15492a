/** The profile `single`: units come from Redis in ranges, and one node alone asks for them. */
import type { PoolFact } from '../../audit/facts.ts';
import type { TemplateView } from '../../claims/template-view.ts';
import { FlushedHere } from '../flushed-here.ts';
import type { SharedPools } from '../shared-pools.ts';
import type { StockFigures } from '../stock-figures.ts';
import type { LedgerFacts, Topology, TopologyParts } from '../topology.ts';
import type { SingleLedger } from './single-ledger.ts';
import { type SharedLedger, singlePools } from './single-pools.ts';

/** The one node of the profile `single`. */
export interface SingleNode extends SharedLedger {
  readonly profile: 'single';
}

export class SingleTopology extends FlushedHere implements Topology {
  readonly pools: SharedPools;
  private readonly ledger: SingleLedger;

  constructor(parts: TopologyParts, node: SingleNode) {
    super(parts);
    const { pools, single } = singlePools(node, parts.leases, parts.templates, parts.logger);
    this.pools = pools;
    this.ledger = single;
  }

  stockOf(view: TemplateView): Promise<StockFigures> {
    return this.pools.stockOf(view, false);
  }

  poolFacts(): Promise<PoolFact[]> {
    return this.pools.facts();
  }

  ledgerFacts(): LedgerFacts {
    return { profile: 'single', unwritten: this.ledger.closedShards };
  }
}
