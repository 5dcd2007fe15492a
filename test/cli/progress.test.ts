import { expect, test } from 'vitest';
import { Progress } from '../../src/cli/progress.ts';

function show(isTTY: boolean, atMs: readonly number[]): string[] {
  const written: string[] = [];
  let nowMs = 0;
  const progress = new Progress('claims', { isTTY, write: (text) => written.push(text) }, () => nowMs);
  for (const ms of atMs) {
    nowMs = ms;
    progress.update(ms / 10_000, () => `${ms} done`);
  }
  progress.end();
  return written;
}

test('a terminal sees one line that redraws itself and goes away', () => {
  const written = show(true, [0, 50, 5_000]);
  expect(written).toEqual([
    `\r\u001b[Kclaims [${'.'.repeat(24)}]  0 %  0 done`,
    `\r\u001b[Kclaims [${'#'.repeat(12)}${'.'.repeat(12)}] 50 %  5000 done`,
    '\r\u001b[K',
  ]);
});

test('elsewhere there are plain lines, and none for short work', () => {
  expect(show(false, [0, 1_000, 4_000])).toEqual([]);
  expect(show(false, [0, 5_000, 6_000, 10_000])).toEqual([
    'claims: 50 %, 5000 done\n',
    'claims:100 %, 10000 done\n',
  ]);
});
