/**
 * A node that dies at any step of a change of units, before or after what it does there: the pools become what is
 * stored again, by another node, by its own next start, or by both; nothing has to be computed anew for that.
 */
import { afterEach, describe, expect, test } from 'vitest';
import { createActivity, patchActivity, stopActivity, tick } from '../../src/catalog/activity-changes.ts';
import type { ActivityFields } from '../../src/catalog/activity-schema.ts';
import { Catalog } from '../../src/catalog/catalog.ts';
import type { CatalogEngine } from '../../src/catalog/engine-port.ts';
import { createTemplate, publishTemplate, raiseStock } from '../../src/catalog/template-changes.ts';
import { MAY_SERVE_MS } from '../../src/ports-cluster.ts';
import { SqliteStore } from '../../src/records/sqlite-store.ts';
import { templateFields } from './bodies.ts';
import { Node, SharedPools, SharedStore } from './shared-shop.ts';

const T0 = Date.UTC(2026, 10, 10);
const HOUR = 3_600_000;
const STEPS_MAX = 100;

/** Everything after so many steps never happens. */
class Life {
  left = Number.POSITIVE_INFINITY;
  isOver = false;
  private die: () => void = () => {};
  readonly death = new Promise<'died'>((resolve) => {
    this.die = () => resolve('died');
  });

  async step(): Promise<void> {
    if (this.left-- > 0) return;
    this.isOver = true;
    this.die();
    await new Promise(() => {});
  }

  around<Args extends unknown[], T>(call: (...args: Args) => Promise<T>): (...args: Args) => Promise<T> {
    return async (...args) => {
      await this.step();
      const result = await call(...args);
      await this.step();
      return result;
    };
  }
}

/** As one node sees it that may die at each call. */
function seenBy(store: SqliteStore, life: Life): SqliteStore {
  const calls: Record<string, unknown> = { pause: () => life.step() };
  for (const name of ['saveTemplate', 'saveActivity', 'changesSince', 'templates', 'activities'] as const) {
    const call = (store as unknown as Record<string, ((...args: unknown[]) => Promise<unknown>) | undefined>)[
      name
    ];
    if (call !== undefined) calls[name] = life.around(call.bind(store));
  }
  return calls as unknown as SqliteStore;
}

const OPERATIONS: Record<string, (catalog: Catalog, templateId: number, sale: number) => Promise<unknown>> = {
  'an activity is created': (catalog, templateId) => createActivity(catalog, fields(templateId), null),
  'an activity is created under a key': (catalog, templateId) =>
    createActivity(catalog, fields(templateId), 'k'),
  'more is asked for than there is': (catalog, templateId) =>
    createActivity(catalog, { ...fields(templateId), stock: 1000 }, null),
  'an activity is enlarged': (catalog, _, sale) =>
    patchActivity(catalog, sale, { stock: 70, name: 'Larger' }),
  'an activity is to have more than there is': (catalog, _, sale) =>
    patchActivity(catalog, sale, { stock: 1000 }),
  'an activity is stopped': (catalog, _, sale) => stopActivity(catalog, sale),
  'stock is raised': (catalog, templateId) => raiseStock(catalog, templateId, 150, null),
};

function fields(templateId: number): ActivityFields {
  return { templateId, name: 'Noon', stock: 40, startsAtMs: T0, endsAtMs: T0 + HOUR, perUserLimit: 1 };
}

async function opened(catalog: Catalog): Promise<{ templateId: number; sale: number }> {
  const made = await createTemplate(catalog, templateFields(), null);
  if (!made.ok) throw new Error(made.problem.detail);
  const templateId = made.value.id;
  await publishTemplate(catalog, templateId);
  const sale = await createActivity(catalog, { ...fields(templateId), name: 'Morning', stock: 30 }, null);
  if (!sale.ok) throw new Error(sale.problem.detail);
  return { templateId, sale: sale.value.id };
}

/** What is stored, as pools; nobody is at anything any more. */
async function stored(store: SqliteStore): Promise<{ general: number; activities: [number, number][] }> {
  const [template] = await store.templates();
  const activities = await store.activities();
  for (const activity of activities) expect(activity.askedStock).toBeUndefined();
  const units = activities.map(({ id, status, stock }): [number, number] => [
    id,
    status === 'active' ? stock : 0,
  ]);
  const general = template!.total - units.reduce((sum, [, n]) => sum + n, 0);
  return { general, activities: units };
}

/** The pools are what is stored. `steps`: after how many of them the node died. */
async function expectAsStored(
  store: SqliteStore,
  pools: SharedPools,
  templateId: number,
  steps: number,
): Promise<void> {
  const { general, activities } = await stored(store);
  const units = activities.map(([id]) => [id, pools.activities.get(id)?.units ?? 0]);
  expect({ steps, units, general: pools.general(templateId) }).toEqual({ steps, units: activities, general });
}

const closings: (() => Promise<void>)[] = [];
afterEach(async () => {
  for (const close of closings.splice(0)) await close();
});

describe.each(Object.keys(OPERATIONS))('while %s, in a cluster', (name) => {
  test.each(['another node', 'its next start'])('%s sets the pools right', async (who) => {
    let steps = 0;
    for (let isDone = false; !isDone; steps++) {
      let nowMs = T0;
      const store = new SharedStore();
      const pools = new SharedPools();
      const life = new Life();
      const dying = await Node.start(seenBy(store, life) as SharedStore, pools, () => nowMs);
      const other = who === 'another node' ? await Node.start(store, pools, () => nowMs) : null;
      const { templateId, sale } = await opened(dying.catalog);
      await other?.follower.refresh();
      life.left = steps;
      const ended = await Promise.race([OPERATIONS[name]!(dying.catalog, templateId, sale), life.death]);
      isDone = ended !== 'died';
      expect(steps).toBeLessThan(STEPS_MAX);

      const node = other ?? (await Node.start(store, pools, () => nowMs));
      closings.push(() => node.follower.stop());
      if (other === null) node.follower.start(HOUR);
      for (let look = 0; look < 3; look++) {
        await node.follower.refresh();
        await tick(node.catalog);
        nowMs += MAY_SERVE_MS;
      }
      await expectAsStored(store, pools, templateId, steps);
      expect([node.catalog.unsettled.size, node.catalog.link.behind()]).toEqual([0, []]);
    }
    expect(steps).toBeGreaterThan(3);
  });
});

describe.each(Object.keys(OPERATIONS))('while %s, on a node of its own', (name) => {
  test('its next start goes on from what is stored', async () => {
    let steps = 0;
    for (let isDone = false; !isDone; steps++) {
      const store = new SqliteStore(':memory:');
      const life = new Life();
      const first = await alone(seenBy(store, life), life);
      const { templateId, sale } = await opened(first.catalog);
      life.left = steps;
      const ended = await Promise.race([OPERATIONS[name]!(first.catalog, templateId, sale), life.death]);
      isDone = ended !== 'died';

      const { catalog, pools } = await alone(store, new Life());
      await tick(catalog);
      await expectAsStored(store, pools, templateId, steps);
      await store.close();
    }
    expect(steps).toBeGreaterThan(3);
  });
});

/** The only node: at its start its pools are computed from what is stored. */
async function alone(store: SqliteStore, life: Life): Promise<{ catalog: Catalog; pools: SharedPools }> {
  const pools = new SharedPools();
  const engine: CatalogEngine = {
    templateChanged: life.around(async (template) => pools.raise(template.id, template.total)),
    openActivity: life.around(async (activity) => pools.fund(activity)),
    resizeActivity: life.around(async (activity) => pools.fund(activity)),
    closeActivity: life.around(async ({ id }) => void pools.activities.delete(id)),
  };
  const spaces = () => [{ space: '0703101112', size: 1_000_000 }];
  const catalog = await Catalog.load({ store, engine, spaces, now: () => T0, log: { error: () => {} } });
  for (const { id, total, publishedAtMs } of catalog.templates())
    if (publishedAtMs !== null) pools.raise(id, total);
  for (const activity of catalog.activities()) if (activity.status === 'active') pools.fund(activity);
  return { catalog, pools };
}
