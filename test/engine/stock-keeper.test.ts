/** Units are leasable only once their codes are made, and those are made some way ahead. */
import { beforeEach, describe, expect, test } from 'vitest';
import { StockKeeper } from '../../src/engine/stock-keeper.ts';
import { MemoryLedger } from '../../src/ledger/memory-ledger.ts';
import type { SerialRange } from '../../src/ports.ts';
import { until } from '../claims/desk-stage.ts';

const REF = { templateId: 1, activityId: 0 };
const OTHER = { templateId: 1, activityId: 9 };
const AHEAD = 262_144;

let made: SerialRange[];
let failures: unknown[];
let ledger: MemoryLedger;
let keeper: StockKeeper;
/** Codes are made when the test lets them. */
let waiting: { finish: () => void; fail: (error: Error) => void }[];
let held: boolean;

beforeEach(() => {
  [made, failures, waiting, held] = [[], [], [], false];
  ledger = new MemoryLedger({ recall: () => {}, replenished: () => {} });
  keeper = new StockKeeper(
    ledger,
    (_templateId, range) =>
      new Promise<void>((resolve, reject) => {
        const finish = (): void => {
          made.push(range);
          resolve();
        };
        if (held) waiting.push({ finish, fail: reject });
        else finish();
      }),
    (error) => failures.push(error),
    () => {},
  );
});

function units(ranges: readonly SerialRange[]): number {
  return ranges.reduce((sum, { from, to }) => sum + to - from, 0);
}

function bare(from: number, to: number): { coded: SerialRange[]; bare: SerialRange[] } {
  return { coded: [], bare: [{ from, to }] };
}

function filled(): Promise<void> {
  return until(() => !keeper.isFilling(REF), 'the codes to be made');
}

describe('codes', () => {
  test('come before the lease: what has none is not leasable, yet not sold out', async () => {
    held = true;
    keeper.open(REF, bare(0, 100));
    expect(ledger.stock(REF).free).toBe(0);
    expect(ledger.lease(REF, { owner: 0, partition: 0 }, 0, [])).toEqual({ kind: 'recalling' });
    expect(ledger.isExhausted(REF)).toBe(false);
    waiting[0].finish();
    await filled();
    expect(made).toEqual([{ from: 0, to: 100 }]);
    expect(ledger.lease(REF, { owner: 0, partition: 0 }, 0, []).kind).toBe('granted');
  });

  test('of a large pool are made ahead only, and more when the pool runs low', async () => {
    keeper.open(REF, bare(0, 1_000_000));
    await filled();
    expect(ledger.stock(REF).free).toBe(AHEAD);
    keeper.poke(REF);
    expect(keeper.isFilling(REF)).toBe(false);
    expect(keeper.free(REF)).toBe(1_000_000);
    ledger.take(REF, AHEAD / 2);
    keeper.poke(REF);
    expect(keeper.isFilling(REF)).toBe(false);
    ledger.take(REF, 1);
    keeper.poke(REF);
    expect(keeper.isFilling(REF)).toBe(true);
    await filled();
    expect(ledger.stock(REF).free).toBeGreaterThanOrEqual(AHEAD);
  });

  test('of units that have theirs are not made again', async () => {
    keeper.open(REF, { coded: [{ from: 0, to: 50 }], bare: [] });
    await filled();
    expect([made, ledger.stock(REF).free]).toEqual([[], 50]);
  });

  test('that cannot be made leave their units waiting for the next try', async () => {
    held = true;
    keeper.open(REF, bare(0, 100));
    waiting[0].fail(new Error('no thread'));
    await filled();
    expect(failures).toEqual([new Error('no thread')]);
    expect([keeper.free(REF), keeper.bare(REF)]).toEqual([100, [{ from: 0, to: 100 }]]);
    expect(ledger.isExhausted(REF)).toBe(false);
    held = false;
    keeper.poke(REF);
    await filled();
    expect(ledger.stock(REF).free).toBe(100);
  });

  test('in the making are still known to the checker as units without one', async () => {
    held = true;
    keeper.open(REF, bare(0, 100));
    expect(units(keeper.bare(REF))).toBe(100);
    waiting[0].finish();
    await filled();
    expect(keeper.bare(REF)).toEqual([]);
  });
});

describe('units move between pools', () => {
  test('those without codes first, and exactly as many as asked', async () => {
    keeper.open(REF, bare(0, AHEAD + 100));
    await filled();
    expect(keeper.take(REF, AHEAD + 101)).toBeNull();
    const runs = keeper.take(REF, 130)!;
    expect([units(runs.bare), units(runs.coded)]).toEqual([100, 30]);
    expect(keeper.free(REF)).toBe(AHEAD - 30);
    keeper.open(OTHER, runs);
    await until(() => ledger.stock(OTHER).free === 130, 'the codes of the other pool');
  });

  test('and back, with codes and without', async () => {
    keeper.open(REF, { coded: [{ from: 0, to: 10 }], bare: [] });
    keeper.add(REF, { coded: [{ from: 10, to: 20 }], bare: [{ from: 50, to: 60 }] });
    await filled();
    expect(made).toEqual([{ from: 50, to: 60 }]);
    expect(ledger.snapshot()[0].free).toEqual([
      { from: 0, to: 20 },
      { from: 50, to: 60 },
    ]);
  });

  test('all of them when a pool is closed', async () => {
    keeper.open(REF, bare(0, AHEAD + 100));
    await filled();
    expect(keeper.close(REF)).toEqual({
      coded: [{ from: 0, to: AHEAD }],
      bare: [{ from: AHEAD, to: AHEAD + 100 }],
    });
    expect([ledger.isOpen(REF), keeper.free(REF)]).toEqual([false, 0]);
    expect(() => keeper.take(REF, 0)).toThrow('not open');
  });

  test('the last of them leaves the pool exhausted', () => {
    keeper.open(REF, { coded: [{ from: 0, to: 10 }], bare: [] });
    expect(ledger.isExhausted(REF)).toBe(false);
    keeper.take(REF, 10);
    expect(ledger.isExhausted(REF)).toBe(true);
  });
});
