/** Pools whose units are in a shared ledger: each change is one repeatable step there, and shows here. */
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { POOLS_PATIENCE_MS } from '../../src/limits.ts';
import { Unavailable } from '../../src/problems.ts';
import { ACTIVITY, GENERAL, SharedPoolsStage, TOTAL } from './shared-stage.ts';

let at: SharedPoolsStage;

beforeEach(() => {
  at = new SharedPoolsStage();
});

afterEach(() => at.supply.stop());

test('the pools of all templates are open before the seats are taken, so that none is sold out meanwhile', async () => {
  await at.start();
  expect(at.steps).toEqual(['sits, open: true,true']);
  expect(at.leases.isThirsty(GENERAL) || at.shelf.view.pools.get(0)!.soldOut).toBe(false);
});

describe('a template that is new or was changed', () => {
  test('has its units in the ledger before its pool is asked for here', async () => {
    at.seats.open(at.seat);
    await at.pools.templateChanged(at.shelf.view, null);
    await at.clock.pass(0);
    expect(at.there(GENERAL)!.units).toBe(TOTAL);
    expect(at.leases.free(GENERAL)).toBeGreaterThan(0);
  });

  test('can be told again, and never has fewer units', async () => {
    await at.start();
    await at.pools.templateChanged(at.shelf.view, null);
    at.shelf.view.template = { ...at.shelf.view.template, total: TOTAL + 30 };
    for (let i = 0; i < 2; i++) await at.pools.templateChanged(at.shelf.view, null);
    expect(at.there(GENERAL)!.units).toBe(TOTAL + 30);
  });

  test('closes the pools of activities that were stopped elsewhere', async () => {
    await at.start();
    at.shelf.view.activities = [{ ...at.activity, status: 'stopped' }];
    await at.pools.templateChanged(at.shelf.view, null);
    await at.clock.pass(0);
    expect([at.supply.mayCome(ACTIVITY), at.supply.mayCome(GENERAL)]).toEqual([false, true]);
    expect(at.leases.ledger.isExhausted(ACTIVITY)).toBe(false);
  });

  test('fails where the ledger has lost its data, and says so', async () => {
    await at.start();
    at.model.restart();
    await expect(at.pools.templateChanged(at.shelf.view, null)).rejects.toThrow('has lost data');
    expect(at.lost).toEqual(['the server was restarted or replaced']);
  });
});

describe('an activity', () => {
  test('gets its units out of the general pool, and its pool is open here', async () => {
    await at.start();
    expect(await at.pools.resizeActivity(at.activity)).toEqual({ ok: true });
    await at.clock.pass(0);
    expect([at.there(ACTIVITY)!.units, at.leases.free(ACTIVITY)]).toEqual([50, 50]);
    at.model.assertUnits();
  });

  test('that is new is open here when it has its units, not before', async () => {
    const { activity } = at;
    at.shelf.view.activities = [];
    await at.start();
    const resized = at.pools.resizeActivity(activity);
    expect(at.leases.ledger.isOpen(ACTIVITY)).toBe(false);
    await resized;
    expect(at.leases.ledger.isOpen(ACTIVITY)).toBe(true);
  });

  test('can be told again, and be made smaller by what this node has of it', async () => {
    await at.start();
    for (const stock of [50, 50, 20]) {
      const outcome = await at.pools.resizeActivity({ ...at.activity, stock });
      expect(outcome).toEqual({ ok: true });
      await at.clock.pass(0);
      expect(at.there(ACTIVITY)!.units).toBe(stock);
    }
    at.model.assertUnits();
  });

  test('of more units than are left is refused with what is left, without waiting', async () => {
    await at.start();
    const outcome = await at.pools.resizeActivity({ ...at.activity, stock: TOTAL + 1 });
    expect(outcome).toEqual({ ok: false, available: TOTAL });
    expect(at.there(ACTIVITY)).toBeNull();
  });

  test('waits for units that another node gives back', async () => {
    await at.start();
    const granted = at.model.lease(at.other, GENERAL, 1, [], [], 150);
    if (granted.kind !== 'granted') throw new Error(granted.kind);
    const stock = at.there(GENERAL)!.free + 1;
    const resized = at.pools.resizeActivity({ ...at.activity, stock });
    await at.clock.pass(0);
    expect(at.there(ACTIVITY)).toBeNull();
    at.model.giveBack(at.other, GENERAL, 2, [], granted.ranges);
    expect(await resized).toEqual({ ok: true });
    expect(at.there(ACTIVITY)!.units).toBe(stock);
  });

  test('that another node’s units do not come for in time is not told that there are too few', async () => {
    await at.start();
    const granted = at.model.lease(at.other, GENERAL, 1, [], [], 150);
    expect(granted.kind).toBe('granted');
    vi.useFakeTimers({ toFake: ['Date'] });
    try {
      const resized = at.pools.resizeActivity({ ...at.activity, stock: at.there(GENERAL)!.free + 1 });
      vi.setSystemTime(Date.now() + POOLS_PATIENCE_MS + 1);
      await expect(resized).rejects.toThrow(Unavailable);
    } finally {
      vi.useRealTimers();
    }
    expect(at.there(ACTIVITY)).toBeNull();
  });

  test('that ends gives its free units to the general pool, and takes nothing more here', async () => {
    await at.start();
    await at.pools.resizeActivity(at.activity);
    await at.clock.pass(0);
    await at.pools.closeActivity(at.activity);
    await at.pools.closeActivity(at.activity);
    await at.clock.pass(0);
    expect([at.there(ACTIVITY)!.units, at.supply.mayCome(ACTIVITY)]).toEqual([0, false]);
    at.model.assertUnits();
  });
});

describe('what the ledger holds', () => {
  test('is told of one template, or of all', async () => {
    await at.start();
    at.model.raise(at.seat, 19, 5);
    expect((await at.pools.held(3)).map(({ ref, units }) => [ref.templateId, units])).toEqual([[3, TOTAL]]);
    for (let shard = 0; shard < 16; shard++) at.seats.open({ ...at.seat, shard });
    expect((await at.pools.held(null)).map(({ ref }) => ref.templateId)).toEqual([3, 19]);
  });

  test('cannot be told of a shard that is closed', async () => {
    await expect(at.pools.held(3)).rejects.toThrow(Unavailable);
  });
});

test('at the end everything goes back, and then the seats', async () => {
  await at.start();
  await at.clock.pass(0);
  expect(at.there(GENERAL)!.free).toBeLessThan(TOTAL);
  await at.pools.stop();
  expect([at.there(GENERAL)!.free, at.steps.at(-1)]).toEqual([TOTAL, 'leaves']);
});
