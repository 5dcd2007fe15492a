/** Templates and activities as a catalog saves them, each save the next version of what is stored. */
import { POSITION_START } from '../../src/domain/event-position.ts';
import type { Activity, Template } from '../../src/domain/template.ts';
import type { RecordStore } from '../../src/ports.ts';
import type { EventStore, StoredCatalogEvent } from '../../src/ports-events.ts';
import { activity, template } from './samples.ts';

export type CatalogStore = RecordStore & { readonly events: EventStore };

export class CatalogStage {
  readonly store: CatalogStore;
  private names = 0;

  constructor(store: CatalogStore) {
    this.store = store;
  }

  /** A published one, unless told otherwise. */
  async template(changes: Partial<Template> = {}): Promise<Template> {
    const name = `T${++this.names}-${Math.random()}`;
    return saved(await this.store.saveTemplate(template({ name, ...changes }), null, null));
  }

  async change(before: Template, changes: Partial<Template>): Promise<Template> {
    const next = { ...before, ...changes, version: before.version + 1 };
    return saved(await this.store.saveTemplate(next, null, null));
  }

  /** Opened: stored without its units first, as a catalog does. */
  async activity(templateId: number, changes: Partial<Activity> = {}): Promise<Activity> {
    const stock = changes.stock ?? 10;
    const fields = activity({ id: 0, templateId, stock, ...changes, status: 'unopened', askedStock: stock });
    const { askedStock: _, ...unopened } = saved(await this.store.saveActivity(fields, null));
    return this.changeActivity(unopened, { status: 'active' });
  }

  async changeActivity(before: Activity, changes: Partial<Activity>): Promise<Activity> {
    const next = { ...before, ...changes, version: before.version + 1 };
    return saved(await this.store.saveActivity(next, null));
  }

  async soldOut({ id, stock }: Activity): Promise<boolean> {
    return (await this.store.events.tellStock([{ subject: 'activity', id, stock }]))[0]!;
  }

  async ready(id: number, stock: number): Promise<boolean> {
    return (await this.store.events.tellStock([{ subject: 'template', id, stock }]))[0]!;
  }

  async told(position = POSITION_START): Promise<StoredCatalogEvent[]> {
    const events: StoredCatalogEvent[] = [];
    for (let next = position; ; ) {
      const page = await this.store.events.read(next, 3);
      events.push(...page.events.filter((event) => event.subject !== 'coupon'));
      next = page.next;
      if (!page.more && !page.held) return events;
    }
  }

  /** `sequence kind`, and the units told of. */
  async namesOf(subject: 'template' | 'activity', id: number): Promise<string[]> {
    return (await this.told())
      .filter((event) => event.subject === subject && (event.activityId ?? event.templateId) === id)
      .map(({ sequence, kind, stock }) => `${sequence} ${kind}${stock === null ? '' : ` ${stock}`}`);
  }
}

function saved<T>(outcome: { readonly kind: string; readonly value?: T }): T {
  if (outcome.kind !== 'saved') throw new Error(outcome.kind);
  return outcome.value!;
}
