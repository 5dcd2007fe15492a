import fs from 'node:fs';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { fileDisk } from '../../src/claimlog/disk.ts';
import { LogFollower } from '../../src/claimlog/log-follower.ts';
import { LogDamaged } from '../../src/claimlog/log-scan.ts';
import { sealLog } from '../../src/claimlog/log-seal.ts';
import { frameBytes, LOG_ID, LogFiles, serialsIn } from './log-files.ts';

let files: LogFiles;
let follower: LogFollower;

beforeEach(() => {
  files = new LogFiles();
  follower = new LogFollower(fileDisk, files.root, LOG_ID, 0);
});

afterEach(() => {
  follower.close();
  files.dispose();
});

/** Reads up to `limit` in batches and checks that they follow on each other. */
function readAll(limit: number, entriesMax = 5): number[] {
  const serials: number[] = [];
  for (;;) {
    const from = follower.offset;
    const batch = follower.next(limit, entriesMax);
    if (batch === null) return serials;
    expect(batch).toMatchObject({ logId: LOG_ID, fromOffset: from, toOffset: follower.offset });
    serials.push(...serialsIn(batch.entries));
  }
}

describe('a follower', () => {
  test('reads across segments, behind a writer that goes on', () => {
    const log = files.writer(200);
    const written: number[] = [];
    const read: number[] = [];
    for (let i = 0; i < 40; i++) {
      written.push(...files.append(log, 1 + (i % 4)));
      if (i % 3 === 0) read.push(...readAll(log.end));
    }
    read.push(...readAll(log.end));
    expect(read).toEqual(written);
    expect(fs.readdirSync(files.dir).length).toBeGreaterThan(10);
  });

  test('never reads past the limit, and has nothing at it', () => {
    const log = files.writer();
    const first = files.append(log, 3);
    const limit = log.end;
    files.append(log, 3);
    expect(readAll(limit)).toEqual(first);
    expect(follower.next(limit, 100)).toBeNull();
    expect(follower.offset).toBe(limit);
  });

  test('takes whole frames: at least one, and no further than its measure is reached', () => {
    const log = files.writer();
    for (let i = 0; i < 4; i++) files.append(log, 3);
    expect(serialsIn(follower.next(log.end, 1)!.entries)).toEqual([0, 1, 2]);
    expect(serialsIn(follower.next(log.end, 4)!.entries)).toEqual([3, 4, 5, 6, 7, 8]);
  });

  test('reads frames that end beyond the bytes read at once', () => {
    const log = files.writer(8 * 1024 * 1024);
    const written: number[] = [];
    for (let i = 0; i < 24; i++) written.push(...files.append(log, 2777));
    expect(log.end).toBeGreaterThan(2 * 1024 * 1024);
    expect(readAll(log.end, 16_384)).toEqual(written);
  });

  test('starts again where it is told', () => {
    const log = files.writer(100);
    const written = Array.from({ length: 6 }, () => files.append(log, 2)).flat();
    readAll(log.end);
    follower.seek(frameBytes(2) * 2);
    expect(readAll(log.end)).toEqual(written.slice(4));
  });

  test('goes on in a log that was sealed meanwhile, with the file open that sealing replaced', () => {
    const log = files.writer(10_000);
    const written = files.append(log, 4);
    expect(readAll(log.end)).toEqual(written);
    const later = [...files.append(log, 4), ...files.append(log, 2)];
    const end = sealLog(fileDisk, files.root, LOG_ID, frameBytes(4));
    follower.seek(follower.offset);
    expect(readAll(end)).toEqual(later);
    expect(follower.offset).toBe(end);
  });
});

describe('what must be readable and is not', () => {
  test('is damage, named by file and place', () => {
    const log = files.writer();
    files.append(log, 2);
    const second = log.end;
    files.append(log, 2);
    const file = files.segment(0);
    const bytes = fs.readFileSync(file);
    bytes[second + 45] ^= 1;
    fs.writeFileSync(file, bytes);
    expect(serialsIn(follower.next(second, 10)!.entries)).toEqual([0, 1]);
    expect(() => follower.next(log.end, 10)).toThrow(LogDamaged);
    expect(() => new LogFollower(fileDisk, files.root, LOG_ID, second).next(log.end, 10)).toThrow(
      `${file} at byte ${second}`,
    );
  });

  test('is damage when the file ends too early or is gone', () => {
    const log = files.writer(100);
    files.append(log, 2);
    files.append(log, 2);
    fs.truncateSync(files.segment(frameBytes(2)), 60);
    expect(() => follower.next(log.end, 100)).toThrow(LogDamaged);
    fs.rmSync(files.segment(0));
    follower.seek(0);
    expect(() => follower.next(log.end, 100)).toThrow('segment is missing');
  });
});
