/** Templates as an ingress knows them: kept in step by messages from main, over tables that all threads share. */
import type { ActorShares } from '../actors/shares.ts';
import { UserTable } from '../actors/user-table.ts';
import { TemplateView } from '../claims/template-view.ts';
import type { TemplateReplica } from './ingress-messages.ts';

/** What an ingress needs of a template. */
export function replicaOf(view: TemplateView): TemplateReplica {
  return {
    template: view.template,
    activities: view.activities,
    rules: view.rules,
    extents: view.extents,
    units: view.units.buffers,
    marks: Array.from(view.pools, ([activityId, { marks }]) => [
      activityId,
      marks.buffer as SharedArrayBuffer,
    ]),
  };
}

/** The tables of an actor as they are known here; null: they are not yet. */
export function sharesOf(view: TemplateView, partition: number): ActorShares | null {
  const { users } = view.actors[partition]!;
  if (users === null) return null;
  const pools = [...view.pools].flatMap(([activityId, { claimed }]) => {
    const counter = claimed[partition];
    return counter === undefined ? [] : [{ activityId, claimed: counter.buffer as SharedArrayBuffer }];
  });
  return { templateId: view.template.id, partition, segments: users.buffers, pools };
}

/** The tables of an actor come to be known, or are others than before. */
export function takeShares(view: TemplateView, { partition, segments, pools }: ActorShares): void {
  view.actors[partition]!.users = UserTable.attach(segments);
  for (const { activityId, claimed } of pools) {
    const pool = view.pools.get(activityId);
    if (pool !== undefined) pool.claimed[partition] = new Int32Array(claimed);
  }
}

export class Replicas {
  private readonly owners: number;
  private readonly templates = new Map<number, TemplateView>();
  private readonly byActivity = new Map<number, TemplateView>();

  constructor(owners: number) {
    this.owners = owners;
  }

  template(templateId: number): TemplateView | undefined {
    return this.templates.get(templateId);
  }

  templateOfActivity(activityId: number): TemplateView | undefined {
    return this.byActivity.get(activityId);
  }

  take({ template, activities, rules, extents, units, marks }: TemplateReplica): void {
    const words = new Map(marks);
    let view = this.templates.get(template.id);
    if (view === undefined) {
      view = new TemplateView(template, activities, rules, this.owners, words);
      this.templates.set(template.id, view);
    } else {
      view.template = template;
      view.activities = activities;
      view.setRules(rules, words);
    }
    for (const buffer of units.slice(view.units.buffers.length)) view.units.attach(buffer);
    for (const extent of extents.slice(view.extents.length)) view.extents.push(extent);
    for (const { id } of activities) this.byActivity.set(id, view);
  }

  takeShares(shares: ActorShares): void {
    takeShares(this.templates.get(shares.templateId)!, shares);
  }

  takeSegment(templateId: number, partition: number, index: number, buffer: SharedArrayBuffer): void {
    this.templates.get(templateId)?.actors[partition]?.users?.replaceSegment(index, buffer);
  }
}
