import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { UnitTable } from '../../src/actors/unit-table.ts';

function tableOf(units: number): UnitTable {
  const table = new UnitTable([]);
  table.grow(units);
  return table;
}

/** Serials beside the borders of the chunks, which start at 0, 64, 192, 448, 960 … */
const BORDERS = [0, 64, 192, 448, 960, 1984, 4032].flatMap((start) => [start - 1, start, start + 1]).slice(1);

describe('units at the borders of chunks', () => {
  test('are kept apart', () => {
    const table = tableOf(5000);
    for (const serial of BORDERS) {
      table.setCode(serial, serial * 7, serial % 65_536);
      table.describe(serial, serial - 1, serial + 5, serial * 11, serial * 13);
      table.publish(serial, 1_000_000 + serial);
    }
    for (const serial of BORDERS) {
      expect(table.code(serial)).toBe((serial % 65_536) * 2 ** 32 + serial * 7);
      expect(table.codeLo(serial)).toBe(serial * 7);
      expect(table.codeHi(serial)).toBe(serial % 65_536);
      expect(table.previous(serial)).toBe(serial - 1);
      expect(table.activityId(serial)).toBe(serial + 5);
      expect(table.hasKey(serial, serial * 11, serial * 13)).toBe(true);
      expect(table.claimedAtMs(serial)).toBe(1_000_000 + serial);
    }
    const claimed = Array.from({ length: 5000 }, (_, serial) => serial).filter((serial) =>
      table.isClaimed(serial),
    );
    expect(claimed).toEqual(BORDERS);
  });

  test.each([
    [1, 64],
    [64, 64],
    [65, 192],
    [192, 192],
    [193, 448],
    [100_000, 131_008],
  ])('room for %i units has %i places', (units, places) => expect(tableOf(units).capacity).toBe(places));
});

describe('the time of a claim', () => {
  test('is exact to the millisecond for every time below 2^47, 0 included', () => {
    const table = tableOf(1);
    const times = fc.oneof(
      fc.maxSafeNat().map((ms) => ms % 2 ** 47),
      fc.constantFrom(0, 1, 2 ** 31 - 1, 2 ** 31, 2 ** 32 - 1, 2 ** 32, 2 ** 47 - 1),
    );
    fc.assert(
      fc.property(times, (ms) => {
        table.publish(0, ms);
        expect(table.claimedAtMs(0)).toBe(ms);
        expect(table.isClaimed(0)).toBe(true);
      }),
    );
  });

  test('is 0 of a unit that is described and not durable', () => {
    const table = tableOf(1);
    table.describe(0, -1, 3, 4, 5);
    expect(table.isClaimed(0)).toBe(false);
    expect(table.claimedAtMs(0)).toBe(0);
  });
});

describe('a unit', () => {
  test('has codes of 48 bits', () => {
    const table = tableOf(2);
    fc.assert(
      fc.property(fc.nat(0xffff_ffff), fc.nat(0xffff), (lo, hi) => {
        table.setCode(1, lo, hi);
        expect(table.code(1)).toBe(hi * 2 ** 32 + lo);
      }),
    );
  });

  test('described again has nothing left of the first time', () => {
    const table = tableOf(1);
    table.describe(0, 40, 7, 0xffff_ffff, 0x8000_0000);
    expect(table.hasKey(0, 0xffff_ffff, 0x8000_0000)).toBe(true);
    table.describe(0, -1, 0, 0, 0);
    expect([table.previous(0), table.activityId(0), table.hasKey(0, 0, 0)]).toEqual([-1, 0, true]);
  });

  test('keeps key words of which one is zero', () => {
    const table = tableOf(1);
    table.describe(0, -1, 0, 0, 9);
    expect(table.hasKey(0, 0, 9)).toBe(true);
    table.describe(0, -1, 0, 9, 0);
    expect(table.hasKey(0, 9, 0)).toBe(true);
    expect(table.hasKey(0, 0, 9)).toBe(false);
  });
});

describe('growing', () => {
  test('moves no unit, and returns exactly the buffers that are new', () => {
    const table = tableOf(64);
    table.publish(63, 5);
    const before = [...table.buffers];
    expect(table.grow(64)).toEqual([]);
    const added = table.grow(1000);
    expect(table.buffers).toEqual([...before, ...added]);
    expect(added.length).toBe(4);
    expect(table.claimedAtMs(63)).toBe(5);
    expect(table.isClaimed(64)).toBe(false);
  });

  test('reaches another thread buffer by buffer', () => {
    const table = tableOf(64);
    const elsewhere = new UnitTable(table.buffers);
    for (const buffer of table.grow(500)) elsewhere.attach(buffer);
    table.publish(499, 12);
    expect(elsewhere.claimedAtMs(499)).toBe(12);
    expect(elsewhere.capacity).toBe(table.capacity);
  });
});
