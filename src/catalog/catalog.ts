/**
 * Templates and activities in memory, as they are stored. Reads never leave the process; changes are made by the
 * functions in template-changes.ts and activity-changes.ts, one at a time per template, and stored before they show.
 *
 * Where several nodes share the store, catalog-follow.ts brings in what the others stored, and judging.ts sees to it
 * that no change is judged by less than what was stored when it was asked for.
 */
import { wasOpened } from '../domain/lifecycle.ts';
import type { Activity, CodeExtent, Template } from '../domain/template.ts';
import { nameKey } from '../domain/template-name.ts';
import { CHANGE_PATIENCE_MS, CHANGES_WAITING_MAX } from '../limits.ts';
import type { ExtentRequest, RecordStore } from '../ports.ts';
import type { CatalogChanges } from '../ports-cluster.ts';
import { type Result, refused } from '../problems.ts';
import { EngineLink } from './engine-link.ts';
import type { CatalogEngine } from './engine-port.ts';
import { Turns } from './turns.ts';

export interface CatalogOptions {
  readonly store: RecordStore;
  readonly engine: CatalogEngine;
  /** Where a template's codes may lie, in order of preference. */
  readonly spaces: (template: Template, publishedAtMs: number) => ExtentRequest['spaces'];
  readonly now: () => number;
  readonly log: { error(fields: object, message: string): void };
  /** Of an operator's change, from the call to the answer. */
  readonly patienceMs?: number;
}

export type CatalogNews = Omit<CatalogChanges, 'sequence'>;

export class Catalog {
  readonly store: RecordStore;
  readonly engine: CatalogEngine;
  readonly spaces: CatalogOptions['spaces'];
  readonly now: () => number;
  readonly log: CatalogOptions['log'];
  readonly link: EngineLink;
  /** Activities whose pools are not known to be what is stored; logged: it was told that this goes on. */
  readonly unsettled = new Map<number, { readonly templateId: number; readonly logged: boolean }>();
  /** Activities whose pools may not be what is stored, for something that another node, or this one's last start, left. */
  readonly doubted = new Set<number>();
  /** Versions of activities with units asked for, and since when this node has known of each. */
  readonly asked = new Map<number, { readonly version: number; readonly sinceMs: number }>();
  /** Called after each save of this node. */
  onSaved?: () => void;
  readonly #templates = new Map<number, Template>();
  /** Ids by name (key) of those that are not deleted. */
  readonly #named = new Map<string, number>();
  #lastTemplateId = 0;
  readonly #activities = new Map<number, Activity>();
  readonly #activitiesOf = new Map<number, number[]>();
  readonly #turns: Turns;
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
    this.#turns = new Turns({
      waitingMax: CHANGES_WAITING_MAX,
      patienceMs: options.patienceMs ?? CHANGE_PATIENCE_MS,
      onUnheard: (error) =>
        options.log.error({ err: error }, 'a change failed after its caller was answered'),
    });
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
    return [...new Set([...changed, ...told])].map((id) =>
      this.attend(id, 'deliver', () => this.link.deliver(id)),
    );
  }

  template(id: number): Template | undefined {
    return this.#templates.get(id);
  }

  /** Of this name, as far as this node knows; the store judges when one is saved. Not a deleted one. */
  templateNamed(name: string): Template | undefined {
    const id = this.#named.get(nameKey(name));
    return id === undefined ? undefined : this.#templates.get(id);
  }

  /** The highest there is, of deleted ones too; 0: there is none. */
  get lastTemplateId(): number {
    return this.#lastTemplateId;
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

  /** Those that were opened at some time, or all. */
  activitiesOf(templateId: number, which?: 'unopened ones too'): readonly Activity[] {
    const ids = this.#activitiesOf.get(templateId) ?? [];
    const all = ids.map((id) => this.#activities.get(id)!);
    return which === undefined ? all.filter(wasOpened) : all;
  }

  /** For what has just been stored, here or elsewhere; whether it is news. An older version changes nothing. */
  keepTemplate(template: Template): boolean {
    const known = this.#templates.get(template.id);
    if (known !== undefined && known.version >= template.version) return false;
    this.#templates.set(template.id, template);
    this.#lastTemplateId = Math.max(this.#lastTemplateId, template.id);
    this.#nameOf(template, known);
    return true;
  }

  /** News come in any order: one that has left a name does not take it from who has it now. */
  #nameOf(template: Template, before: Template | undefined): void {
    const key = before === undefined ? null : nameKey(before.name);
    if (key !== null && this.#named.get(key) === template.id) this.#named.delete(key);
    if (template.status !== 'deleted') this.#named.set(nameKey(template.name), template.id);
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

  /**
   * Runs an operator's `change` when all earlier ones of this template are through, whatever became of them. Refused
   * when its turn does not come in time, and `unavailable` as well when it is stored but does not hold everywhere on
   * this node yet: an operator who is told that it is done may rely on it.
   */
  async change<T>(templateId: number, change: () => Promise<Result<T>>): Promise<Result<T>> {
    const turn = await this.#turns.ask(templateId, async () => {
      const failures = this.link.failures(templateId);
      const outcome = await change();
      if (!outcome.ok) return outcome;
      // It changed nothing, and what it repeats is still owed to the engine.
      if (this.link.failures(templateId) === failures) await this.link.deliver(templateId);
      if (!this.#isOutstanding(templateId)) return outcome;
      const detail = 'It is stored, but not in force everywhere yet; that is tried again. Ask again to see.';
      return refused('unavailable', detail);
    });
    switch (turn.kind) {
      case 'done':
        return turn.value;
      case 'full':
        return refused('overloaded', `${CHANGES_WAITING_MAX} changes of this template wait already.`);
      case 'late':
        return refused('unavailable', 'Earlier changes of this template take too long: nothing was changed.');
      case 'unfinished':
        return refused('unavailable', 'It takes too long, and may still be done: look before asking again.');
    }
  }

  /** The program's own work on a template, in its turn; the same work that waits already is not doubled. */
  attend(templateId: number, name: string, work: () => Promise<void>): Promise<void> {
    return this.#turns.attend(templateId, name, work);
  }

  #isOutstanding(templateId: number): boolean {
    // Owed alone says nothing of this change: news of another node may have come in since it was delivered.
    if (this.link.failures(templateId) > 0) return true;
    return [...this.unsettled.values()].some((unsettled) => unsettled.templateId === templateId);
  }
}
