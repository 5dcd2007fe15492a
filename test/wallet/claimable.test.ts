import { expect, test } from 'vitest';
import type { Template } from '../../src/domain/template.ts';
import { claimable } from '../../src/wallet/claimable.ts';
import { Shelf } from '../claims/views.ts';
import { activity } from '../records/samples.ts';

const NOW_MS = 1000;
const ACTIVITY = activity({ id: 12, templateId: 3, startsAtMs: 0, perUserLimit: 2 });

/** Pools with what is left in each, of one template of which a user holds so much per pool. */
function left(
  changes: Partial<Template>,
  held: Record<number, number> = {},
  userId = '7',
): [number, number][] {
  const shelf = new Shelf(changes, [ACTIVITY]);
  const counts = new Map(Object.entries(held).map(([id, count]) => [Number(id), count]));
  return claimable([shelf.view], userId, () => counts, NOW_MS).map(({ pool, left: more }) => [
    pool.rules.activityId,
    more,
  ]);
}

test.each<[string, Partial<Template>, Record<number, number>, [number, number][]]>([
  [
    'nothing held: up to both limits',
    { perUserLimit: 3 },
    {},
    [
      [0, 3],
      [12, 2],
    ],
  ],
  [
    'what is held counts in its pool and in the template',
    { perUserLimit: 3 },
    { 12: 1 },
    [
      [0, 2],
      [12, 1],
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
      [0, 1],
      [12, 1],
    ],
  ],
  ['before the window of the general pool', { claimFromMs: NOW_MS + 1 }, {}, [[12, 1]]],
  [
    'from the first moment of it',
    { claimFromMs: NOW_MS },
    {},
    [
      [0, 1],
      [12, 1],
    ],
  ],
  ['at its end', { claimUntilMs: NOW_MS }, {}, [[12, 1]]],
])('%s', (_, changes, held, expected) => expect(left(changes, held)).toEqual(expected));

test('a pool that is sold out is not offered', () => {
  const shelf = new Shelf({}, [ACTIVITY]);
  shelf.view.pools.get(12)!.soldOut = true;
  expect(
    claimable([shelf.view], '7', () => new Map(), NOW_MS).map(({ pool }) => pool.rules.activityId),
  ).toEqual([0]);
});
