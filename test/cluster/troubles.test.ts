/** A failure that repeats is told at once, and then once in a while with how often it was. */
import { expect, test } from 'vitest';
import { type Trouble, Troubles } from '../../src/cluster/troubles.ts';

test('the first is told at once, the next ones together every ten seconds', () => {
  let nowMs = 5;
  const told: Trouble[] = [];
  const troubles = new Troubles(
    () => nowMs,
    (trouble) => told.push(trouble),
  );
  for (; nowMs < 25_000; nowMs += 100) troubles.met('it failed', new Error(`at ${nowMs}`), 'shard 3');
  expect(told).toEqual([
    { what: 'it failed', detail: 'shard 3: at 5', times: 1 },
    { what: 'it failed', detail: 'shard 3: at 10005', times: 100 },
    { what: 'it failed', detail: 'shard 3: at 20005', times: 100 },
  ]);
  troubles.met('another thing failed', 'in words');
  expect(told.at(-1)).toEqual({ what: 'another thing failed', detail: 'in words', times: 1 });
});
