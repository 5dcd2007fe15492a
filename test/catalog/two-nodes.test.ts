/** Operators on two nodes over one store: nobody's change is undone, and each engine is told what the other stored. */
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { createActivity, patchActivity, stopActivity, tick } from '../../src/catalog/activity-changes.ts';
import type { ActivityFields } from '../../src/catalog/activity-schema.ts';
import {
  createTemplate,
  disableTemplate,
  patchTemplate,
  publishTemplate,
  raiseStock,
} from '../../src/catalog/template-changes.ts';
import type { Result } from '../../src/problems.ts';
import { templateFields } from './bodies.ts';
import { Node, SharedPools, SharedStore } from './shared-shop.ts';

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
      await saveActivity.call(store, activity, mark);
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
