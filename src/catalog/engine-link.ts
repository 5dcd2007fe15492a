/**
 * Tells the engine what has been stored, and tells it again when that failed: the stored change stands, so the only
 * way is forward. What is owed is kept until delivered; the catalog's tick asks for it.
 */
import type { Activity, CodeExtent, Template } from '../domain/template.ts';
import type { CatalogEngine } from './engine-port.ts';

export interface StoredState {
  template(id: number): Template | undefined;
  activity(id: number): Activity | undefined;
  activitiesOf(templateId: number): readonly Activity[];
}

interface Owed {
  /** Extents not yet delivered; one change without an extent is `null`. */
  readonly extents: (CodeExtent | null)[];
  readonly closes: Set<number>;
}

export class EngineLink {
  readonly #engine: CatalogEngine;
  readonly #stored: StoredState;
  readonly #log: { error(fields: object, message: string): void };
  readonly #owed = new Map<number, Owed>();

  constructor(
    engine: CatalogEngine,
    stored: StoredState,
    log: { error(fields: object, message: string): void },
  ) {
    this.#engine = engine;
    this.#stored = stored;
    this.#log = log;
  }

  /** Templates with something owed. */
  behind(): number[] {
    return [...this.#owed.keys()];
  }

  templateChanged(templateId: number, extent: CodeExtent | null): Promise<void> {
    this.#owedTo(templateId).extents.push(extent);
    return this.deliver(templateId);
  }

  closeActivity(activity: Activity): Promise<void> {
    this.#owedTo(activity.templateId).closes.add(activity.id);
    return this.deliver(activity.templateId);
  }

  /** To be called in the template's turn. Never rejects: what fails stays owed. */
  async deliver(templateId: number): Promise<void> {
    const owed = this.#owed.get(templateId);
    const template = this.#stored.template(templateId);
    if (owed === undefined || template === undefined) return;
    try {
      while (owed.extents.length > 0) {
        const activities = this.#stored.activitiesOf(templateId);
        await this.#engine.templateChanged(template, activities, owed.extents[0]!);
        owed.extents.shift();
      }
      for (const activityId of owed.closes) {
        const activity = this.#stored.activity(activityId);
        if (activity !== undefined) await this.#engine.closeActivity(activity, template);
        owed.closes.delete(activityId);
      }
      this.#owed.delete(templateId);
    } catch (error) {
      this.#log.error(
        { err: error, templateId },
        'a stored change did not reach the engine yet; it is told again',
      );
    }
  }

  #owedTo(templateId: number): Owed {
    const owed = this.#owed.get(templateId) ?? { extents: [], closes: new Set<number>() };
    this.#owed.set(templateId, owed);
    return owed;
  }
}
