import { expect, test } from 'vitest';
import { fillLogId, isClusterLog, nextLocalLogId, streamLogId } from '../../src/cluster/log-ids.ts';

const FIRST = 2 ** 31;

test('a node of a cluster numbers its logs where no log of the profile single can be', () => {
  expect(nextLocalLogId(false, [])).toBe(1);
  expect(nextLocalLogId(true, [])).toBe(FIRST);
  expect(nextLocalLogId(true, [1, 2, 7])).toBe(FIRST);
  expect(nextLocalLogId(true, [7, FIRST + 3, streamLogId(2, 5), fillLogId(2, 5)])).toBe(FIRST + 4);
  expect(nextLocalLogId(false, [7, FIRST + 3, streamLogId(2, 5), fillLogId(2, 5)])).toBe(8);
});

test('streams and fills are no local logs', () => {
  expect([1, FIRST - 1, FIRST, streamLogId(0, 0), fillLogId(15, 9)].map(isClusterLog)).toEqual([
    false,
    false,
    true,
    false,
    false,
  ]);
});
