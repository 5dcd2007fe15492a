import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { StockSlice } from '../../src/actors/stock-slice.ts';
import type { SerialRange } from '../../src/ports.ts';

function serialsOf(ranges: readonly SerialRange[]): number[] {
  return ranges.flatMap(({ from, to }) => Array.from({ length: to - from }, (_, i) => from + i));
}

/** The slice as lists of serials: what it must be, without cursors. */
class Model {
  readonly durable: number[] = [];
  readonly pending: number[] = [];
  readonly unsold: number[] = [];
}

interface Pair {
  readonly model: Model;
  readonly slice: StockSlice;
}

function agree({ model, slice }: Pair): void {
  expect([slice.unreported, slice.pending, slice.unsold]).toEqual([
    model.durable.length,
    model.pending.length,
    model.unsold.length,
  ]);
}

class Step implements fc.Command<Pair, Pair> {
  private readonly name: string;
  private readonly body: (pair: Pair) => void;

  constructor(name: string, body: (pair: Pair) => void) {
    this.name = name;
    this.body = body;
  }

  check(): boolean {
    return true;
  }

  run(pair: Pair): void {
    this.body(pair);
    agree(pair);
  }

  toString(): string {
    return this.name;
  }
}

const runs = fc.array(fc.record({ from: fc.nat(60), length: fc.integer({ min: 1, max: 9 }) }), {
  maxLength: 4,
});

const add = runs.map((wanted) => {
  return new Step(`add ${JSON.stringify(wanted)}`, ({ model, slice }) => {
    const held = new Set([...model.durable, ...model.pending, ...model.unsold]);
    const granted: SerialRange[] = [];
    for (const { from, length } of wanted) {
      const range = { from, to: from + length };
      const serials = serialsOf([range]);
      if (serials.some((serial) => held.has(serial))) continue;
      for (const serial of serials) held.add(serial);
      granted.push(range);
      model.unsold.push(...serials);
    }
    slice.add(granted);
  });
});

const take = fc.integer({ min: 1, max: 12 }).map((times) => {
  return new Step(`take ${times}`, ({ model, slice }) => {
    for (let i = 0; i < times; i++) {
      const expected = model.unsold.shift() ?? -1;
      expect(slice.take()).toBe(expected);
      if (expected >= 0) model.pending.push(expected);
    }
  });
});

const settle = fc.nat(12).map((units) => {
  return new Step(`settle ${units}`, ({ model, slice }) => {
    const settled = model.pending.splice(0, units);
    model.durable.push(...settled);
    slice.settle(settled.length);
  });
});

const report = fc.constant(
  new Step('report', ({ model, slice }) => {
    expect(serialsOf(slice.report())).toEqual(model.durable.splice(0));
  }),
);

const giveBack = fc.nat(15).map((units) => {
  return new Step(`giveBack ${units}`, ({ model, slice }) => {
    const kept = Math.max(0, model.unsold.length - units);
    const back = serialsOf(slice.giveBack(units));
    expect(new Set(back)).toEqual(new Set(model.unsold.splice(kept)));
    expect(back.length).toBe(new Set(back).size);
  });
});

describe('a slice of stock', () => {
  test('is what lists of durable, pending and unsold units say, after any steps', () => {
    const commands = fc.commands([add, take, settle, report, giveBack], { maxCommands: 60, size: 'max' });
    fc.assert(
      fc.property(commands, (steps) => {
        // Model and slice travel together: every step changes both and compares.
        const pair = { model: new Model(), slice: new StockSlice() };
        fc.modelRun(() => ({ model: pair, real: pair }), steps);
      }),
      { numRuns: 250 },
    );
  });

  test('sells nothing it was not granted', () => {
    const slice = new StockSlice();
    expect(slice.take()).toBe(-1);
    slice.add([{ from: 7, to: 8 }]);
    expect([slice.take(), slice.take()]).toEqual([7, -1]);
  });

  test('refuses an empty grant and a settlement of more than was taken', () => {
    const slice = new StockSlice();
    expect(() => slice.add([{ from: 3, to: 3 }])).toThrow('empty range');
    slice.add([{ from: 0, to: 5 }]);
    slice.take();
    expect(() => slice.settle(2)).toThrow('more settled than taken');
  });

  test('gives back from the far end, so that the next claims go on in order', () => {
    const slice = new StockSlice();
    slice.add([{ from: 0, to: 10 }]);
    expect(slice.take()).toBe(0);
    expect(slice.giveBack(4)).toEqual([{ from: 6, to: 10 }]);
    expect(slice.take()).toBe(1);
    expect(slice.giveBack(100)).toEqual([{ from: 2, to: 6 }]);
    expect(slice.take()).toBe(-1);
  });
});
