/**
 * Any changes, on either node, at the same time: at the end both nodes, both engines and the pools agree with the store,
 * every acknowledged raise is in it, and each stored version is one change made to the version before.
 */
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { createActivity, patchActivity, stopActivity, tick } from '../../src/catalog/activity-changes.ts';
import type { ActivityFields } from '../../src/catalog/activity-schema.ts';
import {
  addStock,
  createTemplate,
  deleteTemplate,
  disableTemplate,
  patchTemplate,
  publishTemplate,
  raiseStock,
} from '../../src/catalog/template-changes.ts';
import { wasOpened } from '../../src/domain/lifecycle.ts';
import type { Activity, Template } from '../../src/domain/template.ts';
import type { Result } from '../../src/problems.ts';
import { Random } from '../support/random.ts';
import { templateFields } from './bodies.ts';
import { Node, pauses, SharedPools, SharedStore } from './shared-shop.ts';

const T0 = Date.UTC(2026, 10, 10);
const MINUTE = 60_000;

type Step =
  | { kind: 'raise' | 'add' | 'enlarge'; by: number; key: string | null }
  | { kind: 'intro' | 'logo'; text: string }
  | { kind: 'publish' | 'disable' | 'delete' | 'stop' | 'refresh' | 'tick' }
  | { kind: 'limit'; limit: number }
  | { kind: 'open'; stock: number; minutes: number; key: string | null };

const key = fc.constantFrom(null, null, 'k1', 'k2');
const by = fc.integer({ min: 0, max: 80 });
const text = fc.constantFrom('a', 'b', 'c');
const step: fc.Arbitrary<Step> = fc.oneof(
  { weight: 3, arbitrary: fc.record({ kind: fc.constant('raise' as const), by, key }) },
  {
    weight: 3,
    arbitrary: fc.record({ kind: fc.constant('add' as const), by: fc.constantFrom(1, 10, 10), key }),
  },
  { weight: 3, arbitrary: fc.record({ kind: fc.constant('enlarge' as const), by, key }) },
  { weight: 3, arbitrary: fc.record({ kind: fc.constantFrom('intro', 'logo'), text }) },
  {
    weight: 3,
    arbitrary: fc.record({ kind: fc.constantFrom('publish', 'disable', 'stop', 'refresh', 'tick') }),
  },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('delete' as const) }) },
  {
    weight: 1,
    arbitrary: fc.record({ kind: fc.constant('limit' as const), limit: fc.integer({ min: 1, max: 9 }) }),
  },
  {
    weight: 4,
    arbitrary: fc.record({
      kind: fc.constant('open' as const),
      stock: fc.integer({ min: 1, max: 60 }),
      minutes: fc.integer({ min: 1, max: 9 }),
      key,
    }),
  },
);
const move = fc.record({ step, node: fc.nat(1), template: fc.nat(1), activity: fc.nat(2) });
const GROUPS = [
  ['total'],
  ['total', 'lastAddition'],
  ['intro'],
  ['logo'],
  ['perUserLimit'],
  ['status', 'publishedAtMs'],
  ['stock', 'askedStock', 'status'],
];

class Shop {
  nowMs = T0;
  readonly store = new SharedStore();
  readonly pools = new SharedPools();
  readonly nodes: Node[] = [];
  readonly templateIds: number[] = [];
  /** What was acknowledged, by what it is of. */
  readonly totals = new Map<number, number>();
  readonly stocks = new Map<number, number>();
  /** Additions that were acknowledged: template and units, each once. */
  readonly added = new Map<string | symbol, [number, number]>();
  readonly unavailable: string[] = [];

  async open(seed: number): Promise<void> {
    for (let i = 0; i < 2; i++) this.nodes.push(await Node.start(this.store, this.pools, () => this.nowMs));
    for (const name of ['A', 'B']) {
      const made = await createTemplate(this.nodes[0]!.catalog, templateFields({ name }), null);
      if (made.ok) this.templateIds.push(made.value.id);
    }
    const { catalog } = this.nodes[0]!;
    await publishTemplate(catalog, this.templateIds[0]!);
    await createActivity(catalog, this.sale(this.templateIds[0]!, 10, 5), null);
    this.store.pause = pauses(new Random(seed));
  }

  async run({
    step,
    node,
    template,
    activity,
  }: typeof move extends fc.Arbitrary<infer M> ? M : never): Promise<void> {
    const { catalog, follower } = this.nodes[node]!;
    const id = this.templateIds[template]!;
    const ofId = [...catalog.activities()][activity]?.id ?? 1;
    const total = (catalog.template(id)?.total ?? 0) + ('by' in step ? step.by : 0);
    switch (step.kind) {
      case 'raise':
        return this.kept(this.totals, await raiseStock(catalog, id, total, step.key), total, step.key);
      case 'add': {
        const added = await addStock(catalog, id, step.by, step.key);
        // Under one key it is one addition, however often it is said to be made.
        if (added.ok) this.added.set(step.key === null ? Symbol() : `${id} ${step.key}`, [id, step.by]);
        return this.answered(added);
      }
      case 'enlarge': {
        const stock = (catalog.activity(ofId)?.stock ?? 0) + step.by;
        return this.kept(this.stocks, await patchActivity(catalog, ofId, { stock }), stock, null);
      }
      case 'intro':
      case 'logo':
        return this.answered(await patchTemplate(catalog, id, { [step.kind]: step.text }));
      case 'limit':
        return this.answered(await patchTemplate(catalog, id, { perUserLimit: step.limit }));
      case 'publish':
        return this.answered(await publishTemplate(catalog, id));
      case 'disable':
        return this.answered(await disableTemplate(catalog, id));
      case 'delete':
        return this.answered(await deleteTemplate(catalog, id));
      case 'stop':
        return this.answered(await stopActivity(catalog, ofId));
      case 'refresh':
        return follower.refresh();
      case 'tick':
        this.nowMs += MINUTE;
        return tick(catalog);
      case 'open': {
        const { stock, key } = step;
        const fields = this.sale(id, stock, step.minutes);
        return this.kept(this.stocks, await createActivity(catalog, fields, key), stock, key);
      }
    }
  }

  private sale(templateId: number, stock: number, minutes: number): ActivityFields {
    const window = { startsAtMs: T0, endsAtMs: T0 + minutes * MINUTE };
    return { templateId, name: 'Noon', stock, ...window, perUserLimit: 1 };
  }

  private kept(
    into: Map<number, number>,
    result: Result<Template | Activity>,
    units: number,
    key: string | null,
  ): void {
    this.answered(result);
    if (!result.ok || key !== null) return;
    into.set(result.value.id, Math.max(into.get(result.value.id) ?? 0, units));
  }

  private answered(result: Result<unknown>): void {
    if (!result.ok && result.problem.code === 'unavailable') this.unavailable.push(result.problem.detail);
  }

  async check(): Promise<void> {
    for (let round = 0; round < 2; round++)
      for (const { follower, catalog } of this.nodes) {
        await follower.refresh();
        await tick(catalog);
      }
    for (const { follower } of this.nodes) await follower.refresh();
    const templates = await this.store.templates();
    const activities = await this.store.activities();
    for (const node of this.nodes) {
      expect(byId([...node.catalog.templates()])).toEqual(byId(templates));
      expect(byId([...node.catalog.activities()])).toEqual(byId(activities));
      expect(node.catalog.link.behind()).toEqual([]);
      for (const template of templates) {
        if (template.publishedAtMs === null) continue;
        const known = node.known.get(template.id)!;
        expect(known.template).toEqual(template);
        const opened = activities.filter((one) => one.templateId === template.id && wasOpened(one));
        expect(byId(known.activities)).toEqual(byId(opened));
        let total = 0;
        for (const extent of node.extents.filter((one) => one.templateId === template.id)) {
          expect(extent.firstSerial).toBe(total);
          total += extent.length;
        }
        expect(total).toBe(template.total);
      }
    }
    const units = activities.map(({ id }) => this.pools.activities.get(id)?.units ?? 0);
    expect(units).toEqual(activities.map(({ status, stock }) => (status === 'active' ? stock : 0)));
    for (const { id, total } of templates) expect(total).toBeGreaterThanOrEqual(this.totals.get(id) ?? 0);
    for (const templateId of this.templateIds) {
      const made = [...this.added.values()].filter(([id]) => id === templateId);
      expect(this.addedTo(templateId)).toBe(made.reduce((sum, [, units]) => sum + units, 0));
    }
    for (const { id, stock } of activities) expect(stock).toBeGreaterThanOrEqual(this.stocks.get(id) ?? 0);
    this.checkHistory();
  }

  /** By what was stored, one version after the other. */
  private addedTo(templateId: number): number {
    let units = 0;
    let last: Template | null = null;
    for (const entry of this.store.history) {
      if (!('template' in entry) || entry.template.id !== templateId) continue;
      const next = entry.template;
      if (last !== null && next.lastAddition !== last.lastAddition) units += next.total - last.total;
      last = next;
    }
    return units;
  }

  private checkHistory(): void {
    const before = new Map<string, Template | Activity>();
    for (const entry of this.store.history) {
      if ('extent' in entry) continue;
      const [name, next] = 'template' in entry ? ['t', entry.template] : ['a', entry.activity];
      const last = before.get(name + next.id) as Record<string, unknown> | undefined;
      before.set(name + next.id, next);
      if (last === undefined) continue;
      // A key that is kept saves the same version again.
      const changed = Object.entries(next).filter(
        ([field, now]) => JSON.stringify(now) !== JSON.stringify(last[field]),
      );
      const fields = changed.map(([field]) => field).filter((field) => field !== 'version');
      expect(GROUPS.some((group) => fields.every((field) => group.includes(field)))).toBe(true);
      expect(next.version).toBe((last.version as number) + (changed.length > 0 ? 1 : 0));
    }
  }
}

function byId<T extends { id: number }>(items: readonly T[]): T[] {
  return [...items].sort((x, y) => x.id - y.id);
}

test('two nodes that change everything at once agree with the store at the end', async () => {
  const unavailable: string[] = [];
  let versions = 0;
  await fc.assert(
    fc.asyncProperty(
      fc.array(fc.array(move, { minLength: 1, maxLength: 8 }), { minLength: 1, maxLength: 8 }),
      fc.integer({ min: 0 }),
      async (rounds, seed) => {
        const shop = new Shop();
        await shop.open(seed);
        for (const round of rounds) await Promise.all(round.map((one) => shop.run(one)));
        await shop.check();
        unavailable.push(...shop.unavailable);
        versions += shop.store.history.length;
        await shop.store.close();
      },
    ),
    { numRuns: process.env.LONG ? 400 : 200 },
  );
  expect(unavailable).toEqual([]);
  expect(versions).toBeGreaterThan(2_000);
});
