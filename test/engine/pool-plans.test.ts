/** What is written into a shared ledger anew while owners go on selling. */
import { expect, test } from 'vitest';
import { poolPlans } from '../../src/engine/pool-plans.ts';
import type { PoolRef } from '../../src/ports.ts';
import { Shelf } from '../claims/views.ts';
import { activity } from '../records/samples.ts';

const held =
  (general: [number, number], ofActivity: [number, number]) =>
  ({ activityId }: PoolRef) => {
    const [from, to] = activityId === 0 ? general : ofActivity;
    return from === to ? [] : [{ from, to }];
  };

test('a unit in hand stays this node’s also when its claim is durable and not reported yet', () => {
  const shelf = new Shelf({ total: 100 });
  for (const serial of [0, 1, 2, 10, 11]) shelf.sell(serial, 500 + serial);
  // 0 to 2 were reported; 10 and 11 were not: their owner will.
  const [plan] = poolPlans(shelf.view, 'n', held([10, 20], [0, 0]));
  expect(plan).toMatchObject({ units: 100, closed: false });
  expect(plan.leased).toEqual([{ nodeId: 'n', ranges: [{ from: 10, to: 20 }] }]);
  expect(plan.free).toEqual([
    { from: 3, to: 10 },
    { from: 20, to: 100 },
  ]);
});

test('what is claimed while it is computed is not free', () => {
  const shelf = new Shelf({ total: 30 });
  const [plan] = poolPlans(shelf.view, 'n', (ref) => {
    const ranges = held([5, 10], [0, 0])(ref);
    for (const serial of [6, 7]) shelf.sell(serial, 500 + serial);
    return ranges;
  });
  expect(plan.free).toEqual([
    { from: 0, to: 5 },
    { from: 10, to: 30 },
  ]);
});

test('an activity has what is left of its stock; one that has ended, what is still to come back', () => {
  const one = activity({ id: 8, templateId: 3, stock: 10, status: 'active' });
  for (const status of ['active', 'stopped'] as const) {
    const shelf = new Shelf({ total: 50 }, [{ ...one, status }]);
    shelf.sell(0, 500, 0, 8);
    shelf.sell(4, 504, 0, 8);
    const plans = poolPlans(shelf.view, 'n', held([30, 40], [4, 7]));
    const [ofActivity, general] = plans;
    const isActive = status === 'active';
    expect(ofActivity).toMatchObject({ ref: { templateId: 3, activityId: 8 }, closed: !isActive });
    expect(ofActivity.leased).toEqual([{ nodeId: 'n', ranges: [{ from: 4, to: 7 }] }]);
    // Claimed elsewhere 1, in hand 3.
    expect(ofActivity.units).toBe(isActive ? 10 : 4);
    expect(ofActivity.free.reduce((sum, { from, to }) => sum + to - from, 0)).toBe(isActive ? 6 : 0);
    expect(general.free.reduce((sum, { from, to }) => sum + to - from, 0)).toBe(
      50 - 1 - 3 - 10 - (isActive ? 6 : 0),
    );
  }
});
