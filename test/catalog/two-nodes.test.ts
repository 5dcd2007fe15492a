/** Operators on two nodes over one store: nobody's change is undone, and each engine is told what the other stored. */
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
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
import { importTemplates } from '../../src/catalog/template-import.ts';
import { importChecks } from '../../src/http/import-route.ts';
import type { Result } from '../../src/problems.ts';
import { Random } from '../support/random.ts';
import { importOptions, templateFields } from './bodies.ts';
import { Node, pauses, SharedPools, SharedStore } from './shared-shop.ts';

const T0 = Date.UTC(2026, 10, 10);
const HOUR = 3_600_000;

let nowMs: number;
let store: SharedStore;
let pools: SharedPools;
let a: Node;
let b: Node;

beforeEach(async () => {
  nowMs = T0;
  store = new SharedStore();
  pools = new SharedPools();
  a = await start();
  b = await start();
});

afterEach(async () => {
  vi.useRealTimers();
  await a.follower.stop();
  await b.follower.stop();
  await store.close();
});

function start(): Promise<Node> {
  return Node.start(store, pools, () => nowMs);
}

function value<T>(result: Result<T>): T {
  if (!result.ok) throw new Error(`${result.problem.code}: ${result.problem.detail}`);
  return result.value;
}

function codeOf(result: Result<unknown>): string {
  return result.ok ? 'ok' : result.problem.code;
}

async function published(node: Node): Promise<number> {
  const { id } = value(await createTemplate(node.catalog, templateFields(), null));
  value(await publishTemplate(node.catalog, id));
  return id;
}

function sale(templateId: number): ActivityFields {
  return { templateId, name: 'Noon', stock: 40, startsAtMs: T0, endsAtMs: T0 + HOUR, perUserLimit: 1 };
}

describe('two nodes', () => {
  it('judge by what the other stored, though it has not been told', async () => {
    const id = await published(a);
    expect(value(await raiseStock(b.catalog, id, 150, null))).toMatchObject({ total: 150, version: 3 });
    expect(codeOf(await raiseStock(a.catalog, id, 120, null))).toBe('field_frozen');
    value(await disableTemplate(a.catalog, id));
    expect(value(await publishTemplate(b.catalog, id))).toMatchObject({ status: 'published', version: 5 });
    const { id: activityId } = value(await createActivity(b.catalog, sale(id), null));
    expect(value(await stopActivity(a.catalog, activityId))).toMatchObject({ status: 'stopped', version: 3 });
    expect(codeOf(await patchActivity(b.catalog, activityId, { stock: 50 }))).toBe('invalid_state');
  });

  it('import one file at once: each rule is made once, and what the other made is known by its rule', async () => {
    store.pause = pauses(new Random(7));
    value(await createTemplate(b.catalog, templateFields({ name: '3' }), null));
    const file = Buffer.from(`id,rule\n${Array.from({ length: 600 }, (_, i) => `${i},20:1\n`).join('')}`);
    const done = await Promise.all(
      [a, b, a].map(({ catalog }) => importTemplates(catalog, file, importOptions(), importChecks)),
    );
    const told = done.map(value);
    expect(told.reduce((sum, { created }) => sum + created, 0)).toBe(599);
    for (const { created, alreadyThere, refused } of told) {
      expect(created + alreadyThere).toBe(599);
      expect(refused.map(({ line, code }) => [line, code])).toEqual([[5, 'name_taken']]);
    }
    await Promise.all([a.follower.refresh(), b.follower.refresh()]);
    const stored = await store.templates();
    expect(stored).toHaveLength(600);
    for (const { catalog } of [a, b]) {
      expect([...catalog.templates()].sort((one, other) => one.id - other.id)).toEqual(stored);
    }
  });

  it('know each name by who has it now, in whatever order the news of it come', async () => {
    const one = value(await createTemplate(a.catalog, templateFields({ name: 'X' }), null));
    await b.follower.refresh();
    const left = value(await patchTemplate(a.catalog, one.id, { name: 'Y' }));
    const two = value(await createTemplate(a.catalog, templateFields({ name: 'X' }), null));
    b.catalog.keepTemplate(two);
    expect(b.catalog.templateNamed('X')).toEqual(two);
    b.catalog.keepTemplate(left);
    expect(b.catalog.templateNamed('X')).toEqual(two);
    value(await deleteTemplate(a.catalog, one.id));
    for (const { catalog } of [a, b]) expect(catalog.templateNamed('X')).toEqual(two);
    expect([a.catalog.templateNamed('Y'), b.catalog.templateNamed('Y')]).toEqual([undefined, left]);
  });

  it('raise one stock at once: no raise is lost, and both engines get every extent in order', async () => {
    const id = await published(a);
    const totals = Array.from({ length: 12 }, (_, i) => 110 + 10 * i);
    const nodes = totals.map((_, i) => [a, b][i % 2]!);
    await Promise.all(totals.map((total, i) => raiseStock(nodes[i]!.catalog, id, total, null)));
    await Promise.all([a.follower.refresh(), b.follower.refresh()]);
    for (const node of [a, b]) {
      expect(node.catalog.template(id)!.total).toBe(220);
      let total = 0;
      for (const { firstSerial, length } of node.extents) {
        expect(firstSerial).toBe(total);
        total += length;
      }
      expect(total).toBe(220);
    }
  });

  it.each(['published', 'draft'])(
    'add to the stock of a %s template at once: none is lost, though all look alike',
    async (state) => {
      const id =
        state === 'draft'
          ? value(await createTemplate(a.catalog, templateFields(), null)).id
          : await published(a);
      store.pause = pauses(new Random(7));
      const adds = Array.from({ length: 24 }, (_, i) => addStock([a, b][i % 2]!.catalog, id, 50, null));
      for (const outcome of await Promise.all(adds)) value(outcome);
      await Promise.all([a.follower.refresh(), b.follower.refresh()]);
      for (const node of [a, b]) {
        expect(node.catalog.template(id)).toMatchObject({ total: 100 + 24 * 50 });
        if (state === 'published')
          expect(node.extents.reduce((units, { length }) => units + length, 0)).toBe(100 + 24 * 50);
      }
    },
  );

  it('add once for one key, whichever node is asked', async () => {
    const id = await published(a);
    store.pause = pauses(new Random(7));
    const adds = Array.from({ length: 6 }, (_, i) => addStock([a, b][i % 2]!.catalog, id, 50, 'k'));
    for (const outcome of await Promise.all(adds)) expect(value(outcome).total).toBe(150);
  });

  it('add once, though the answer of the save was lost and the other node was next', async () => {
    const id = await published(a);
    const { saveTemplate } = store;
    store.saveTemplate = async (...given) => {
      store.saveTemplate = saveTemplate;
      await store.saveTemplate(...given);
      value(await patchTemplate(b.catalog, id, { intro: 'meanwhile' }));
      // As a store does whose connection broke: the same once more.
      return store.saveTemplate(...given);
    };
    expect(value(await addStock(a.catalog, id, 50, null))).toMatchObject({ total: 150, intro: 'meanwhile' });
  });

  it('tell their engines what was stored elsewhere; the taking of units was done there', async () => {
    const id = await published(a);
    const { id: activityId } = value(await createActivity(a.catalog, sale(id), null));
    await b.follower.refresh();
    expect(b.told).toEqual([`${id} v2 published 1`]);
    expect(b.extents).toEqual(a.extents);
    value(await patchActivity(a.catalog, activityId, { stock: 60 }));
    value(await patchTemplate(a.catalog, id, { intro: 'x' }));
    await b.follower.refresh();
    value(await stopActivity(a.catalog, activityId));
    await b.follower.refresh();
    expect(b.told.slice(1)).toEqual([`${id} v3 published 1`, `${id} v3 published 1`, `close ${activityId}`]);
    const calls = [a.told.length, b.told.length];
    await Promise.all([a.follower.refresh(), b.follower.refresh()]);
    expect([a.told.length, b.told.length]).toEqual(calls);
  });

  it('know keys that were used on the other one', async () => {
    const first = value(await createTemplate(a.catalog, templateFields(), 'k'));
    expect(value(await createTemplate(b.catalog, templateFields(), 'k'))).toEqual(first);
    value(await publishTemplate(a.catalog, first.id));
    const create = (node: Node) => createActivity(node.catalog, sale(first.id), 'k');
    const [one, other] = (await Promise.all([create(a), create(b)])).map(value);
    expect(one).toEqual(other);
    expect(pools.general(first.id)).toBe(60);
  });

  it('stop an activity whose time is over both at once, once', async () => {
    const id = await published(a);
    const { id: activityId } = value(await createActivity(a.catalog, sale(id), null));
    await b.follower.refresh();
    nowMs += HOUR;
    await Promise.all([tick(a.catalog), tick(b.catalog)]);
    await Promise.all([a.follower.refresh(), b.follower.refresh()]);
    for (const node of [a, b]) {
      expect(node.catalog.activity(activityId)).toMatchObject({ status: 'stopped', version: 3 });
      expect(node.told).toContain(`close ${activityId}`);
    }
    expect(pools.general(id)).toBe(100);
  });

  it('say that it is their fault when others are always first', async () => {
    const id = await published(a);
    store.saveTemplate = async () => ({ kind: 'changed' });
    expect(codeOf(await raiseStock(a.catalog, id, 200, null))).toBe('unavailable');
  });
});

describe('units taken for an activity whose saving failed', () => {
  it('are left alone until the store tells, and stay where it was stored after all', async () => {
    const id = await published(a);
    const { id: activityId } = value(await createActivity(a.catalog, sale(id), null));
    const { saveActivity, changesSince } = store;
    store.saveActivity = async (activity, mark) => {
      const saved = await saveActivity.call(store, activity, mark);
      if (activity.askedStock !== undefined) return saved;
      store.changesSince = () => Promise.reject(new Error('gone'));
      throw new Error('connection lost');
    };
    await expect(patchActivity(a.catalog, activityId, { stock: 70 })).rejects.toThrow('connection lost');
    await tick(a.catalog);
    expect(pools.general(id)).toBe(30);
    Object.assign(store, { saveActivity, changesSince });
    await tick(a.catalog);
    expect(pools.general(id)).toBe(30);
    expect(a.catalog.activity(activityId)!.stock).toBe(70);
    expect(a.catalog.unsettled.size).toBe(0);
  });

  it('go back where it was not', async () => {
    const id = await published(a);
    const { id: activityId } = value(await createActivity(a.catalog, sale(id), null));
    const { saveActivity } = store;
    store.saveActivity = () => Promise.reject(new Error('connection lost'));
    await expect(patchActivity(a.catalog, activityId, { stock: 70 })).rejects.toThrow('connection lost');
    await expect(createActivity(a.catalog, sale(id), 'k')).rejects.toThrow('connection lost');
    store.saveActivity = saveActivity;
    expect(pools.general(id)).toBe(60);
  });
});

describe('following', () => {
  it('misses nothing that was stored between loading and the first look', async () => {
    const id = await published(a);
    const c = await start();
    value(await raiseStock(a.catalog, id, 150, null));
    await c.follower.refresh();
    expect(c.catalog.template(id)!.total).toBe(150);
    expect(c.extents.map(({ firstSerial }) => firstSerial)).toEqual([100]);
  });

  it('looks again for a caller who came when a look had begun', async () => {
    const { changesSince } = store;
    let answer = (): void => {};
    store.changesSince = async (sequence) => {
      const changes = await changesSince.call(store, sequence);
      await new Promise<void>((resolve) => {
        answer = resolve;
      });
      return changes;
    };
    const early = b.follower.refresh();
    await vi.waitFor(() => expect(answer.length).toBe(1));
    store.changesSince = changesSince;
    const id = await published(a);
    const late = b.follower.refresh();
    answer();
    await early;
    expect(b.catalog.template(id)).toBeUndefined();
    await late;
    expect(b.catalog.template(id)).toBeDefined();
  });

  it('looks at intervals, sooner after a notice, and logs an outage once', async () => {
    vi.useFakeTimers();
    let looks = 0;
    const { changesSince } = store;
    store.changesSince = (sequence) => {
      looks++;
      return changesSince.call(store, sequence);
    };
    b.follower.start(500);
    await vi.advanceTimersByTimeAsync(610);
    expect(looks).toBe(1);
    for (let i = 0; i < 5; i++) b.follower.nudge();
    await vi.advanceTimersByTimeAsync(20);
    expect(looks).toBe(2);
    const working = store.changesSince;
    let failures = 0;
    store.changesSince = () => {
      failures++;
      return Promise.reject(new Error('gone'));
    };
    await vi.advanceTimersByTimeAsync(60_000);
    expect(failures).toBeGreaterThan(8);
    expect(failures).toBeLessThan(24);
    expect(b.logged).toEqual(['changes of other nodes cannot be read; it is tried again']);
    store.changesSince = working;
    await vi.advanceTimersByTimeAsync(6_100);
    expect(b.logged).toHaveLength(2);
    const id = await published(a);
    await vi.advanceTimersByTimeAsync(610);
    expect(b.catalog.template(id)!.status).toBe('published');
  });
});
