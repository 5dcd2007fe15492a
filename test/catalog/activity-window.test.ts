/** An activity lies inside the time in which its template takes claims, whichever of the two is made or moved. */
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { createActivity, patchActivity, stopActivity } from '../../src/catalog/activity-changes.ts';
import type { ActivityFields } from '../../src/catalog/activity-schema.ts';
import { activityState } from '../../src/catalog/activity-state.ts';
import {
  createTemplate,
  disableTemplate,
  patchTemplate,
  publishTemplate,
} from '../../src/catalog/template-changes.ts';
import type { Activity, Template } from '../../src/domain/template.ts';
import type { Result } from '../../src/problems.ts';
import { Random } from '../support/random.ts';
import { templateFields } from './bodies.ts';
import { Node, pauses, SharedPools, SharedStore } from './shared-shop.ts';

const HOUR = 3_600_000;
const T0 = Date.UTC(2026, 10, 10);
const at = (hours: number): number => T0 + hours * HOUR;
const text = (hours: number): string => new Date(at(hours)).toISOString();

let nowMs: number;
let store: SharedStore;
let nodes: Node[];

beforeEach(async () => {
  nowMs = T0;
  store = new SharedStore();
  const pools = new SharedPools();
  nodes = [await Node.start(store, pools, () => nowMs), await Node.start(store, pools, () => nowMs)];
});

afterEach(async () => {
  for (const { follower } of nodes) await follower.stop();
  await store.close();
});

function value<T>(result: Result<T>): T {
  if (!result.ok) throw new Error(`${result.problem.code}: ${result.problem.detail}`);
  return result.value;
}

/** What was refused, field by field, with what is allowed. */
function refusedFields(result: Result<unknown>): unknown {
  if (result.ok) return 'ok';
  const { code, extra } = result.problem;
  const errors = extra?.errors as { field: string; allowed: string }[] | undefined;
  return [code, ...(errors ?? []).map(({ field, allowed }) => `${field}: ${allowed}`)];
}

/** Claims are taken from 1 to 5 o'clock unless a test says otherwise. */
async function published(changes: Record<string, unknown> = {}): Promise<number> {
  const { catalog } = nodes[0]!;
  const fields = templateFields({ claimFrom: text(1), claimUntil: text(5), ...changes });
  const { id } = value(await createTemplate(catalog, fields, null));
  value(await publishTemplate(catalog, id));
  return id;
}

function sale(templateId: number, fromHours: number, untilHours: number): ActivityFields {
  const window = { startsAtMs: at(fromHours), endsAtMs: at(untilHours) };
  return { templateId, name: 'Noon', stock: 10, ...window, perUserLimit: 1 };
}

const create = (id: number, from: number, until: number) =>
  createActivity(nodes[0]!.catalog, sale(id, from, until), null);

describe('an activity', () => {
  test.each([
    [1, 5, 'ok'],
    [0, 5, ['invalid_state', `startsAt: ${text(1)} or later`]],
    [1, 6, ['invalid_state', `endsAt: ${text(5)} or earlier`]],
    [0, 6, ['invalid_state', `startsAt: ${text(1)} or later`, `endsAt: ${text(5)} or earlier`]],
    [5, 6, ['invalid_state', `startsAt: earlier than ${text(5)}`, `endsAt: ${text(5)} or earlier`]],
  ])("from %s to %s o'clock, made or moved", async (from, until, expected) => {
    const id = await published();
    expect(refusedFields(await create(id, from, until))).toEqual(expected);
    const inside = value(await create(id, 2, 3));
    const moved = await patchActivity(nodes[0]!.catalog, inside.id, {
      startsAtMs: at(from),
      endsAtMs: at(until),
    });
    expect(refusedFields(moved)).toEqual(expected);
    if (expected !== 'ok') expect(nodes[0]!.catalog.activity(inside.id)).toEqual(inside);
  });

  test('ends no later than its coupons can be used', async () => {
    const id = await published({
      validity: { from: text(0), until: text(4) },
      claimUntil: null,
    });
    expect(refusedFields(await create(id, 2, 5))).toEqual(['invalid_state', `endsAt: ${text(4)} or earlier`]);
    expect(refusedFields(await create(id, 2, 4))).toBe('ok');
  });

  test('of a template without a window may lie anywhere', async () => {
    const id = await published({ claimFrom: null, claimUntil: null });
    expect(refusedFields(await create(id, -9, 99))).toBe('ok');
  });
});

describe('a template', () => {
  test.each([
    ['claimFrom: an hour too late', { claimFromMs: at(3) }, [`claimFrom: ${text(2)} or earlier, or null`]],
    ['claimUntil: an hour too early', { claimUntilMs: at(3) }, [`claimUntil: ${text(4)} or later, or null`]],
    [
      'both',
      { claimFromMs: at(3), claimUntilMs: at(3.5) },
      [`claimFrom: ${text(2)} or earlier, or null`, `claimUntil: ${text(4)} or later, or null`],
    ],
  ])('keeps the time of what runs or is to run: %s', async (_, changes, expected) => {
    const id = await published();
    const { catalog } = nodes[0]!;
    const { id: activityId } = value(await create(id, 2, 4));
    for (const hours of [0, 2, 3.9]) {
      nowMs = at(hours);
      const outcome = await patchTemplate(catalog, id, changes);
      expect(refusedFields(outcome)).toEqual(['invalid_state', ...expected]);
      expect(outcome).toMatchObject({ problem: { extra: { activityIds: [String(activityId)] } } });
    }
    value(await patchTemplate(catalog, id, { claimFromMs: at(2), claimUntilMs: at(4) }));
    value(await patchTemplate(catalog, id, { claimFromMs: null, claimUntilMs: null }));
  });

  test('is bound neither by what is over nor by what was stopped', async () => {
    const id = await published();
    const { catalog } = nodes[0]!;
    value(await create(id, 1, 2));
    const stopped = value(await create(id, 3, 5));
    value(await stopActivity(catalog, stopped.id));
    nowMs = at(2);
    expect(refusedFields(await patchTemplate(catalog, id, { claimUntilMs: at(3) }))).toBe('ok');
  });

  test('and an activity are moved on two nodes at once: never both so that one lies outside', async () => {
    const id = await published();
    let shortened = 0;
    for (let seed = 0; seed < 60; seed++) {
      store.pause = async () => {};
      value(await patchTemplate(nodes[0]!.catalog, id, { claimUntilMs: at(5) }));
      store.pause = pauses(new Random(seed));
      const [made, patched] = await Promise.all([
        createActivity(nodes[0]!.catalog, { ...sale(id, 2, 4), stock: 1 }, null),
        patchTemplate(nodes[1]!.catalog, id, { claimUntilMs: at(3) }),
      ]);
      expect([made.ok, patched.ok].filter((ok) => ok)).toHaveLength(1);
      if (patched.ok) shortened++;
      if (made.ok) value(await stopActivity(nodes[0]!.catalog, made.value.id));
    }
    expect(shortened).toBeGreaterThan(5);
    expect(shortened).toBeLessThan(55);
  });
});

describe('what an earlier version stored outside', () => {
  async function outside(): Promise<{ id: number; activity: Activity }> {
    const id = await published();
    const stored = value(await create(id, 2, 4));
    const activity = { ...stored, endsAtMs: at(7), version: stored.version + 1 };
    await store.saveActivity(activity, null);
    return { id, activity };
  }

  test('is loaded, told truthfully, and can be changed in other ways', async () => {
    const { id, activity } = await outside();
    const node = await Node.start(store, new SharedPools(), () => nowMs);
    const { catalog } = node;
    expect(catalog.activity(activity.id)).toEqual(activity);
    const states = [1, 2, 4.9, 5, 6.9].map((hours) =>
      activityState(catalog.activity(activity.id)!, catalog.template(id)!, at(hours)),
    );
    expect(states).toEqual(['waiting', 'running', 'running', 'ended', 'ended']);
    value(await patchActivity(catalog, activity.id, { name: 'Renamed', perUserLimit: 2 }));
    value(await patchTemplate(catalog, id, { intro: 'x' }));
    expect(refusedFields(await patchActivity(catalog, activity.id, { endsAtMs: at(6) }))).toEqual([
      'invalid_state',
      `endsAt: ${text(5)} or earlier`,
    ]);
    value(await patchTemplate(catalog, id, { claimUntilMs: at(7) }));
    expect(activityState(catalog.activity(activity.id)!, catalog.template(id)!, at(6))).toBe('running');
    await node.follower.stop();
  });
});

test('disabling suspends on every node, publishing again goes on', async () => {
  const id = await published();
  const { id: activityId } = value(await create(id, 2, 4));
  nowMs = at(2);
  const states = async (): Promise<string[]> => {
    await nodes[1]!.follower.refresh();
    return nodes.map(({ catalog }) => {
      const template = catalog.template(id) as Template;
      return activityState(catalog.activity(activityId)!, template, nowMs);
    });
  };
  expect(await states()).toEqual(['running', 'running']);
  value(await disableTemplate(nodes[0]!.catalog, id));
  expect(await states()).toEqual(['suspended', 'suspended']);
  value(await publishTemplate(nodes[1]!.catalog, id));
  await nodes[0]!.follower.refresh();
  expect(await states()).toEqual(['running', 'running']);
});
