/** The pools of the profile `embedded`: all units are in this process, computed from what is claimed. */
import type { TakenUnits } from '../catalog/engine-port.ts';
import type { TemplateView } from '../claims/template-view.ts';
import type { Activity, CodeExtent } from '../domain/template.ts';
import { SerialSet } from '../ledger/serial-set.ts';
import type { PoolRef } from '../ports.ts';
import type { LeaseDesk } from './lease-desk.ts';
import type { Pools } from './pools.ts';
import { claimedIn, unclaimedRanges } from './unclaimed.ts';

export class LocalPools implements Pools {
  private readonly leases: LeaseDesk;

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
      const bare = unclaimed.take(Math.max(0, activity.stock - claimedIn(view.units, 0, total, activity.id)));
      this.leases.open({ templateId, activityId: activity.id }, { coded: [], bare });
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

  async resizeActivity(activity: Activity, view: TemplateView): Promise<TakenUnits> {
    const ref: PoolRef = { templateId: activity.templateId, activityId: activity.id };
    const general = generalOf(activity.templateId);
    const claimed = view.pools.get(activity.id)?.claimedUnits ?? 0;
    const more = activity.stock - claimed - this.leases.unclaimed(ref);
    if (more < 0) {
      const back = await this.leases.gather(ref, -more);
      if (back === null) throw new Error(`activity ${activity.id} holds units that did not come back`);
      this.leases.add(general, back);
      return { ok: true };
    }
    const runs = more === 0 ? { coded: [], bare: [] } : await this.leases.gather(general, more);
    if (runs === null) return { ok: false, available: this.leases.unclaimed(general) };
    if (this.leases.ledger.isOpen(ref)) this.leases.add(ref, runs);
    else this.leases.open(ref, runs);
    return { ok: true };
  }

  async closeActivity(activity: Activity): Promise<void> {
    const left = await this.leases.shut({ templateId: activity.templateId, activityId: activity.id });
    this.leases.add(generalOf(activity.templateId), left);
  }

  async stop(): Promise<void> {}
}

function generalOf(templateId: number): PoolRef {
  return { templateId, activityId: 0 };
}
