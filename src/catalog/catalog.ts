/**
 * Templates and activities in memory, as they are stored. Reads never leave the process; changes are made by the
 * functions in template-changes.ts and activity-changes.ts, one at a time per template, and stored before they show.
 */
import type { Activity, Template } from '../domain/template.ts';
import type { ExtentRequest, RecordStore } from '../ports.ts';
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

/** An activity in version 1 never got its units (activity-changes.ts); it is shown to nobody. */
export function wasOpened(activity: Activity): boolean {
  return activity.version > 1;
}

export class Catalog {
  readonly store: RecordStore;
  readonly engine: CatalogEngine;
  readonly spaces: CatalogOptions['spaces'];
  readonly now: () => number;
  readonly link: EngineLink;
  readonly #templates = new Map<number, Template>();
  readonly #activities = new Map<number, Activity>();
  readonly #activitiesOf = new Map<number, number[]>();
  /** The end of the queue of changes of each template that has any under way. */
  readonly #turns = new Map<number, Promise<unknown>>();

  private constructor(options: CatalogOptions) {
    this.store = options.store;
    this.engine = options.engine;
    this.spaces = options.spaces;
    this.now = options.now;
    this.link = new EngineLink(options.engine, this, options.log);
  }

  /** Everything the store has. The engine is told nothing: it starts from the same store. */
  static async load(options: CatalogOptions): Promise<Catalog> {
    const catalog = new Catalog(options);
    for (const template of await options.store.templates()) catalog.keepTemplate(template);
    for (const activity of await options.store.activities()) catalog.keepActivity(activity);
    return catalog;
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

  /** For what has just been stored; also for changes that another node stored. An older version changes nothing. */
  keepTemplate(template: Template): void {
    const known = this.#templates.get(template.id);
    if (known === undefined || known.version < template.version) this.#templates.set(template.id, template);
  }

  keepActivity(activity: Activity): void {
    const known = this.#activities.get(activity.id);
    if (known !== undefined && known.version >= activity.version) return;
    this.#activities.set(activity.id, activity);
    if (known !== undefined) return;
    const siblings = this.#activitiesOf.get(activity.templateId);
    if (siblings === undefined) this.#activitiesOf.set(activity.templateId, [activity.id]);
    else siblings.push(activity.id);
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
