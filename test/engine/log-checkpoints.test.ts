/** A cluster node's local log may go as far as the record store has what was known of the streams at a checkpoint. */
import fs from 'node:fs';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { fileDisk } from '../../src/claimlog/disk.ts';
import { ENTRY_BYTES } from '../../src/claimlog/entry.ts';
import { listSegments } from '../../src/claimlog/segment.ts';
import { LogCheckpoints, type StreamPosition } from '../../src/engine/cluster/log-checkpoints.ts';
import { SHARDS } from '../../src/ports-ledger.ts';
import { LOG_POSITION_BYTES, LogPosition } from '../../src/rings/layout.ts';
import { frameBytes, LOG_ID, LogFiles } from '../claimlog/log-files.ts';

const CHECKPOINT_MS = 5_000;
const STEP = frameBytes(3);
const START_MS = 1_000_000;

let files: LogFiles;
let removed: number[];
let checkpoints: LogCheckpoints;
let positions: Int32Array;
/** Where the log of four segments, one frame each, ends. */
let end: number;

beforeEach(() => {
  files = new LogFiles();
  const log = files.writer(100);
  for (let i = 0; i < 4; i++) files.append(log, 3);
  end = log.end;
  removed = [];
  checkpoints = new LogCheckpoints(files.root, 0, (logId) => removed.push(logId));
  const shared = new SharedArrayBuffer(LOG_POSITION_BYTES);
  positions = new Int32Array(shared);
  checkpoints.live(LOG_ID, shared);
  synced(4 * STEP);
});

afterEach(() => files.dispose());

function synced(offset: number): void {
  Atomics.store(positions, LogPosition.synced, offset / ENTRY_BYTES);
}

function left(): number[] {
  return listSegments(fileDisk, files.root, LOG_ID);
}

function known(position: number, shard = 3, incarnation = 1): StreamPosition {
  return { shard, incarnation, position };
}

/** What the record store has: of one shard something, of the others nothing. */
function stored(
  position: number,
  shard = 3,
  incarnation = 1,
): { readonly incarnation: number; readonly position: number }[] {
  return Array.from({ length: SHARDS }, (_, i) =>
    i === shard ? { incarnation, position } : { incarnation: 0, position: 0 },
  );
}

test('segments go when the store has the streams as far as they were at the checkpoint, the one in use stays', () => {
  checkpoints.tick(() => [known(12)], stored(0), START_MS);
  checkpoints.tick(() => [known(40)], stored(11), START_MS + 1);
  expect(left().length).toBe(4);
  checkpoints.tick(() => [known(40)], stored(12), START_MS + 2);
  expect(left()).toEqual([3 * STEP]);
});

test('what was synced after the checkpoint waits for the next one', () => {
  synced(2 * STEP);
  checkpoints.tick(() => [known(6)], stored(0), START_MS);
  synced(4 * STEP);
  checkpoints.tick(() => [known(12)], stored(6), START_MS + 1);
  expect(left()).toEqual([2 * STEP, 3 * STEP]);
  // The next checkpoint is taken when its time has come, however far the store is.
  checkpoints.tick(() => [known(12)], stored(12), START_MS + CHECKPOINT_MS - 1);
  checkpoints.tick(() => [known(12)], stored(12), START_MS + CHECKPOINT_MS - 1);
  expect(left()).toEqual([2 * STEP, 3 * STEP]);
  checkpoints.tick(() => [known(12)], stored(12), START_MS + CHECKPOINT_MS);
  checkpoints.tick(() => [known(12)], stored(12), START_MS + CHECKPOINT_MS + 1);
  expect(left()).toEqual([3 * STEP]);
});

test('every stream must be stored: one that lags keeps the log', () => {
  checkpoints.tick(() => [known(12), known(1, 4)], stored(0), START_MS);
  checkpoints.tick(() => [], stored(12), START_MS + 1);
  expect(left().length).toBe(4);
  const both = stored(12);
  both[4] = { incarnation: 1, position: 1 };
  checkpoints.tick(() => [], both, START_MS + 2);
  expect(left()).toEqual([3 * STEP]);
});

test('an incarnation that was replaced is stored, one that the store has not heard of is not', () => {
  checkpoints.tick(() => [known(12, 3, 2)], stored(0), START_MS);
  checkpoints.tick(() => [], stored(99, 3, 1), START_MS + 1);
  expect(left().length).toBe(4);
  checkpoints.tick(() => [], stored(0, 3, 3), START_MS + 2);
  expect(left()).toEqual([3 * STEP]);
});

test('a log that has ended goes altogether once its end was behind a checkpoint, and that is told', () => {
  checkpoints.tick(() => [known(12)], stored(0), START_MS);
  checkpoints.ended(LOG_ID, end);
  synced(0);
  checkpoints.tick(() => [], stored(12), START_MS + 1);
  expect([fs.existsSync(files.dir), removed]).toEqual([false, [LOG_ID]]);
});

test('a log that grew after the checkpoint before it ended stays until the next one', () => {
  synced(3 * STEP);
  checkpoints.tick(() => [known(9)], stored(0), START_MS);
  checkpoints.ended(LOG_ID, end);
  checkpoints.tick(() => [], stored(9), START_MS + 1);
  expect([left(), removed]).toEqual([[3 * STEP], []]);
  checkpoints.tick(() => [known(12)], stored(9), START_MS + CHECKPOINT_MS);
  checkpoints.tick(() => [], stored(12), START_MS + CHECKPOINT_MS + 1);
  expect([left(), removed]).toEqual([[], [LOG_ID]]);
});

test('an old log that is stored altogether goes at once, and without its files that is no failure', () => {
  checkpoints.remove(LOG_ID);
  expect([fs.existsSync(files.dir), removed]).toEqual([false, [LOG_ID]]);
  checkpoints.remove(99);
  expect(removed).toEqual([LOG_ID, 99]);
});
