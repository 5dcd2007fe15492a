import { expect, test } from 'vitest';
import { CrowdWatch } from '../../src/events/crowd-watch.ts';

test('a thousand claims a second are a crowd, as long as they come', () => {
  let won = 500;
  let nowMs = 0;
  const watch = new CrowdWatch(
    () => won,
    () => nowMs,
  );
  const after = (ms: number, claims: number): boolean => {
    nowMs += ms;
    won += claims;
    return watch.isCrowded();
  };
  expect(after(50, 0)).toBe(false);
  expect(after(200, 249)).toBe(false);
  expect(after(100, 100)).toBe(true);
  // Between two looks that follow each other closely nothing is counted.
  expect(after(10, 0)).toBe(true);
  expect(after(240, 249)).toBe(false);
  expect(after(100, 5_000)).toBe(true);
  expect(after(1_000, 0)).toBe(false);
});
