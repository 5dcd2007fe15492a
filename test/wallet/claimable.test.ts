import { expect, test } from 'vitest';
import type { Template } from '../../src/domain/template.ts';
import { type ClaimableQuery, claimablePage } from '../../src/wallet/claimable.ts';
import { Shelf } from '../claims/views.ts';
import { activity } from '../records/samples.ts';

const NOW_MS = 1000;
const ACTIVITY = activity({ id: 12, templateId: 3, startsAtMs: 0, perUserLimit: 2 });
const QUERY: ClaimableQuery = { userId: '7', nowMs: NOW_MS, all: false, after: null, limit: 50 };

function countsOf(held: Record<number, number>): Map<number, number> {
  return new Map(Object.entries(held).map(([id, count]) => [Number(id), count]));
}

/** Pools with what is left in each, of one template of which a user holds so much per pool. */
function left(changes: Partial<Template>, held: Record<number, number> = {}): [number, number][] {
  const shelf = new Shelf(changes, [ACTIVITY]);
  const { items } = claimablePage([shelf.view], () => countsOf(held), QUERY);
  return items.map(({ pool, left: more }) => [pool.rules.activityId, more]);
}

test.each<[string, Partial<Template>, Record<number, number>, [number, number][]]>([
  [
    'nothing held: up to both limits',
    { perUserLimit: 3 },
    {},
    [
      [12, 2],
      [0, 3],
    ],
  ],
  [
    'what is held counts in its pool and in the template',
    { perUserLimit: 3 },
    { 12: 1 },
    [
      [12, 1],
      [0, 2],
    ],
  ],
  ['at the limit of a pool only the other is left', { perUserLimit: 3 }, { 12: 2 }, [[0, 1]]],
  ['at the limit of the template nothing is', { perUserLimit: 3 }, { 0: 2, 12: 1 }, []],
  ['not published', { status: 'disabled' }, {}, []],
  ['only granted', { distribution: 'grant' }, {}, []],
  ['for somebody else', { audience: { userIds: ['8'] } }, {}, []],
  [
    'for this user',
    { audience: { userIds: ['7'] } },
    {},
    [
      [12, 1],
      [0, 1],
    ],
  ],
  ['before the window of the template', { claimFromMs: NOW_MS + 1 }, {}, []],
  [
    'from the first moment of it',
    { claimFromMs: NOW_MS },
    {},
    [
      [12, 1],
      [0, 1],
    ],
  ],
  ['at its end', { claimUntilMs: NOW_MS }, {}, []],
])('%s', (_, changes, held, expected) => expect(left(changes, held)).toEqual(expected));

test('a pool that is sold out is not offered', () => {
  const shelf = new Shelf({}, [ACTIVITY]);
  shelf.view.pools.get(12)!.mark(true, true);
  const { items } = claimablePage([shelf.view], () => new Map(), QUERY);
  expect(items.map(({ pool }) => pool.rules.activityId)).toEqual([0]);
});

/** Of all pools what is left and why none may be claimed. */
function reasons(changes: Partial<Template>, held: Record<number, number> = {}, soldOut = false) {
  const shelf = new Shelf(changes, [ACTIVITY]);
  for (const pool of shelf.view.pools.values()) pool.mark(soldOut, true);
  const { items } = claimablePage([shelf.view], () => countsOf(held), { ...QUERY, all: true });
  return items.map(({ pool, left: more, reason }) => [pool.rules.activityId, more, reason]);
}

/** Each is refused for all that stands below it, too: the first reason is the one that a claim would be told. */
test.each<[string, Partial<Template>, Record<number, number>, boolean, [number, number, string | null][]]>([
  [
    'not published',
    { status: 'disabled', claimFromMs: NOW_MS + 1, distribution: 'grant' },
    { 0: 1 },
    true,
    [
      [12, 0, 'not_active'],
      [0, 0, 'not_active'],
    ],
  ],
  [
    'before its window',
    { claimFromMs: NOW_MS + 1, distribution: 'grant' },
    { 0: 1 },
    true,
    [
      [12, 0, 'not_started'],
      [0, 0, 'not_started'],
    ],
  ],
  [
    'after its window',
    { claimUntilMs: NOW_MS, distribution: 'grant' },
    { 0: 1 },
    true,
    [
      // The window leaves nothing of the activity's.
      [12, 0, 'ended'],
      [0, 0, 'ended'],
    ],
  ],
  [
    'only granted, and one was',
    { distribution: 'grant' },
    { 0: 1 },
    true,
    [
      [12, 0, 'not_eligible'],
      [0, 0, 'not_eligible'],
    ],
  ],
  [
    'for others, and the user was one of them',
    { audience: { userIds: ['8'] }, perUserLimit: 3 },
    { 0: 1 },
    false,
    [
      [12, 2, 'not_eligible'],
      [0, 2, 'not_eligible'],
    ],
  ],
  [
    'at the limit of the template',
    {},
    { 0: 1 },
    true,
    [
      [12, 0, 'limit_reached'],
      [0, 0, 'limit_reached'],
    ],
  ],
  [
    'over a limit that was lowered',
    {},
    { 0: 4 },
    false,
    [
      [12, 0, 'limit_reached'],
      [0, 0, 'limit_reached'],
    ],
  ],
  [
    'at the limit of the activity only',
    { perUserLimit: 5 },
    { 12: 2 },
    false,
    [
      [12, 0, 'limit_reached'],
      [0, 3, null],
    ],
  ],
  [
    'sold out',
    { perUserLimit: 5 },
    {},
    true,
    [
      [12, 2, 'sold_out'],
      [0, 5, 'sold_out'],
    ],
  ],
])('with reasons: %s', (_, changes, held, soldOut, expected) =>
  expect(reasons(changes, held, soldOut)).toEqual(expected),
);

test('a stopped activity has ended', () => {
  const shelf = new Shelf({}, [{ ...ACTIVITY, status: 'stopped' }]);
  const { items } = claimablePage([shelf.view], () => new Map(), { ...QUERY, all: true });
  expect(items.map(({ reason }) => reason)).toEqual(['ended', null]);
});

test.each<[string, Partial<Template>]>([
  ['deleted', { status: 'deleted' }],
  ['for others', { audience: { userIds: ['8'] } }],
  ['for others, and over', { audience: { userIds: ['8'] }, claimUntilMs: NOW_MS }],
  ['for others, and disabled', { audience: { userIds: ['8'] }, status: 'disabled' }],
  ['only granted', { distribution: 'grant' }],
])('no reason tells who holds none of a template that is %s', (_, changes) =>
  expect(reasons(changes)).toEqual([]),
);

test('a deleted template is told not even to a holder', () => {
  expect(reasons({ status: 'deleted' }, { 0: 1 })).toEqual([]);
});

test('pages end in the middle of a template, and go on behind it', () => {
  const shelves = [1, 2, 3].map(
    (id) => new Shelf({ id }, [activity({ ...ACTIVITY, id: 10 + id, templateId: id })]),
  );
  const views = shelves.map(({ view }) => view);
  const asked: number[] = [];
  const held = (view: { template: Template }) => {
    asked.push(view.template.id);
    return new Map<number, number>();
  };
  const found: [number, number][] = [];
  let after: ClaimableQuery['after'] = null;
  let pages = 0;
  do {
    const page = claimablePage(views, held, { ...QUERY, after, limit: 1 });
    found.push(
      ...page.items.map(({ view, pool }): [number, number] => [view.template.id, pool.rules.activityId]),
    );
    if (pages === 0) expect(asked).toEqual([3]);
    after = page.next;
    pages++;
  } while (after !== null);
  expect(pages).toBe(6);
  expect(found).toEqual([
    [3, 13],
    [3, 0],
    [2, 12],
    [2, 0],
    [1, 11],
    [1, 0],
  ]);
});
