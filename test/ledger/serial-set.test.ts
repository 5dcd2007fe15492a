import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { SerialSet } from '../../src/ledger/serial-set.ts';
import type { SerialRange } from '../../src/ports.ts';

const MAX = 40;

function serialsOf(ranges: readonly SerialRange[]): number[] {
  return ranges.flatMap(({ from, to }) => Array.from({ length: to - from }, (_, i) => from + i));
}

const range = fc.tuple(fc.nat(MAX), fc.nat(12)).map(([from, length]) => ({ from, to: from + length }));
const step = fc.oneof(
  fc.record({ kind: fc.constant('add' as const), range }),
  fc.record({ kind: fc.constant('remove' as const), range }),
  fc.record({ kind: fc.constant('take' as const), units: fc.nat(15) }),
);

/** The set must agree with the model, its ranges sorted, apart from each other and not empty. */
function agree(set: SerialSet, model: ReadonlySet<number>): void {
  const ranges = set.list();
  expect(serialsOf(ranges)).toEqual([...model].sort((a, b) => a - b));
  expect(set.size).toBe(model.size);
  for (const [i, { from, to }] of ranges.entries()) {
    expect(from).toBeLessThan(to);
    if (i > 0) expect(ranges[i - 1].to).toBeLessThan(from);
  }
  for (let serial = 0; serial < MAX + 12; serial++) expect(set.has(serial)).toBe(model.has(serial));
}

describe('a set of serials', () => {
  test('is what a Set of numbers is, after any steps; impossible ones are refused and change nothing', () => {
    fc.assert(
      fc.property(fc.array(step, { maxLength: 40, size: 'max' }), (steps) => {
        const set = new SerialSet();
        const model = new Set<number>();
        for (const one of steps) {
          if (one.kind === 'take') {
            const lowest = [...model].sort((a, b) => a - b).slice(0, one.units);
            expect(serialsOf(set.take(one.units))).toEqual(lowest);
            for (const serial of lowest) model.delete(serial);
          } else {
            const serials = serialsOf([one.range]);
            const adds = one.kind === 'add';
            const possible = serials.every((serial) => model.has(serial) !== adds);
            const change = (): void => (adds ? set.add(one.range) : set.remove(one.range));
            if (!possible) expect(change).toThrow();
            else {
              change();
              for (const serial of serials) adds ? model.add(serial) : model.delete(serial);
            }
          }
          agree(set, model);
        }
      }),
      { numRuns: 40 },
    );
  });

  test('is made of ranges in any order and joins those that touch', () => {
    const set = new SerialSet([
      { from: 8, to: 9 },
      { from: 0, to: 4 },
      { from: 4, to: 8 },
    ]);
    expect(set.list()).toEqual([{ from: 0, to: 9 }]);
  });

  test('hands out a list that is its own', () => {
    const set = new SerialSet([{ from: 0, to: 4 }]);
    const list = set.list() as { from: number; to: number }[];
    list[0].to = 100;
    expect(set.list()).toEqual([{ from: 0, to: 4 }]);
  });

  test('refuses a range upside down', () => {
    expect(() => new SerialSet([{ from: 4, to: 3 }])).toThrow('upside down');
  });
});
