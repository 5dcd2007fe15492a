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
  /** How often it could not be told. */
  failures: number;
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

  /** Deliveries that failed since the last one that did not. */
  failures(templateId: number): number {
    return this.#owed.get(templateId)?.failures ?? 0;
  }

  /** To be told with the template's next delivery. */
  owe(templateId: number, extent: CodeExtent | null): void {
    this.#owedTo(templateId).extents.push(extent);
  }

  oweClose(activity: Activity): void {
    this.#owedTo(activity.templateId).closes.add(activity.id);
  }

  templateChanged(templateId: number, extent: CodeExtent | null): Promise<void> {
    this.owe(templateId, extent);
    return this.deliver(templateId);
  }

  closeActivity(activity: Activity): Promise<void> {
    this.oweClose(activity);
    return this.deliver(activity.templateId);
  }

  /** To be called in the template's turn. Never rejects: what fails stays owed. More may come to be owed meanwhile. */
  async deliver(templateId: number): Promise<void> {
    const owed = this.#owed.get(templateId);
    if (owed === undefined || this.#stored.template(templateId) === undefined) return;
    try {
      while (owed.extents.length + owed.closes.size > 0) {
        if (owed.extents.length > 0) await this.#tellOne(templateId, owed.extents);
        else await this.#closeOne(templateId, owed.closes);
      }
      this.#owed.delete(templateId);
    } catch (error) {
      if (owed.failures === 0) {
        this.#log.error(
          { err: error, templateId },
          'a stored change did not reach the engine yet; it is told again',
        );
      }
      owed.failures++;
    }
  }

  async #tellOne(templateId: number, extents: (CodeExtent | null)[]): Promise<void> {
    const template = this.#stored.template(templateId)!;
    await this.#engine.templateChanged(template, this.#stored.activitiesOf(templateId), extents[0]!);
    extents.shift();
  }

  async #closeOne(templateId: number, closes: Set<number>): Promise<void> {
    const [activityId] = closes;
    const activity = this.#stored.activity(activityId!);
    if (activity !== undefined)
      await this.#engine.closeActivity(activity, this.#stored.template(templateId)!);
    closes.delete(activityId!);
  }

  #owedTo(templateId: number): Owed {
    const owed = this.#owed.get(templateId) ?? {
      extents: [],
      closes: new Set<number>(),
      failures: 0,
    };
    this.#owed.set(templateId, owed);
    return owed;
  }
}
