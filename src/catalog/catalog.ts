/**
 * Templates and activities in memory, as they are stored. Reads never leave the process; changes are made by the
 * functions in template-changes.ts and activity-changes.ts, one at a time per template, and stored before they show.
 *
 * Where several nodes share the store, catalog-follow.ts brings in what the others stored, and judging.ts sees to it
 * that no change is judged by less than what was stored when it was asked for.
 */
import type { Activity, CodeExtent, Template } from '../domain/template.ts';
import type { ExtentRequest, RecordStore } from '../ports.ts';
import type { CatalogChanges } from '../ports-cluster.ts';
import { EngineLink } from './engine-link.ts';
import type { CatalogEngine } from './engine-port.ts';

export interface CatalogOptions {
  readonly store: RecordStore;
  readonly engine: CatalogEngine;
  /** Where a template's codes may lie, in order of preference. */
  readonly spaces: (template: Template, publishedAtMs: number) => ExtentRequest['spaces'];
  readonly now: () => number;
  readonly log: { error(fields: object, message: string): void };
}

export type CatalogNews = Omit<CatalogChanges, 'sequence'>;

/** An activity in version 1 never got its units (activity-changes.ts); it is shown to nobody. */
export function wasOpened(activity: Activity): boolean {
  return activity.version > 1;
}

export class Catalog {
  readonly store: RecordStore;
  readonly engine: CatalogEngine;
  readonly spaces: CatalogOptions['spaces'];
  readonly now: () => number;
  readonly log: CatalogOptions['log'];
  readonly link: EngineLink;
  /** Activities for which units were taken, and whose pools are not known to be what is stored. */
  readonly unsettled = new Map<number, Activity>();
  /** Called after each save of this node. */
  onSaved?: () => void;
  readonly #templates = new Map<number, Template>();
  readonly #activities = new Map<number, Activity>();
  readonly #activitiesOf = new Map<number, number[]>();
  /** The end of the queue of changes of each template that has any under way. */
  readonly #turns = new Map<number, Promise<unknown>>();
  /** Template and first serial. */
  readonly #extents = new Set<string>();
  #takeIn: (() => Promise<void>) | null = null;

  private constructor(options: CatalogOptions) {
    this.store = options.store;
    this.engine = options.engine;
    this.spaces = options.spaces;
    this.now = options.now;
    this.log = options.log;
    this.link = new EngineLink(options.engine, this, options.log);
  }

  /** Everything the store has, or `from`. The engine is told nothing: it starts from the same. */
  static async load(options: CatalogOptions, from?: CatalogNews): Promise<Catalog> {
    const catalog = new Catalog(options);
    for (const template of from?.templates ?? (await options.store.templates()))
      catalog.keepTemplate(template);
    for (const activity of from?.activities ?? (await options.store.activities()))
      catalog.keepActivity(activity);
    for (const extent of from?.extents ?? []) catalog.keepExtent(extent);
    return catalog;
  }

  /** From now on other nodes change the store too; `takeIn` keeps what they stored up to its call, soon. */
  share(takeIn: () => Promise<void>): void {
    this.#takeIn = takeIn;
  }

  get isShared(): boolean {
    return this.#takeIn !== null;
  }

  /** Resolves when what was stored before the call is here; the engine may still have to be told. */
  async takeIn(): Promise<void> {
    if (this.#takeIn !== null) return this.#takeIn();
    const templates = await this.store.templates();
    this.keep({ templates, activities: await this.store.activities(), extents: [] });
  }

  /** Keeps what others stored; what is news to the engine is owed to it from now on, and told in the template's turn. */
  keep({ templates, activities, extents }: CatalogNews): Promise<void>[] {
    const changed = new Set<number>();
    for (const template of templates)
      if (this.keepTemplate(template) && template.publishedAtMs !== null) changed.add(template.id);
    for (const activity of activities) {
      if (!this.keepActivity(activity) || !wasOpened(activity)) continue;
      changed.add(activity.templateId);
      if (activity.status === 'stopped') this.link.oweClose(activity);
    }
    const told = new Set<number>();
    for (const extent of [...extents].sort((a, b) => a.firstSerial - b.firstSerial)) {
      if (!this.keepExtent(extent)) continue;
      this.link.owe(extent.templateId, extent);
      told.add(extent.templateId);
    }
    for (const id of changed) if (!told.has(id)) this.link.owe(id, null);
    return [...new Set([...changed, ...told])].map((id) => this.inTurn(id, () => this.link.deliver(id)));
  }

  template(id: number): Template | undefined {
    return this.#templates.get(id);
  }

  activity(id: number): Activity | undefined {
    return this.#activities.get(id);
  }

  /** Deleted ones included. */
  templates(): IterableIterator<Template> {
    return this.#templates.values();
  }

  activities(): IterableIterator<Activity> {
    return this.#activities.values();
  }

  /** Those that were opened at some time. */
  activitiesOf(templateId: number): readonly Activity[] {
    const ids = this.#activitiesOf.get(templateId) ?? [];
    return ids.map((id) => this.#activities.get(id)!).filter(wasOpened);
  }

  /** For what has just been stored, here or elsewhere; whether it is news. An older version changes nothing. */
  keepTemplate(template: Template): boolean {
    const known = this.#templates.get(template.id);
    if (known !== undefined && known.version >= template.version) return false;
    this.#templates.set(template.id, template);
    return true;
  }

  keepActivity(activity: Activity): boolean {
    const known = this.#activities.get(activity.id);
    if (known !== undefined && known.version >= activity.version) return false;
    this.#activities.set(activity.id, activity);
    if (known !== undefined) return true;
    const siblings = this.#activitiesOf.get(activity.templateId);
    if (siblings === undefined) this.#activitiesOf.set(activity.templateId, [activity.id]);
    else siblings.push(activity.id);
    return true;
  }

  /** Whether it is news: of one that is, the engine is to be told. */
  keepExtent({ templateId, firstSerial }: CodeExtent): boolean {
    const before = this.#extents.size;
    return this.#extents.add(`${templateId} ${firstSerial}`).size > before;
  }

  /** Runs `change` when all earlier changes of this template are through, whatever became of them. */
  inTurn<T>(templateId: number, change: () => Promise<T>): Promise<T> {
    const before = this.#turns.get(templateId) ?? Promise.resolve();
    const turn = before.then(change, change);
    this.#turns.set(templateId, turn);
    const leave = (): void => {
      if (this.#turns.get(templateId) === turn) this.#turns.delete(templateId);
    };
    turn.then(leave, leave);
    return turn;
  }
}
