/** A catalog over the real store, beside an engine that has so many units, and what is asked of both for readers. */
import { createActivity } from '../../src/catalog/activity-changes.ts';
import { Catalog } from '../../src/catalog/catalog.ts';
import { createTemplate, publishTemplate } from '../../src/catalog/template-changes.ts';
import type { StockFigures } from '../../src/engine/stock-figures.ts';
import type { TemplateReads } from '../../src/operations/templates.ts';
import type { ProblemCode, Result } from '../../src/problems.ts';
import { SqliteStore } from '../../src/records/sqlite-store.ts';
import { templateFields } from '../catalog/bodies.ts';

export const NOW_MS = Date.UTC(2026, 10, 10);
export const STOCK: StockFigures = { total: 100, free: 60, leased: 30, claimed: 10, flushed: 5 };
const HOUR_MS = 3_600_000;
/** Units an activity can get. */
const UNITS = 50;

export class CatalogStage {
  readonly store = new SqliteStore(':memory:');
  /** What was asked for figures. */
  readonly asked: string[] = [];
  reason: ProblemCode | null = null;
  catalog!: Catalog;
  reads!: TemplateReads;

  static async open(): Promise<CatalogStage> {
    const stage = new CatalogStage();
    stage.catalog = await Catalog.load({
      store: stage.store,
      engine: {
        templateChanged: async () => {},
        openActivity: async ({ stock }) => (stock <= UNITS ? { ok: true } : { ok: false, available: UNITS }),
        resizeActivity: async () => ({ ok: true }),
        closeActivity: async () => {},
      },
      spaces: () => [{ space: '0', size: 1_000 }],
      now: () => NOW_MS,
      log: { error: () => {} },
    });
    const asked = <T>(what: string, figure: T): T => {
      stage.asked.push(what);
      return figure;
    };
    stage.reads = {
      catalog: stage.catalog,
      stockOf: (id) => asked(`stock ${id}`, STOCK),
      refusesAll: () => stage.reason,
      used: async (id) => asked(`used ${id}`, 3),
      remaining: (id, activityId) => asked(`remaining ${id}/${activityId}`, activityId === 0 ? 90 : 40),
    };
    return stage;
  }

  async draft(changes: Record<string, unknown> = {}): Promise<number> {
    return value(await createTemplate(this.catalog, templateFields(changes), null)).id;
  }

  async published(changes: Record<string, unknown> = {}): Promise<number> {
    const id = await this.draft(changes);
    value(await publishTemplate(this.catalog, id));
    return id;
  }

  /** Of an hour, under way. */
  activity(templateId: number, stock: number): ReturnType<typeof createActivity> {
    const [startsAtMs, endsAtMs] = [NOW_MS, NOW_MS + HOUR_MS];
    const sale = { templateId, name: 'Noon', stock, startsAtMs, endsAtMs, perUserLimit: 1 };
    return createActivity(this.catalog, sale, null);
  }

  close(): Promise<void> {
    return this.store.close();
  }
}

export function value<T>(result: Result<T>): T {
  if (!result.ok) throw new Error(`${result.problem.code}: ${result.problem.detail}`);
  return result.value;
}
