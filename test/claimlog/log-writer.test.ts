import fs from 'node:fs';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { fileDisk, type LogDisk } from '../../src/claimlog/disk.ts';
import type { LogWriter } from '../../src/claimlog/log-writer.ts';
import { listSegments } from '../../src/claimlog/segment.ts';
import { frameBytes, LOG_ID, LogFiles, synced } from './log-files.ts';

let files: LogFiles;

beforeEach(() => {
  files = new LogFiles();
});

afterEach(() => files.dispose());

/** The real disk, with each sync finished only when the test says so, and its open files counted. */
class HeldDisk {
  readonly open = new Set<number>();
  readonly syncs: { fd: number; finish: (error?: Error) => void }[] = [];
  writeFailure: Error | null = null;
  readonly disk: LogDisk = {
    ...fileDisk,
    create: (path) => {
      const fd = fileDisk.create(path);
      this.open.add(fd);
      return fd;
    },
    close: (fd) => {
      fileDisk.close(fd);
      this.open.delete(fd);
    },
    write: (fd, bytes, position) => {
      if (!this.open.has(fd)) throw new Error('written after its end');
      if (this.writeFailure === null) return fileDisk.write(fd, bytes, position);
      fileDisk.write(fd, bytes.subarray(0, bytes.length >>> 1), position);
      throw this.writeFailure;
    },
    sync: (fd, done) => {
      if (!this.open.has(fd)) throw new Error('synced after its end');
      this.syncs.push({ fd, finish: (error) => done(error ?? null) });
    },
  };
}

function starts(): number[] {
  return listSegments(fileDisk, files.root, LOG_ID);
}

describe('a log', () => {
  test('is synced up to where it was when the sync began', () => {
    const held = new HeldDisk();
    const log = files.writer(undefined, held.disk);
    files.append(log, 2);
    const begun = log.end;
    const outcomes: (Error | null)[] = [];
    log.startSync((error) => outcomes.push(error));
    files.append(log, 1);
    expect([log.synced, log.isSyncing]).toEqual([0, true]);
    held.syncs[0].finish();
    expect([log.synced, log.end, log.isSyncing]).toEqual([begun, begun + frameBytes(1), false]);
    expect(outcomes).toEqual([null]);
  });

  test('runs one sync at a time, and none for nothing', () => {
    const held = new HeldDisk();
    const log = files.writer(undefined, held.disk);
    let done = 0;
    log.startSync(() => done++);
    expect([done, held.syncs.length]).toEqual([1, 0]);
    files.append(log, 1);
    log.startSync(() => done++);
    expect(() => log.startSync(() => {})).toThrow('one sync at a time');
  });

  test('tells in each frame how far it was synced', async () => {
    const log = files.writer();
    files.append(log, 2);
    const end = log.end;
    await synced(log);
    expect(files.scan().synced).toBe(0);
    files.append(log, 1);
    expect(files.scan().synced).toBe(end);
  });

  test('goes on in a new segment when one is full, named by its first offset', () => {
    const log = files.writer(100);
    const serials = Array.from({ length: 5 }, () => files.append(log, 1)).flat();
    expect(starts()).toEqual([0, 160, 320]);
    expect(files.scan().serials).toEqual(serials);
  });

  test('that exists is not opened again', () => {
    files.append(files.writer(), 1);
    expect(() => files.writer()).toThrow('EEXIST');
  });
});

describe('a new segment while a sync is on its way', () => {
  /** One frame synced or being so, then a roll-over. */
  function rolled(writesBetween: boolean): { held: HeldDisk; log: LogWriter } {
    const held = new HeldDisk();
    const log = files.writer(100, held.disk);
    files.append(log, 2);
    log.startSync(() => {});
    if (writesBetween) files.append(log, 2);
    files.append(log, 2);
    return { held, log };
  }

  test('leaves the old file open until its sync is over', () => {
    const { held, log } = rolled(false);
    expect(held.open.size).toBe(2);
    held.syncs[0].finish();
    expect(held.open.size).toBe(1);
    expect(log.synced).toBe(frameBytes(2));
    log.startSync(() => {});
    held.syncs[1].finish();
    expect(log.synced).toBe(log.end);
    expect(held.open.size).toBe(1);
  });

  test('syncs both files when both hold news, and counts neither before the other', () => {
    const held = new HeldDisk();
    const log = files.writer(200, held.disk);
    files.append(log, 2);
    log.startSync(() => {});
    files.append(log, 2);
    files.append(log, 2);
    expect(starts().length).toBe(2);
    held.syncs[0].finish();
    expect([log.synced, held.open.size]).toEqual([frameBytes(2), 2]);
    const outcomes: (Error | null)[] = [];
    log.startSync((error) => outcomes.push(error));
    expect(held.syncs.length).toBe(3);
    held.syncs[2].finish();
    expect([log.synced, outcomes.length]).toEqual([frameBytes(2), 0]);
    held.syncs[1].finish();
    expect([log.synced, outcomes]).toEqual([log.end, [null]]);
    expect(held.open.size).toBe(1);
  });

  test('keeps no file open for ever, whichever sync ends first', () => {
    const { held, log } = rolled(false);
    held.syncs[0].finish();
    // Two files in one sync; the newer is done first, and a third segment begins before the older is.
    files.append(log, 2);
    log.startSync(() => {});
    const [older, newer] = held.syncs.slice(1);
    newer?.finish();
    files.append(log, 2);
    older.finish();
    log.startSync(() => {});
    for (const sync of held.syncs.slice(3)) sync.finish();
    expect(log.synced).toBe(log.end);
    expect(held.open.size).toBe(1);
  });
});

describe('a failure', () => {
  test('to write is thrown, and what was written before is still there', () => {
    const held = new HeldDisk();
    const log = files.writer(undefined, held.disk);
    const kept = files.append(log, 2);
    const { end } = log;
    held.writeFailure = Object.assign(new Error('no space'), { code: 'ENOSPC' });
    expect(() => files.append(log, 2)).toThrow('no space');
    expect(log.end).toBe(end);
    expect(files.scan()).toMatchObject({ serials: kept, end });
  });

  test('to sync is told, and counts nothing as synced', () => {
    const held = new HeldDisk();
    const log = files.writer(100, held.disk);
    files.append(log, 2);
    files.append(log, 2);
    const outcomes: (Error | null)[] = [];
    log.startSync((error) => outcomes.push(error));
    held.syncs[0].finish(new Error('EIO'));
    held.syncs[1].finish();
    expect(outcomes.map((error) => error?.message)).toEqual(['EIO']);
    expect(log.synced).toBe(0);
  });
});

test('a closed log ends with a frame that says all before it is synced', () => {
  const held = new HeldDisk();
  const log = files.writer(100, held.disk);
  const serials = [files.append(log, 2), files.append(log, 2)].flat();
  const { end } = log;
  log.close();
  expect(held.open.size).toBe(0);
  expect(files.scan()).toEqual({ serials, end: end + frameBytes(0), synced: end, unsyncedClaims: false });
  expect(log.synced).toBe(log.end);
});

test('a log that was closed without a claim is empty', () => {
  files.writer().close();
  expect(starts()).toEqual([0]);
  expect(fs.statSync(files.segment(0)).size).toBe(0);
});
