import fs from 'node:fs';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { fileDisk } from '../../src/claimlog/disk.ts';
import { LogRetention } from '../../src/claimlog/log-retention.ts';
import { listSegments } from '../../src/claimlog/segment.ts';
import { frameBytes, LOG_ID, LogFiles } from './log-files.ts';

const KEEP_MS = 1000;
const STEP = frameBytes(3);

let files: LogFiles;
let retention: LogRetention;
/** Four segments of one frame each, and the end of the log. */
let end: number;

beforeEach(() => {
  files = new LogFiles();
  const log = files.writer(100);
  for (let i = 0; i < 4; i++) files.append(log, 3);
  end = log.end;
  retention = new LogRetention(fileDisk, files.root, KEEP_MS);
});

afterEach(() => files.dispose());

function left(): number[] {
  return listSegments(fileDisk, files.root, LOG_ID);
}

describe('a segment', () => {
  test('goes some time after the watermark was first seen behind it, not earlier', () => {
    retention.sweep(LOG_ID, STEP, false, 5000);
    retention.sweep(LOG_ID, STEP, false, 5000 + KEEP_MS - 1);
    expect(left()).toEqual([0, STEP, 2 * STEP, 3 * STEP]);
    expect(retention.sweep(LOG_ID, STEP, false, 5000 + KEEP_MS)).toBe(1);
    expect(left()).toEqual([STEP, 2 * STEP, 3 * STEP]);
  });

  test('stays while the watermark is inside it', () => {
    for (const nowMs of [0, 10_000]) retention.sweep(LOG_ID, 2 * STEP - 40, false, nowMs);
    expect(left()).toEqual([STEP, 2 * STEP, 3 * STEP]);
  });

  test('has a time of its own', () => {
    retention.sweep(LOG_ID, STEP, false, 0);
    retention.sweep(LOG_ID, 2 * STEP, false, 600);
    retention.sweep(LOG_ID, 2 * STEP, false, KEEP_MS);
    expect(left()).toEqual([STEP, 2 * STEP, 3 * STEP]);
    retention.sweep(LOG_ID, 2 * STEP, false, 600 + KEEP_MS - 1);
    expect(left()).toEqual([STEP, 2 * STEP, 3 * STEP]);
    retention.sweep(LOG_ID, 2 * STEP, false, 600 + KEEP_MS);
    expect(left()).toEqual([2 * STEP, 3 * STEP]);
  });

  test('does not wait for the one before it to go: a busy log would never be rid of its past', () => {
    retention.sweep(LOG_ID, end, false, 0);
    expect(retention.sweep(LOG_ID, end, false, KEEP_MS)).toBe(3);
    expect(left()).toEqual([3 * STEP]);
  });

  test('that is being written stays, however far the watermark is', () => {
    for (const nowMs of [0, 10_000, 20_000, 30_000, 40_000]) retention.sweep(LOG_ID, end, false, nowMs);
    expect(left()).toEqual([3 * STEP]);
  });
});

describe('a log that has ended', () => {
  test('goes altogether, its directory too', () => {
    for (let i = 0; fs.existsSync(files.dir) && i < 10; i++) retention.sweep(LOG_ID, end, true, i * KEEP_MS);
    expect(fs.existsSync(files.dir)).toBe(false);
  });

  test('and is not there any more is no failure', () => {
    fs.rmSync(files.dir, { recursive: true });
    expect(retention.sweep(LOG_ID, end, true, 0)).toBe(0);
  });
});
