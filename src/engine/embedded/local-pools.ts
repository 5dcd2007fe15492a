/** The pools of the profile `embedded`: all units are in this process, computed from what is claimed. */
import type { TakenUnits } from '../../catalog/engine-port.ts';
import type { TemplateView } from '../../claims/template-view.ts';
import type { Activity, CodeExtent } from '../../domain/template.ts';
import { SerialSet } from '../../ledger/serial-set.ts';
import type { PoolRef } from '../../ports.ts';
import { Unavailable } from '../../problems.ts';
import type { LeaseDesk } from '../lease-desk.ts';
import type { Pools } from '../pools.ts';
import { unitsIn } from '../stock-figures.ts';
import type { UnitRuns } from '../stock-keeper.ts';
import { claimedIn, unclaimedRanges } from '../unclaimed.ts';

export class LocalPools implements Pools {
  private readonly leases: LeaseDesk;
  /**
   * Units each open activity's pool was given and has not given back, claimed ones among them. Counted here, for no sum
   * of other figures is of one moment: a claim is durable before its owner reports it, and until then its unit is in the
   * owner's slice as well; a unit whose code is being made is in none of them.
   */
  private readonly given = new Map<number, number>();

  constructor(leases: LeaseDesk) {
    this.leases = leases;
  }

  async start(views: Iterable<TemplateView>): Promise<void> {
    for (const view of views) this.open(view);
  }

  /** Each active activity gets what is left of its stock, the general pool the rest. */
  private open(view: TemplateView): void {
    const { id: templateId, total } = view.template;
    const unclaimed = new SerialSet(unclaimedRanges(view.units, 0, total));
    for (const activity of view.activities) {
      if (activity.status !== 'active') continue;
      const claimed = claimedIn(view.units, 0, total, activity.id);
      const bare = unclaimed.take(Math.max(0, activity.stock - claimed));
      this.leases.open({ templateId, activityId: activity.id }, { coded: [], bare });
      this.given.set(activity.id, claimed + unitsIn(bare));
    }
    this.leases.open({ templateId, activityId: 0 }, { coded: [], bare: unclaimed.list() });
  }

  async templateChanged({ template }: TemplateView, newExtent: CodeExtent | null): Promise<void> {
    const general = generalOf(template.id);
    if (!this.leases.ledger.isOpen(general)) {
      this.leases.open(general, { coded: [], bare: [{ from: 0, to: template.total }] });
    } else if (newExtent !== null) {
      const { firstSerial, length } = newExtent;
      this.leases.add(general, { coded: [], bare: [{ from: firstSerial, to: firstSerial + length }] });
    }
  }

  async resizeActivity({ id, templateId, stock }: Activity): Promise<TakenUnits> {
    const ref: PoolRef = { templateId, activityId: id };
    const general = generalOf(templateId);
    const given = this.given.get(id) ?? 0;
    if (stock < given) {
      // What was sold meanwhile stays sold.
      const back = await this.leases.gather(ref, given - stock, 0);
      if (back.kind !== 'taken') throw new Unavailable(`Units of activity ${id} did not come back in time.`);
      this.given.set(id, given - unitsOf(back.runs));
      this.leases.add(general, back.runs);
      return { ok: true };
    }
    const more = await this.leases.gather(general, stock - given);
    if (more.kind === 'late') throw new Unavailable(`Units of template ${templateId} did not come in time.`);
    if (more.kind === 'short') return { ok: false, available: more.unsold };
    this.given.set(id, stock);
    if (this.leases.ledger.isOpen(ref)) this.leases.add(ref, more.runs);
    else this.leases.open(ref, more.runs);
    return { ok: true };
  }

  async closeActivity(activity: Activity): Promise<void> {
    const left = await this.leases.shut({ templateId: activity.templateId, activityId: activity.id });
    this.given.delete(activity.id);
    this.leases.add(generalOf(activity.templateId), left);
  }

  async stop(): Promise<void> {}
}

function generalOf(templateId: number): PoolRef {
  return { templateId, activityId: 0 };
}

function unitsOf({ coded, bare }: UnitRuns): number {
  return unitsIn(coded) + unitsIn(bare);
}
