import fc from 'fast-check';
import { expect, test } from 'vitest';
import { UnitTable } from '../../src/actors/unit-table.ts';
import { claimedIn, unclaimedRanges } from '../../src/engine/unclaimed.ts';

function tableOf(claims: ReadonlyMap<number, number>): UnitTable {
  const units = new UnitTable([]);
  units.grow(300);
  for (const [serial, activityId] of claims) {
    units.describe(serial, -1, activityId, 0, 0);
    units.publish(serial, 1000);
  }
  return units;
}

const claimsArbitrary = fc
  .array(fc.tuple(fc.nat(279), fc.constantFrom(0, 7, 8)))
  .map((pairs) => new Map(pairs));

test('unclaimed ranges are the units without a claim, each once, in runs as long as possible', () => {
  fc.assert(
    fc.property(claimsArbitrary, fc.nat(280), fc.nat(280), (claims, a, b) => {
      const [from, to] = [Math.min(a, b), Math.max(a, b)];
      const ranges = unclaimedRanges(tableOf(claims), from, to);
      const serials = ranges.flatMap((range) => {
        expect(range.from).toBeLessThan(range.to);
        return Array.from({ length: range.to - range.from }, (_, i) => range.from + i);
      });
      const all = Array.from({ length: to - from }, (_, i) => from + i);
      expect(serials).toEqual(all.filter((serial) => !claims.has(serial)));
      for (let i = 1; i < ranges.length; i++) expect(ranges[i - 1].to).toBeLessThan(ranges[i].from);
    }),
  );
});

test('claims are counted per activity', () => {
  fc.assert(
    fc.property(claimsArbitrary, (claims) => {
      const units = tableOf(claims);
      for (const activityId of [0, 7, 8]) {
        const expected = [...claims.values()].filter((id) => id === activityId).length;
        expect(claimedIn(units, 0, 280, activityId)).toBe(expected);
      }
    }),
  );
});

test('a unit that is described and not durable is unclaimed', () => {
  const units = tableOf(new Map());
  units.describe(5, -1, 7, 0, 0);
  expect(unclaimedRanges(units, 0, 10)).toEqual([{ from: 0, to: 10 }]);
  expect(claimedIn(units, 0, 10, 7)).toBe(0);
});
