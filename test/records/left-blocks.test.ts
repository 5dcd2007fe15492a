import { expect, test } from 'vitest';
import { SHARED_BLOCK_MS } from '../../src/limits.ts';
import { LeftBlocks } from '../../src/records/events/left-blocks.ts';

test('a block is left once it is old, unlocked and read to its end', async () => {
  let nowMs = 5;
  let sizes: Map<number, number> | null = new Map([
    [1, 80],
    [2, 40],
  ]);
  const asked: (readonly number[])[] = [];
  const left = new LeftBlocks(
    async (ids) => {
      asked.push(ids);
      return sizes;
    },
    () => nowMs,
  );
  const one = { id: 1, bytes: 40 };
  const two = { id: 2, bytes: 40 };
  expect(await left.among([one])).toEqual([]);
  nowMs += SHARED_BLOCK_MS;
  expect(await left.among([one, two])).toEqual([]);
  expect(asked).toEqual([]);
  nowMs += 60_000;
  // It has grown since it was read.
  expect(await left.among([one, two])).toEqual([]);
  expect(asked).toEqual([[1]]);
  expect(await left.among([{ id: 1, bytes: 80 }, two])).toEqual([1]);
  nowMs += SHARED_BLOCK_MS;
  sizes = null;
  expect(await left.among([two])).toEqual([]);
  sizes = new Map([[2, 40]]);
  expect(await left.among([two])).toEqual([2]);
});
