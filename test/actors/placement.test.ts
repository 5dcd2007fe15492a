import fc from 'fast-check';
import { expect, test } from 'vitest';
import { ownerOf, partitionOf } from '../../src/actors/placement.ts';
import { hashUser } from '../../src/actors/user-table.ts';

const word = fc.nat(0xffff_ffff);

test('a partition is one of those there are, and the only one when there is one', () => {
  fc.assert(
    fc.property(word, word, fc.integer({ min: 1, max: 64 }), (lo, hi, partitions) => {
      const partition = partitionOf(lo, hi, partitions);
      expect(Number.isInteger(partition) && partition >= 0 && partition < partitions).toBe(true);
      expect(partitionOf(lo, hi, 1)).toBe(0);
    }),
  );
});

test('consecutive users spread evenly over the partitions', () => {
  const counts = new Array<number>(8).fill(0);
  for (let lo = 0; lo < 80_000; lo++) counts[partitionOf(lo, 0, 8)]++;
  for (const count of counts) expect(Math.abs(count - 10_000)).toBeLessThan(500);
});

test('users of one partition still spread over a table of many segments', () => {
  const counts = new Array<number>(16).fill(0);
  for (let lo = 0; lo < 128_000; lo++) if (partitionOf(lo, 0, 8) === 3) counts[hashUser(lo, 0) >>> 28]++;
  for (const count of counts) expect(Math.abs(count - 1000)).toBeLessThan(200);
});

test('partitions of a template take the owners in turn, none left out', () => {
  fc.assert(
    fc.property(fc.nat(2 ** 21 - 1), fc.integer({ min: 1, max: 64 }), (templateId, owners) => {
      const placed = Array.from({ length: owners }, (_, partition) => ownerOf(templateId, partition, owners));
      expect([...placed].sort((a, b) => a - b)).toEqual(Array.from({ length: owners }, (_, owner) => owner));
    }),
  );
});

test('templates of one partition spread over the owners', () => {
  const counts = new Array<number>(4).fill(0);
  for (let templateId = 1; templateId <= 4000; templateId++) counts[ownerOf(templateId, 0, 4)]++;
  for (const count of counts) expect(Math.abs(count - 1000)).toBeLessThan(200);
});
