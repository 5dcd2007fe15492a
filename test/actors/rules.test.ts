/** How a template's and an activity's facts become the rules of their pools. */
import { expect, test } from 'vitest';
import { rulesOf } from '../../src/actors/rules.ts';
import { activity, template } from '../records/samples.ts';

const [general, ofActivity] = [0, 1];

test('a template without a window is open for ever', () => {
  const { fromMs, untilMs } = rulesOf(template(), []).pools[general];
  expect([fromMs, untilMs]).toEqual([Number.NEGATIVE_INFINITY, Number.POSITIVE_INFINITY]);
});

test('a coupon that could never be used is not handed out', () => {
  const validity = { fromMs: 0, untilMs: 500 };
  const rules = rulesOf(template({ validity, claimUntilMs: 900 }), [
    activity({ startsAtMs: 100, endsAtMs: 700 }),
  ]);
  expect(rules.pools.map(({ untilMs }) => untilMs)).toEqual([500, 500]);
});

test('an activity has its own window and limit', () => {
  const rules = rulesOf(template({ claimFromMs: 1, claimUntilMs: 900, perUserLimit: 4 }), [
    activity({ id: 9, startsAtMs: 100, endsAtMs: 700, perUserLimit: 3 }),
  ]);
  expect(rules.pools[ofActivity]).toEqual({ activityId: 9, perUserLimit: 3, fromMs: 100, untilMs: 700 });
  expect(rules.pools[general]).toEqual({ activityId: 0, perUserLimit: 4, fromMs: 1, untilMs: 900 });
});

test.each([
  ['reaches over both ends', 0, 900, 100, 700],
  ['reaches over the end', 200, 900, 200, 700],
  ['lies before', 0, 100, Number.NEGATIVE_INFINITY, Number.NEGATIVE_INFINITY],
  ['lies behind', 700, 900, Number.NEGATIVE_INFINITY, Number.NEGATIVE_INFINITY],
])('an activity that %s takes claims while its template does', (_, startsAtMs, endsAtMs, fromMs, untilMs) => {
  const rules = rulesOf(template({ claimFromMs: 100, claimUntilMs: 700 }), [
    activity({ startsAtMs, endsAtMs }),
  ]);
  expect(rules.pools[ofActivity]).toMatchObject({ fromMs, untilMs });
});

test('a template to which nobody is invited is not claimable', () => {
  expect(rulesOf(template({ audience: { userIds: [] } }), []).claimable).toBe(false);
  expect(rulesOf(template({ audience: { userIds: ['7'] } }), []).claimable).toBe(true);
});

test('a stopped activity is over, whatever its window says', () => {
  const rules = rulesOf(template(), [activity({ status: 'stopped', endsAtMs: 1e15 })]);
  expect(rules.pools[ofActivity].untilMs).toBe(Number.NEGATIVE_INFINITY);
});

test.each([
  ['claim', true],
  ['both', true],
  ['grant', false],
] as const)('distribution %s: claimable is %s', (distribution, claimable) =>
  expect(rulesOf(template({ distribution }), []).claimable).toBe(claimable),
);

test.each([
  ['draft', false],
  ['published', true],
  ['disabled', false],
  ['deleted', false],
] as const)('status %s: published is %s', (status, published) =>
  expect(rulesOf(template({ status }), []).published).toBe(published),
);
