/** Operators' changes against the real store: what is allowed, what is stored, what the engine is told and when. */
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { createActivity, patchActivity, stopActivity, tick } from '../../src/catalog/activity-changes.ts';
import type { ActivityFields } from '../../src/catalog/activity-schema.ts';
import { Catalog } from '../../src/catalog/catalog.ts';
import type { CatalogEngine, TakenUnits } from '../../src/catalog/engine-port.ts';
import { listActivities, listTemplates } from '../../src/catalog/listing.ts';
import {
  addStock,
  createTemplate,
  deleteTemplate,
  disableTemplate,
  patchTemplate,
  publishTemplate,
  raiseStock,
} from '../../src/catalog/template-changes.ts';
import type { CodeExtent } from '../../src/domain/template.ts';
import { STOCK_MAX } from '../../src/limits.ts';
import type { Result } from '../../src/problems.ts';
import { SqliteStore } from '../../src/records/sqlite-store.ts';
import { templateFields } from './bodies.ts';

const T0 = Date.UTC(2026, 10, 10);
const HOUR = 3_600_000;

let nowMs: number;
let store: SqliteStore;
let catalog: Catalog;
let told: string[];
let extents: CodeExtent[];
/** Unsold units of every general pool, as the engine would count them. */
let pool: number;
/** Units of activities. */
let pools: Map<number, number>;
let engineFails: boolean;

const engine: CatalogEngine = {
  async templateChanged(template, activities, extent) {
    if (engineFails) throw new Error('owner away');
    told.push(`${template.id} v${template.version} ${template.status} ${activities.length}`);
    if (extent !== null) extents.push(extent);
  },
  async openActivity({ id, stock }) {
    return take(`open ${id} ${stock}`, id, stock);
  },
  async resizeActivity({ id, stock }, before) {
    return take(`resize ${id} ${before} ${stock}`, id, stock);
  },
  async closeActivity({ id }) {
    if (engineFails) throw new Error('owner away');
    pool += pools.get(id) ?? 0;
    pools.delete(id);
    told.push(`close ${id}`);
  },
};

/** As engines do: a call that comes again changes nothing. */
function take(what: string, id: number, stock: number): TakenUnits {
  const more = stock - (pools.get(id) ?? 0);
  if (more > pool) return { ok: false, available: pool };
  pool -= more;
  pools.set(id, stock);
  told.push(what);
  return { ok: true };
}

function load(): Promise<Catalog> {
  return Catalog.load({
    store,
    engine,
    spaces: (template) => [{ space: `space-${template.productLine}`, size: 1_000 }],
    now: () => nowMs,
    log: { error: () => {} },
  });
}

beforeEach(async () => {
  nowMs = T0;
  store = new SqliteStore(':memory:');
  told = [];
  extents = [];
  pool = 100;
  pools = new Map();
  engineFails = false;
  catalog = await load();
});

afterEach(() => store.close());

function value<T>(result: Result<T>): T {
  if (!result.ok) throw new Error(`${result.problem.code}: ${result.problem.detail}`);
  return result.value;
}

function codeOf(result: Result<unknown>): string {
  return result.ok ? 'ok' : result.problem.code;
}

async function draft(changes: Record<string, unknown> = {}): Promise<number> {
  return value(await createTemplate(catalog, templateFields(changes), null)).id;
}

async function published(changes: Record<string, unknown> = {}): Promise<number> {
  const id = await draft(changes);
  value(await publishTemplate(catalog, id));
  return id;
}

function sale(templateId: number, changes: Partial<ActivityFields> = {}): ActivityFields {
  return {
    templateId,
    name: 'Noon',
    stock: 40,
    startsAtMs: T0,
    endsAtMs: T0 + HOUR,
    perUserLimit: 1,
    ...changes,
  };
}

describe('templates', () => {
  it('go draft → published ⇄ disabled → deleted, each once, a version at a time', async () => {
    const id = await draft();
    expect(catalog.template(id)).toMatchObject({ status: 'draft', version: 1, publishedAtMs: null });
    expect(told).toEqual([]);
    expect(codeOf(await disableTemplate(catalog, id))).toBe('invalid_state');
    expect(value(await publishTemplate(catalog, id))).toMatchObject({
      status: 'published',
      publishedAtMs: T0,
      version: 2,
    });
    expect(value(await publishTemplate(catalog, id)).version).toBe(2);
    expect(value(await disableTemplate(catalog, id)).version).toBe(3);
    nowMs += HOUR;
    expect(value(await publishTemplate(catalog, id))).toMatchObject({ publishedAtMs: T0, version: 4 });
    expect(value(await deleteTemplate(catalog, id)).status).toBe('deleted');
    expect(value(await deleteTemplate(catalog, id)).version).toBe(5);
    expect(codeOf(await publishTemplate(catalog, id))).toBe('not_found');
    expect(codeOf(await publishTemplate(catalog, 999))).toBe('not_found');
    expect(told.map((line) => line.slice(2))).toEqual([
      'v2 published 0',
      'v3 disabled 0',
      'v4 published 0',
      'v5 deleted 0',
    ]);
    expect(extents).toEqual([{ templateId: id, firstSerial: 0, length: 100, space: 'space-7', offset: 0 }]);
  });

  it('are there again after a restart, as they were', async () => {
    const id = await published();
    value(await createActivity(catalog, sale(id), null));
    const again = await load();
    expect(again.template(id)).toEqual(catalog.template(id));
    expect(again.activitiesOf(id)).toEqual(catalog.activitiesOf(id));
  });

  it('have names of their own until they are deleted', async () => {
    const id = await draft();
    expect(codeOf(await createTemplate(catalog, templateFields(), null))).toBe('name_taken');
    value(await deleteTemplate(catalog, id));
    expect(codeOf(await createTemplate(catalog, templateFields(), null))).toBe('ok');
  });

  it('change freely as drafts; once published what holders rely on is frozen', async () => {
    const id = await draft();
    const percent = { kind: 'percent', rate: 9_500 } as const;
    expect(value(await patchTemplate(catalog, id, { discount: percent, total: 50 }))).toMatchObject({
      codeKind: 2,
      total: 50,
    });
    value(await publishTemplate(catalog, id));
    const frozen = await patchTemplate(catalog, id, {
      currency: 'USD',
      measure: 'initial',
      name: 'x',
      total: 10,
    });
    expect(frozen).toMatchObject({
      problem: { code: 'field_frozen', extra: { fields: ['currency', 'measure', 'stock'] } },
    });
    expect(catalog.template(id)).toMatchObject({ name: 'Spring 30 off 300', version: 3 });
    expect(value(await patchTemplate(catalog, id, { discount: percent })).version).toBe(3);
    const moved = value(
      await patchTemplate(catalog, id, { name: 'x', claimUntilMs: T0 + HOUR, perUserLimit: 3, total: 60 }),
    );
    expect(moved).toMatchObject({ name: 'x', perUserLimit: 3, total: 60, version: 4 });
    expect(extents.at(-1)).toMatchObject({ firstSerial: 50, length: 10, offset: 50 });
    expect(codeOf(await patchTemplate(catalog, id, { claimFromMs: T0 + HOUR }))).toBe('invalid_request');
  });

  it('can not be published when all is over, nor with codes another could have', async () => {
    const late = await draft({ claimUntil: new Date(T0).toISOString() });
    expect(codeOf(await publishTemplate(catalog, late))).toBe('invalid_state');
    const charset = '0123456789';
    await published({ name: 'a', code: { pattern: 'A#-######', charset } });
    const rival = await draft({ name: 'b', code: { pattern: 'A1-######', charset } });
    expect(codeOf(await publishTemplate(catalog, rival))).toBe('invalid_state');
    await published({ name: 'c', code: { pattern: 'AB-######', charset } });
  });

  it('get stock upward only, and not beyond their codes', async () => {
    const id = await published();
    expect(value(await raiseStock(catalog, id, 100, null)).version).toBe(2);
    expect(codeOf(await raiseStock(catalog, id, 99, null))).toBe('field_frozen');
    expect(value(await raiseStock(catalog, id, 150, null))).toMatchObject({ total: 150, version: 3 });
    expect(codeOf(await raiseStock(catalog, id, 1_001, null))).toBe('code_space_full');
    expect(catalog.template(id)).toMatchObject({ total: 150, version: 3 });
  });

  it('get units added to what there is, each addition once', async () => {
    const id = await published();
    const adds = Array.from({ length: 20 }, (_, i) => addStock(catalog, id, 1 + (i % 2), null));
    await Promise.all(adds);
    expect(catalog.template(id)).toMatchObject({ total: 130, version: 22 });
    expect(extents.reduce((units, { length }) => units + length, 0)).toBe(130);
    value(await addStock(catalog, id, 50, 'k'));
    value(await addStock(catalog, id, 10, 'other'));
    expect(value(await addStock(catalog, id, 50, 'k')).total).toBe(190);
    expect(codeOf(await addStock(catalog, id, 51, 'k'))).toBe('idempotency_conflict');
    expect(codeOf(await raiseStock(catalog, id, 200, 'k'))).toBe('idempotency_conflict');
    expect(codeOf(await addStock(catalog, id, 900, null))).toBe('code_space_full');
    expect(catalog.template(id)?.total).toBe(190);
    expect(codeOf(await addStock(catalog, 99, 1, null))).toBe('not_found');
  });

  it('get no more units added than a stock may have, and a repeat is told what the first one was', async () => {
    const id = await draft({ stock: STOCK_MAX - 100 });
    expect(await addStock(catalog, id, 101, null)).toMatchObject({
      problem: {
        code: 'invalid_request',
        extra: {
          errors: [
            {
              field: 'add',
              problem: `is 101, on top of ${STOCK_MAX - 100}`,
              allowed: 'an integer from 1 to 100',
            },
          ],
        },
      },
    });
    for (let i = 0; i < 2; i++) expect(codeOf(await addStock(catalog, id, 101, 'k'))).toBe('invalid_request');
    expect(value(await addStock(catalog, id, 100, 'full')).total).toBe(STOCK_MAX);
    expect(value(await addStock(catalog, id, 100, 'full')).total).toBe(STOCK_MAX);
    expect(codeOf(await addStock(catalog, id, 100, 'again'))).toBe('invalid_request');
    expect(catalog.template(id)?.total).toBe(STOCK_MAX);
  });

  it('change one at a time', async () => {
    const id = await published();
    const totals = Array.from({ length: 20 }, (_, i) => 101 + i);
    await Promise.all(totals.map((total) => raiseStock(catalog, id, total, null)));
    expect(catalog.template(id)).toMatchObject({ total: 120, version: 22 });
    expect(extents.map(({ firstSerial, length }) => [firstSerial, length])).toEqual([
      [0, 100],
      ...totals.map((t) => [t - 1, 1]),
    ]);
  });

  it('are told to the engine again when that failed, and until then are not said to be done', async () => {
    engineFails = true;
    const id = await draft();
    expect(codeOf(await publishTemplate(catalog, id))).toBe('unavailable');
    expect(codeOf(await publishTemplate(catalog, id))).toBe('unavailable');
    expect(codeOf(await disableTemplate(catalog, id))).toBe('unavailable');
    expect(catalog.template(id)?.status).toBe('disabled');
    expect(told).toEqual([]);
    engineFails = false;
    await tick(catalog);
    expect(told.at(-1)).toBe(`${id} v3 disabled 0`);
    expect(extents).toHaveLength(1);
    const calls = told.length;
    await tick(catalog);
    expect(told).toHaveLength(calls);
  });

  it('are said to be done by the repeat that finds the engine back', async () => {
    engineFails = true;
    const id = await draft();
    expect(codeOf(await publishTemplate(catalog, id))).toBe('unavailable');
    engineFails = false;
    expect(value(await publishTemplate(catalog, id)).version).toBe(2);
    expect(told).toEqual([`${id} v2 published 0`]);
  });

  it('are listed newest first, by page, status, product line and part of the name', async () => {
    for (let i = 0; i < 5; i++) await draft({ name: `Spring ${i}`, productLine: i % 2 });
    value(await publishTemplate(catalog, 2));
    value(await deleteTemplate(catalog, 5));
    const names = (query: object) => {
      const { items, next } = listTemplates(catalog, { limit: 50, ...query }, nowMs);
      return [items.map((item) => item.id), next];
    };
    expect(names({})).toEqual([[4, 3, 2, 1], null]);
    expect(names({ limit: 2 })).toEqual([[4, 3], '3']);
    expect(names({ limit: 2, cursor: 3 })).toEqual([[2, 1], null]);
    expect(names({ status: 'published' })).toEqual([[2], null]);
    expect(names({ status: 'deleted' })).toEqual([[5], null]);
    expect(names({ productLine: 1 })).toEqual([[4, 2], null]);
    expect(names({ q: 'RING 3' })).toEqual([[4], null]);
    nowMs = Date.UTC(2027, 0, 1);
    expect(names({ status: 'ended' })).toEqual([[2], null]);
    expect(names({ status: 'published' })).toEqual([[], null]);
  });
});

describe('Idempotency-Key', () => {
  it('makes a create repeatable and refuses another request', async () => {
    const first = value(await createTemplate(catalog, templateFields(), 'k'));
    value(await patchTemplate(catalog, first.id, { name: 'later' }));
    expect(value(await createTemplate(catalog, templateFields(), 'k'))).toMatchObject({
      id: first.id,
      name: 'later',
    });
    expect(codeOf(await createTemplate(catalog, templateFields({ stock: 5 }), 'k'))).toBe(
      'idempotency_conflict',
    );
  });

  it('gives a stock change its answer again, also when the stock has grown since', async () => {
    const id = await published();
    expect(value(await raiseStock(catalog, id, 150, 'k')).total).toBe(150);
    value(await raiseStock(catalog, id, 200, 'other'));
    expect(value(await raiseStock(catalog, id, 150, 'k'))).toMatchObject({ total: 200, version: 4 });
    expect(codeOf(await raiseStock(catalog, id, 120, 'k'))).toBe('idempotency_conflict');
    for (let i = 0; i < 2; i++)
      expect(codeOf(await raiseStock(catalog, id, 120, 'low'))).toBe('field_frozen');
    expect(codeOf(await raiseStock(catalog, id, 300, 'low'))).toBe('idempotency_conflict');
    value(await raiseStock(catalog, id, 200, 'equal'));
    expect(codeOf(await raiseStock(catalog, id, 201, 'equal'))).toBe('idempotency_conflict');
    expect(catalog.template(id)).toMatchObject({ total: 200, version: 4 });
  });

  it('repeats an activity although its units are gone by then', async () => {
    const id = await published();
    const first = value(await createActivity(catalog, sale(id, { stock: 100 }), 'k'));
    expect(pool).toBe(0);
    expect(value(await createActivity(catalog, sale(id, { stock: 100 }), 'k'))).toEqual(first);
    expect(codeOf(await createActivity(catalog, sale(id, { stock: 99 }), 'k'))).toBe('idempotency_conflict');
    expect(catalog.activitiesOf(id)).toHaveLength(1);
  });

  it('takes up an activity that got no units the first time', async () => {
    const id = await published();
    pool = 10;
    for (let i = 0; i < 2; i++) {
      expect(await createActivity(catalog, sale(id), 'k')).toMatchObject({
        problem: { code: 'insufficient_stock', extra: { available: 10 } },
      });
    }
    expect(listActivities(catalog, { limit: 50 }, nowMs).items).toEqual([]);
    pool = 50;
    catalog = await load();
    expect(value(await createActivity(catalog, sale(id), 'k'))).toMatchObject({
      status: 'active',
      version: 6,
    });
    expect(pool).toBe(10);
  });
});

describe('activities', () => {
  it('need a template that is open for claims, and time', async () => {
    expect(codeOf(await createActivity(catalog, sale(await draft()), null))).toBe('invalid_state');
    const grants = await published({ name: 'g', distribution: 'grant' });
    expect(codeOf(await createActivity(catalog, sale(grants), null))).toBe('invalid_state');
    const id = await published({ name: 'p' });
    expect(codeOf(await createActivity(catalog, sale(id, { endsAtMs: T0 }), null))).toBe('invalid_state');
    expect(codeOf(await createActivity(catalog, sale(999), null))).toBe('not_found');
    expect(pool).toBe(100);
  });

  it('grow, never shrink, and tell the engine before they are stored', async () => {
    const id = await published();
    const { id: activityId } = value(await createActivity(catalog, sale(id), null));
    told = [];
    expect(value(await patchActivity(catalog, activityId, { stock: 70, name: 'Noon 2' }))).toMatchObject({
      stock: 70,
      version: 4,
    });
    expect(told).toEqual([`resize ${activityId} 40 70`, `${id} v2 published 1`]);
    expect(codeOf(await patchActivity(catalog, activityId, { stock: 200 }))).toBe('insufficient_stock');
    expect(codeOf(await patchActivity(catalog, activityId, { stock: 60 }))).toBe('field_frozen');
    expect(codeOf(await patchActivity(catalog, activityId, { startsAtMs: T0 + HOUR }))).toBe(
      'invalid_request',
    );
    expect(pool).toBe(30);
  });

  it('give back what is unsold when stopped, once', async () => {
    const id = await published();
    const activity = value(await createActivity(catalog, sale(id), null));
    expect(value(await stopActivity(catalog, activity.id))).toMatchObject({ status: 'stopped', version: 3 });
    expect(value(await stopActivity(catalog, activity.id)).version).toBe(3);
    expect(pool).toBe(100);
    expect(codeOf(await patchActivity(catalog, activity.id, { endsAtMs: T0 + 2 * HOUR }))).toBe(
      'invalid_state',
    );
  });

  it('are stopped by the clock at their end and not before', async () => {
    const id = await published();
    const activity = value(await createActivity(catalog, sale(id), null));
    nowMs = activity.endsAtMs - 1;
    await tick(catalog);
    expect(pool).toBe(60);
    nowMs++;
    expect(codeOf(await patchActivity(catalog, activity.id, { endsAtMs: nowMs + HOUR }))).toBe(
      'invalid_state',
    );
    engineFails = true;
    await Promise.all([tick(catalog), tick(catalog)]);
    expect(catalog.activity(activity.id)).toMatchObject({ status: 'stopped', version: 3 });
    engineFails = false;
    await tick(catalog);
    expect(pool).toBe(100);
    await tick(catalog);
    expect(pool).toBe(100);
  });

  it('end with their template, also when a crash came between', async () => {
    const id = await published();
    const activity = value(await createActivity(catalog, sale(id), null));
    const template = catalog.template(id)!;
    await store.saveTemplate({ ...template, status: 'deleted', version: template.version + 1 }, null, null);
    catalog = await load();
    await tick(catalog);
    expect(catalog.activity(activity.id)!.status).toBe('stopped');
    expect(pool).toBe(100);
  });

  it('return their units when they could not be stored', async () => {
    const id = await published();
    const save = store.saveActivity.bind(store);
    store.saveActivity = async (activity, mark) => {
      if (activity.status === 'active') throw new Error('disk full');
      return save(activity, mark);
    };
    await expect(createActivity(catalog, sale(id), null)).rejects.toThrow('disk full');
    expect(pool).toBe(100);
    expect(catalog.activitiesOf(id)).toEqual([]);
  });
});
