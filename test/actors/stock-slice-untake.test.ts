/** Units that were offered and not sold come back: they are the next ones again, whatever happened around them. */
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { StockSlice } from '../../src/actors/stock-slice.ts';
import type { SerialRange } from '../../src/ports.ts';

function serialsOf(ranges: readonly SerialRange[]): number[] {
  return ranges.flatMap(({ from, to }) => Array.from({ length: to - from }, (_, i) => from + i));
}

/** The slice as lists of serials, and the slice: each step changes both and compares. */
class Pair {
  readonly slice = new StockSlice();
  readonly durable: number[] = [];
  readonly pending: number[] = [];
  readonly unsold: number[] = [];
  private next = 0;

  /** Ranges that touch none granted before; later ones first when `descending`. */
  add(lengths: readonly number[], descending: boolean): void {
    const ranges = lengths.map((length) => {
      const from = this.next;
      this.next += length + 1;
      return { from, to: from + length };
    });
    if (descending) ranges.reverse();
    this.unsold.push(...serialsOf(ranges));
    this.slice.add(ranges);
  }

  take(times: number): void {
    for (let i = 0; i < times; i++) {
      const expected = this.unsold.shift() ?? -1;
      expect(this.slice.take()).toBe(expected);
      if (expected >= 0) this.pending.push(expected);
    }
  }

  untake(units: number): void {
    const back = this.pending.splice(Math.max(0, this.pending.length - units));
    this.unsold.unshift(...back);
    this.slice.untake(back.length);
  }

  settle(units: number): void {
    const settled = this.pending.splice(0, units);
    this.durable.push(...settled);
    this.slice.settle(settled.length);
  }

  report(): void {
    expect(serialsOf(this.slice.report())).toEqual(this.durable.splice(0));
  }

  giveBack(units: number): void {
    const expected = this.unsold.splice(Math.max(0, this.unsold.length - units));
    const back = serialsOf(this.slice.giveBack(units));
    expect(back.sort((a, b) => a - b)).toEqual(expected.sort((a, b) => a - b));
  }

  agree(): void {
    const { slice, durable, pending, unsold } = this;
    expect([slice.unreported, slice.pending, slice.unsold]).toEqual([
      durable.length,
      pending.length,
      unsold.length,
    ]);
  }

  /** Nothing is lost or doubled: all of it can still be sold, in order. */
  sellOut(): void {
    this.take(this.unsold.length + 1);
    this.settle(this.pending.length);
    this.report();
    this.agree();
  }
}

type Step = (pair: Pair) => void;

const units = fc.nat(9);
const lengths = fc.array(fc.integer({ min: 1, max: 6 }), { minLength: 1, maxLength: 3 });
const steps = fc.array(
  fc.oneof(
    {
      weight: 2,
      arbitrary: fc.tuple(lengths, fc.boolean()).map(
        ([n, d]) =>
          (p: Pair) =>
            p.add(n, d),
      ),
    },
    {
      weight: 4,
      arbitrary: units.map(
        (n): Step =>
          (p) =>
            p.take(n),
      ),
    },
    {
      weight: 4,
      arbitrary: units.map(
        (n): Step =>
          (p) =>
            p.untake(n),
      ),
    },
    {
      weight: 2,
      arbitrary: units.map(
        (n): Step =>
          (p) =>
            p.settle(n),
      ),
    },
    { weight: 1, arbitrary: fc.constant<Step>((p) => p.report()) },
    {
      weight: 2,
      arbitrary: units.map(
        (n): Step =>
          (p) =>
            p.giveBack(n),
      ),
    },
  ),
  { maxLength: 60, size: 'max' },
);

describe('units put back', () => {
  test('leave the slice what lists of its units say, after any steps', () => {
    fc.assert(
      fc.property(steps, (all) => {
        const pair = new Pair();
        for (const step of all) {
          step(pair);
          pair.agree();
        }
        pair.sellOut();
      }),
      { numRuns: 500 },
    );
  });

  test('are sold next, in the order they were offered', () => {
    const slice = new StockSlice();
    slice.add([{ from: 10, to: 14 }]);
    for (let i = 0; i < 3; i++) slice.take();
    slice.untake(2);
    expect([slice.take(), slice.take(), slice.take(), slice.take()]).toEqual([11, 12, 13, -1]);
  });

  test('may reach back over several ranges', () => {
    const slice = new StockSlice();
    slice.add([
      { from: 7, to: 9 },
      { from: 1, to: 2 },
      { from: 4, to: 6 },
    ]);
    for (let i = 0; i < 4; i++) slice.take();
    slice.untake(3);
    expect([slice.pending, slice.unsold]).toEqual([1, 4]);
    expect([slice.take(), slice.take(), slice.take()]).toEqual([8, 1, 4]);
  });

  test('are found when the range they came from was given back behind them', () => {
    const slice = new StockSlice();
    slice.add([
      { from: 0, to: 2 },
      { from: 5, to: 9 },
    ]);
    for (let i = 0; i < 3; i++) slice.take();
    expect(slice.giveBack(9)).toEqual([{ from: 6, to: 9 }]);
    slice.untake(2);
    expect([slice.take(), slice.take(), slice.take()]).toEqual([1, 5, -1]);
  });

  test('go back with the rest when they are recalled', () => {
    const slice = new StockSlice();
    slice.add([{ from: 0, to: 3 }]);
    for (let i = 0; i < 3; i++) slice.take();
    slice.untake(2);
    expect(slice.giveBack(9)).toEqual([{ from: 1, to: 3 }]);
    slice.settle(1);
    expect(slice.report()).toEqual([{ from: 0, to: 1 }]);
  });

  test('are never more than are pending', () => {
    const slice = new StockSlice();
    slice.add([{ from: 0, to: 3 }]);
    slice.take();
    slice.take();
    slice.settle(1);
    expect(() => slice.untake(2)).toThrow('more put back than taken');
  });
});
