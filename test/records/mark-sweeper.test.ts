/** Old marks go in pieces, with a breath in between, until there are none. */
import { expect, test } from 'vitest';
import { MARK_KEEP_MS, MARKS_FORGOTTEN_MAX } from '../../src/limits.ts';
import { sweepMarks } from '../../src/records/mark-sweeper.ts';

/** A store with so many old marks. */
class Marks {
  readonly asked: (readonly [ageMs: number, limit: number])[] = [];
  left: number;

  constructor(old: number) {
    this.left = old;
  }

  async forgetMarks(ageMs: number, limit: number): Promise<number> {
    this.asked.push([ageMs, limit]);
    const some = Math.min(limit, this.left);
    this.left -= some;
    return some;
  }
}

test.each([
  [0, 1, 0],
  [MARKS_FORGOTTEN_MAX - 1, 1, 0],
  [MARKS_FORGOTTEN_MAX, 2, 1],
  [2 * MARKS_FORGOTTEN_MAX + 7, 3, 2],
])('%i marks go in %i pieces', async (old, pieces, breaths) => {
  const marks = new Marks(old);
  let breathed = 0;
  const breathe = async () => {
    breathed++;
  };
  expect(await sweepMarks(marks, breathe)).toBe(old);
  expect([marks.left, breathed]).toEqual([0, breaths]);
  expect(marks.asked).toEqual(new Array(pieces).fill([MARK_KEEP_MS, MARKS_FORGOTTEN_MAX]));
});

test('a store that fails ends the sweep, which says so', async () => {
  const forgetMarks = () => Promise.reject(new Error('the disk is full'));
  await expect(sweepMarks({ forgetMarks })).rejects.toThrow('the disk is full');
});
