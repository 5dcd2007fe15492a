/** What is told of units, by template and activity. */
import type { LedgerSnapshot } from '../audit/live-audit.ts';
import { remainingUnits } from '../claims/remaining.ts';
import type { LeaseDesk } from './lease-desk.ts';
import { type StockFigures, stockFigures } from './stock-figures.ts';
import type { Templates } from './templates.ts';
import type { Topology } from './topology.ts';

export class StockReport {
  private readonly templates: Templates;
  private readonly leases: LeaseDesk;
  private readonly topology: Topology;

  constructor(templates: Templates, leases: LeaseDesk, topology: Topology) {
    this.templates = templates;
    this.leases = leases;
    this.topology = topology;
  }

  /** As this process knows it; null: there is no such published template. */
  of(templateId: number): StockFigures | null {
    const view = this.templates.get(templateId);
    return view === undefined ? null : stockFigures(view, this.leases.keeper);
  }

  /** With the ledger's own figures, where it is shared. Rejects when it cannot tell. */
  async exactly(templateId: number): Promise<StockFigures | null> {
    const view = this.templates.get(templateId);
    return view === undefined ? null : this.topology.stockOf(view);
  }

  /** Units of a template that can be claimed as far as their codes are concerned; 0: not known, or none. */
  ready(templateId: number): number {
    const view = this.templates.get(templateId);
    if (view === undefined) return 0;
    const ref = { templateId, activityId: 0 };
    // Since the start of this node nothing was added: what there was is ready once there is some of it.
    if (view.readyUnits === 0 && this.leases.ledger.isOpen(ref) && this.leases.isStocked(ref))
      view.readyUnits = view.placed;
    return view.readyUnits;
  }

  /** Units of an activity that are claimed for good, as far as this node knows. */
  claimed(templateId: number, activityId: number): number {
    return this.templates.get(templateId)?.pools.get(activityId)?.claimedUnits ?? 0;
  }

  remaining(templateId: number, activityId: number): number {
    const view = this.templates.get(templateId);
    return view === undefined ? 0 : remainingUnits(view, activityId);
  }

  /** What the checker needs of this moment. */
  async snapshot(): Promise<LedgerSnapshot> {
    // First: what is claimed while it answers must not be free in it.
    const pools = await this.topology.poolFacts();
    const views = [...this.templates.all()];
    return {
      templates: views.map((view) => view.template),
      activities: views.flatMap((view) => view.activities),
      extents: views.flatMap((view) => view.extents),
      pools,
    };
  }
}
