import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { ABSENT, hashUser, segmentCount, UNKNOWN, UserTable } from '../../src/actors/user-table.ts';

/** Few different words, so that users share one of the two, and all of 63 bits. */
const words = fc.oneof(
  fc.integer({ min: 0, max: 3 }),
  fc.integer({ min: 0, max: 0xffff_ffff }),
  fc.constantFrom(0xffff_ffff, 0x8000_0000, 0x7fff_ffff),
);
const user = fc.tuple(
  words,
  words.map((word) => word & 0x7fff_ffff),
);

describe('a user table', () => {
  test('answers like a map, whatever was put and however often it grew', () => {
    const puts = fc.array(fc.tuple(user, fc.integer({ min: 0, max: 2 ** 31 })), {
      maxLength: 400,
      size: 'max',
    });
    fc.assert(
      fc.property(fc.constantFrom(1, 40_000, 200_000), puts, fc.array(user), (users, entries, strangers) => {
        const table = UserTable.create(users);
        const model = new Map<string, number>();
        for (const [[lo, hi], serial] of entries) {
          table.put(lo, hi, serial);
          model.set(`${lo}/${hi}`, serial);
        }
        for (const [lo, hi] of [...entries.map(([id]) => id), ...strangers]) {
          const serial = model.get(`${lo}/${hi}`) ?? ABSENT;
          expect(table.newest(lo, hi)).toBe(serial);
          expect(table.newestAnyway(lo, hi)).toBe(serial);
        }
        expect(table.users).toBe(model.size);
      }),
      { numRuns: 60 },
    );
  });

  test('keeps a user whose id is two zero words apart from empty places', () => {
    const table = UserTable.create(1);
    expect(table.newest(0, 0)).toBe(ABSENT);
    table.put(0, 0, 0);
    expect(table.newest(0, 0)).toBe(0);
  });

  test('finds every user again whose ids collide in a full segment', () => {
    const table = UserTable.create(1);
    const colliding: number[] = [];
    for (let lo = 0; colliding.length < 200; lo++) if (hashUser(lo, 0) >>> 24 === 7) colliding.push(lo);
    for (const [serial, lo] of colliding.entries()) table.put(lo, 0, serial);
    expect(colliding.map((lo) => table.newest(lo, 0))).toEqual(colliding.map((_, serial) => serial));
  });

  test('takes at most 24 bytes a user just after growing', () => {
    const table = UserTable.create(1);
    let bytes = table.bytes;
    let growths = 0;
    for (let lo = 1; lo <= 100_000; lo++) {
      table.put(lo, 0, lo);
      if (table.bytes === bytes) continue;
      bytes = table.bytes;
      growths++;
      expect(bytes / table.users).toBeLessThanOrEqual(24);
    }
    expect(growths).toBeGreaterThan(15);
  });

  test('takes at most 24 bytes a user over many segments when it is as full as planned', () => {
    const table = UserTable.create(100_000);
    expect(table.buffers.length).toBe(4);
    for (let lo = 1; lo <= 100_000; lo++) table.put(lo, 9, lo);
    expect(table.bytes / table.users).toBeLessThanOrEqual(24);
    const sizes = table.buffers.map((buffer) => buffer.byteLength);
    expect(Math.max(...sizes) / Math.min(...sizes)).toBeLessThan(1.5);
  });

  test('names the holder of any unit, the older ones of a chain included', () => {
    const table = UserTable.create(1);
    const previous = new Map([
      [9, 4],
      [4, 1],
    ]);
    table.put(0xffff_ffff, 0x7fff_ffff, 9);
    table.put(3, 0, 5);
    const before = (serial: number): number => previous.get(serial) ?? -1;
    for (const serial of [9, 4, 1]) expect(table.holderOf(serial, before)).toBe('9223372036854775807');
    expect(table.holderOf(5, before)).toBe('3');
    expect(table.holderOf(6, before)).toBeNull();
  });
});

describe('a reader of a segment that was replaced', () => {
  test('knows nothing any more, until it has the new segment', () => {
    const table = UserTable.create(1);
    const reader = UserTable.attach(table.buffers);
    const replaced: [number, SharedArrayBuffer][] = [];
    table.onSegment = (index, buffer) => replaced.push([index, buffer]);
    table.put(1, 0, 10);
    expect(reader.newest(1, 0)).toBe(10);
    expect(reader.newest(2, 0)).toBe(ABSENT);

    for (let lo = 2; replaced.length === 0; lo++) table.put(lo, 0, lo);
    expect(reader.newest(1, 0)).toBe(UNKNOWN);
    expect(reader.newest(1_000_000, 0)).toBe(UNKNOWN);
    expect(reader.newestAnyway(1, 0)).toBe(10);

    for (const [index, buffer] of replaced) reader.replaceSegment(index, buffer);
    expect(reader.newest(1, 0)).toBe(10);
    expect(reader.newest(1_000_000, 0)).toBe(ABSENT);
  });
});

test.each([
  [0, 1],
  [1, 1],
  [32_768, 1],
  [32_769, 2],
  [100_000, 4],
  [100_000_000, 1024],
])('a table for %i users has %i segments', (users, segments) => expect(segmentCount(users)).toBe(segments));
