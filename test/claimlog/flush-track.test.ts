import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { fileDisk } from '../../src/claimlog/disk.ts';
import { FlushConflict, FlushTrack } from '../../src/claimlog/flush-track.ts';
import type { LogWriter } from '../../src/claimlog/log-writer.ts';
import type { ClaimBatch } from '../../src/ports.ts';
import { frameBytes, LOG_ID, LogFiles, serialsIn } from './log-files.ts';

let files: LogFiles;
let log: LogWriter;
let track: FlushTrack;

beforeEach(() => {
  files = new LogFiles();
  log = files.writer();
  for (let i = 0; i < 4; i++) files.append(log, 2);
  track = new FlushTrack(fileDisk, files.root, LOG_ID, 0);
});

afterEach(() => {
  track.close();
  files.dispose();
});

function next(): ClaimBatch {
  return track.next(log.end, 1)!;
}

describe('after a batch', () => {
  test('that was committed the next one follows on it', () => {
    track.settle(next(), { kind: 'committed' });
    expect(track.watermark).toBe(frameBytes(2));
    expect(serialsIn(next().entries)).toEqual([2, 3]);
  });

  test('that was stale, what the store has already comes again to be counted, and is not sent', () => {
    track.settle(next(), { kind: 'stale', offset: 3 * frameBytes(2) });
    expect(track.watermark).toBe(0);
    for (const serials of [
      [0, 1],
      [2, 3],
      [4, 5],
    ]) {
      const batch = next();
      expect(serialsIn(batch.entries)).toEqual(serials);
      expect(track.isStored(batch)).toBe(true);
      track.settle(batch, { kind: 'committed' });
    }
    expect(track.watermark).toBe(3 * frameBytes(2));
    const fresh = next();
    expect(serialsIn(fresh.entries)).toEqual([6, 7]);
    expect(track.isStored(fresh)).toBe(false);
  });

  test('that was stale in its middle, only the part that is stored comes again first', () => {
    const batch = track.next(log.end, 4)!;
    track.settle(batch, { kind: 'stale', offset: frameBytes(2) });
    const stored = track.next(log.end, 4)!;
    expect(serialsIn(stored.entries)).toEqual([0, 1]);
    expect(track.isStored(stored)).toBe(true);
  });

  test('that was stale, the store decides where to go on: back', () => {
    track.settle(next(), { kind: 'committed' });
    track.settle(next(), { kind: 'stale', offset: 0 });
    expect(track.watermark).toBe(0);
    expect(serialsIn(next().entries)).toEqual([0, 1]);
  });

  test('whose outcome is unknown the same one comes again', () => {
    track.settle(next(), { kind: 'committed' });
    const lost = next();
    track.retry();
    expect(next()).toEqual(lost);
  });

  test('that is in conflict an operator must look, and the watermark stays', () => {
    const batch = next();
    const settle = (): void =>
      track.settle(batch, { kind: 'conflict', couponId: 1, detail: 'coupon 1 differs' });
    expect(settle).toThrow(FlushConflict);
    expect(settle).toThrow('coupon 1 differs');
    expect(track.watermark).toBe(0);
    expect(next()).toEqual(batch);
  });
});

test('a track begins where the store says', () => {
  track.close();
  track = new FlushTrack(fileDisk, files.root, LOG_ID, 2 * frameBytes(2));
  expect(serialsIn(next().entries)).toEqual([4, 5]);
});

test('there is no batch past what is synced', () => {
  expect(track.next(0, 10)).toBeNull();
  expect(track.next(frameBytes(2), 10)?.toOffset).toBe(frameBytes(2));
  expect(track.next(frameBytes(2), 10)).toBeNull();
});
