/** What operators change while the crowd comes: stored first, then told, as catalog/engine-port.ts says. */
import type { SimTemplate } from './catalog.ts';
import type { Process } from './process.ts';
import { tellOwners } from './view.ts';
import type { World } from './world.ts';

export class Operators {
  private readonly world: World;
  /** Processes with a stock change stored and not told yet. */
  private readonly raising = new Set<Process>();

  constructor(world: World) {
    this.world = world;
  }

  /** A template whose turn it is, or null while nothing can be changed. */
  private template(): SimTemplate | null {
    const { process, random, templates } = this.world;
    if (process === null || !process.serving) return null;
    const template = random.pick(templates);
    return process.desk.moves.isBusy(template) || this.raising.has(process) ? null : template;
  }

  raiseStock(): void {
    const template = this.template();
    if (template === null) return;
    const { random, faults } = this.world;
    const process = this.world.process!;
    const from = template.total;
    template.total += random.between(1, 60);
    const to = template.total;
    this.raising.add(process);
    // A crash in between leaves what is stored; the next start counts it.
    process.later(random.between(0, 2_000), () => {
      faults.seen('stockRaised');
      this.raising.delete(process);
      tellOwners(process, template);
      process.desk.add({ templateId: template.id, activityId: 0 }, [{ from, to }], []);
    });
  }

  openActivity(): void {
    const template = this.template();
    const activity = template?.activities.find(({ status }) => status === 'unopened');
    if (template == null || activity === undefined) return;
    const process = this.world.process!;
    activity.stock = this.world.random.between(1, 60);
    process.desk.moves.enlarge(template, activity, activity.stock, (ok) => {
      if (!ok) return;
      activity.status = 'active';
      this.world.faults.seen('activityOpened');
      tellOwners(process, template);
    });
  }

  enlargeActivity(): void {
    const template = this.template();
    const activity = template?.activities.find(({ status }) => status === 'active');
    if (template == null || activity === undefined) return;
    const more = this.world.random.between(1, 30);
    this.world.process!.desk.moves.enlarge(template, activity, more, (ok) => {
      if (!ok) return;
      activity.stock += more;
      this.world.faults.seen('activityEnlarged');
    });
  }

  stopActivity(): void {
    const template = this.template();
    const activity = template?.activities.find(({ status }) => status === 'active');
    if (template == null || activity === undefined) return;
    activity.status = 'stopped';
    this.world.faults.seen('activityStopped');
    const process = this.world.process!;
    tellOwners(process, template);
    const shut = (): void => {
      if (process.desk.moves.isBusy(template)) process.later(100_000, shut);
      else process.desk.moves.shut(template, activity, (ok) => ok || shut());
    };
    shut();
  }

  moveWindow(): void {
    const template = this.template();
    if (template === null) return;
    const { random, nowMs, faults } = this.world;
    faults.seen('windowMoved');
    if (random.chance(0.5)) template.untilMs = nowMs + random.int(300);
    else template.fromMs = nowMs + random.int(300);
    tellOwners(this.world.process!, template);
  }

  /** A template has units that the engine was not told of yet. */
  get isRaising(): boolean {
    return this.raising.has(this.world.process!);
  }

  /** Whether a change is under way. */
  get isBusy(): boolean {
    const { process, templates } = this.world;
    if (process === null || this.raising.has(process)) return true;
    return templates.some((template) => {
      if (process.desk.moves.isBusy(template)) return true;
      return template.activities.some(({ id, status }) => {
        return status === 'stopped' && process.desk.pool({ templateId: template.id, activityId: id })?.open;
      });
    });
  }

  openWindows(): void {
    for (const template of this.world.templates) {
      template.fromMs = Number.NEGATIVE_INFINITY;
      template.untilMs = Number.POSITIVE_INFINITY;
      tellOwners(this.world.process!, template);
    }
  }
}
