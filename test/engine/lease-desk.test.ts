/** The ledger's counter: outcomes and recalls to owners, sold-out marks in step, units moved between pools. */
import { beforeEach, describe, expect, test } from 'vitest';
import { LeaseDesk } from '../../src/engine/lease-desk.ts';
import type { SerialRange } from '../../src/ports.ts';
import type { ToOwner } from '../../src/workers/owner-messages.ts';
import { until } from '../claims/desk-stage.ts';
import { Shelf } from '../claims/views.ts';
import { activity } from '../records/samples.ts';

const REF = { templateId: 3, activityId: 0 };
const OTHER = { templateId: 3, activityId: 12 };
const HOLDER = { owner: 0, partition: 0 };

let shelf: Shelf;
let sent: Exclude<ToOwner, number>[];
let making: (() => void)[];
let held: boolean;
let desk: LeaseDesk;

beforeEach(() => {
  shelf = new Shelf({}, [activity({ id: 12, templateId: 3 })]);
  [sent, making, held] = [[], [], false];
  desk = new LeaseDesk({
    send: (_owner, message) => sent.push(message as Exclude<ToOwner, number>),
    template: () => shelf.view,
    makeCodes: () =>
      new Promise<void>((resolve) => {
        if (held) making.push(resolve);
        else resolve();
      }),
    onFailure: (error) => {
      throw error;
    },
  });
});

function coded(from: number, to: number): { coded: SerialRange[]; bare: SerialRange[] } {
  return { coded: [{ from, to }], bare: [] };
}

function last(): Exclude<ToOwner, number> | undefined {
  return sent.at(-1);
}

describe('a lease', () => {
  test('is answered to its holder', () => {
    desk.open(REF, coded(0, 10));
    desk.lease(REF, HOLDER, 0, []);
    const outcome = { kind: 'granted', epoch: 1, ranges: [{ from: 0, to: 10 }] };
    expect(sent).toEqual([{ kind: 'lease', ref: REF, partition: 0, outcome }]);
  });

  test('that empties the pool settles it once all who claimed are known here, and not while fewer are', () => {
    const pool = shelf.view.pools.get(0)!;
    let known = false;
    desk.isSettled = () => known;
    desk.open(REF, coded(0, 10));
    desk.lease(REF, HOLDER, 0, []);
    desk.lease(REF, HOLDER, 1, [{ from: 0, to: 10 }]);
    expect([pool.soldOut, pool.settled]).toEqual([true, false]);
    known = true;
    desk.settle();
    expect(pool.settled).toBe(true);
    known = false;
    desk.unsettle();
    desk.settle();
    expect([pool.soldOut, pool.settled]).toEqual([true, false]);
    known = true;
    desk.settle();
    expect(pool.settled).toBe(true);
  });

  test('that is told to be exhausted finds the pool marked: who waited for it may hear that nothing is left', () => {
    const pool = shelf.view.pools.get(0)!;
    desk.open(REF, coded(0, 10));
    desk.lease(REF, HOLDER, 0, []);
    const marked: boolean[] = [];
    sent.push = (...messages) => {
      marked.push(pool.soldOut);
      return messages.length;
    };
    desk.lease(REF, HOLDER, 1, [{ from: 0, to: 10 }]);
    expect(marked).toEqual([true]);
  });

  test('that empties the pool marks it sold out, and units added end that', () => {
    const pool = shelf.view.pools.get(0)!;
    desk.open(REF, coded(0, 10));
    desk.lease(REF, HOLDER, 0, []);
    expect(pool.soldOut).toBe(false);
    desk.lease(REF, HOLDER, 1, [{ from: 0, to: 10 }]);
    expect(last()).toMatchObject({ outcome: { kind: 'exhausted' } });
    expect(pool.soldOut).toBe(true);
    desk.add(REF, coded(10, 20));
    expect(pool.soldOut).toBe(false);
    expect(last()).toMatchObject({ kind: 'replenished', ref: REF });
  });

  test('of an owner that is gone leaves what it did not sell', () => {
    desk.open(REF, coded(0, 10));
    desk.lease(REF, HOLDER, 0, []);
    for (let serial = 0; serial < 4; serial++) shelf.sell(serial, serial + 1);
    desk.reclaim(0);
    expect(desk.ledger.stock(REF)).toEqual({ total: 6, free: 6, leased: 0 });
  });
});

test('a report that comes when its lease was ended and its pool closed is told to nobody again', async () => {
  const told: SerialRange[] = [];
  desk.upstream = {
    mayCome: () => false,
    sold: (_ref, ranges) => told.push(...ranges),
    changed: () => {},
    exhaustedAt: () => 0,
    isAsking: () => false,
  };
  desk.open(OTHER, coded(0, 10));
  desk.lease(OTHER, HOLDER, 0, []);
  for (let serial = 0; serial < 2; serial++) shelf.sell(serial, serial + 1, 0, 12);
  desk.reclaim(0);
  expect(told).toEqual([
    { from: 0, to: 1 },
    { from: 1, to: 2 },
  ]);
  await desk.shut(OTHER);
  desk.lease(OTHER, HOLDER, 1, [{ from: 0, to: 2 }]);
  expect(last()).toMatchObject({ outcome: { kind: 'closed' } });
  expect(told.length).toBe(2);
});

describe('gathering units', () => {
  test('takes free ones at once and recalls nobody', async () => {
    desk.open(REF, coded(0, 200));
    desk.lease(REF, HOLDER, 0, []);
    expect(await desk.gather(REF, 30)).toEqual({ kind: 'taken', runs: coded(100, 130) });
    expect(sent.map(({ kind }) => kind)).toEqual(['lease']);
  });

  test('recalls leases when the free ones are too few, and grants nothing meanwhile', async () => {
    desk.open(REF, coded(0, 100));
    desk.lease(REF, HOLDER, 0, []);
    const gathered = desk.gather(REF, 50);
    expect(last()).toMatchObject({ kind: 'recall', all: true });
    desk.lease(REF, { owner: 1, partition: 1 }, 0, []);
    expect(last()).toMatchObject({ outcome: { kind: 'recalling' } });
    desk.giveBack(REF, HOLDER, 1, [{ from: 0, to: 1 }], [{ from: 1, to: 64 }]);
    expect(await gathered).toEqual({ kind: 'taken', runs: coded(1, 51) });
    expect(last()).toMatchObject({ kind: 'replenished', ref: REF });
  });

  test('of more than there are is refused once all leases came back', async () => {
    desk.open(REF, coded(0, 100));
    desk.lease(REF, HOLDER, 0, []);
    const gathered = desk.gather(REF, 101);
    desk.giveBack(REF, HOLDER, 1, [], [{ from: 0, to: 64 }]);
    expect(await gathered).toEqual({ kind: 'short', unsold: 100 });
    expect(desk.ledger.stock(REF).free).toBe(100);
  });
});

describe('shutting a pool', () => {
  test('waits for every lease and returns what was left', async () => {
    desk.open(OTHER, coded(0, 100));
    desk.lease(OTHER, HOLDER, 0, []);
    const left = desk.shut(OTHER);
    expect(last()).toMatchObject({ kind: 'recall', all: true });
    desk.giveBack(OTHER, HOLDER, 1, [{ from: 0, to: 20 }], [{ from: 20, to: 64 }]);
    expect(await left).toEqual({ coded: [{ from: 20, to: 100 }], bare: [] });
    expect(desk.ledger.isOpen(OTHER)).toBe(false);
    expect(await desk.shut(OTHER)).toEqual({ coded: [], bare: [] });
  });
});

describe('while codes are being made', () => {
  test('a claim waits rather than being told sold out', async () => {
    held = true;
    desk.open(REF, { coded: [], bare: [{ from: 0, to: 10 }] });
    desk.lease(REF, HOLDER, 0, []);
    expect(last()).toMatchObject({ outcome: { kind: 'recalling' } });
    expect(shelf.view.pools.get(0)!.soldOut).toBe(false);
    making[0]();
    await until(() => last()?.kind === 'replenished', 'the waiting holder to be told');
  });

  test('units are gathered as soon as the codes are there', async () => {
    held = true;
    desk.open(REF, { coded: [], bare: [{ from: 0, to: 10 }] });
    let runs: unknown;
    void desk.gather(REF, 4).then((gathered) => {
      runs = gathered;
    });
    making[0]();
    const startedMs = Date.now();
    await until(() => runs !== undefined, 'the units');
    expect(runs).toEqual({ kind: 'taken', runs: coded(0, 4) });
    expect(Date.now() - startedMs).toBeLessThan(3000);
  });
});
