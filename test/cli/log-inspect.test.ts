/** Logs written by the writer itself, then cut, torn and overwritten the way disks and people do it. */
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { fileDisk } from '../../src/claimlog/disk.ts';
import { ENTRY_BYTES, ENTRY_WORDS, writeEntry } from '../../src/claimlog/entry.ts';
import { HEADER_BYTES, HEADER_WORDS } from '../../src/claimlog/frame.ts';
import { sealLog } from '../../src/claimlog/log-seal.ts';
import { LogWriter } from '../../src/claimlog/log-writer.ts';
import { logDir, logRoot, segmentPath } from '../../src/claimlog/segment.ts';
import { findLogs } from '../../src/cli/log/find-logs.ts';
import { inspectLog } from '../../src/cli/log/inspect-log.ts';

const LOG_ID = 7;
const FRAME_ENTRIES = 3;
const FRAME_BYTES = HEADER_BYTES + FRAME_ENTRIES * ENTRY_BYTES;

let dataDir: string;
let root: string;
beforeEach(() => {
  dataDir = fs.mkdtempSync(path.join(os.tmpdir(), 'doorbuster-inspect-'));
  root = logRoot(dataDir);
});
afterEach(() => fs.rmSync(dataDir, { recursive: true }));

function synced(writer: LogWriter): Promise<void> {
  return new Promise((resolve, reject) =>
    writer.startSync((error) => (error === null ? resolve() : reject(error))),
  );
}

let serial = 0;
function append(writer: LogWriter): void {
  const words = new Uint32Array(HEADER_WORDS + FRAME_ENTRIES * ENTRY_WORDS);
  for (let i = 0; i < FRAME_ENTRIES; i++)
    writeEntry(words, HEADER_WORDS + i * ENTRY_WORDS, 5, serial++, 42, 0, 0, 9, 0, 1000, 0, 0, 0);
  writer.append(words, FRAME_ENTRIES);
}

/** `frames` frames, each synced before the next: every frame tells that all before it is on disk. */
async function written(frames: number, segmentBytesMax = 1 << 20): Promise<LogWriter> {
  const writer = new LogWriter(fileDisk, root, LOG_ID, segmentBytesMax);
  for (let i = 0; i < frames; i++) {
    append(writer);
    await synced(writer);
  }
  return writer;
}

const segment = (from = 0): string => segmentPath(root, LOG_ID, from);

function overwrite(file: string, atByte: number, bytes: number): void {
  const content = fs.readFileSync(file);
  content.fill(0xee, atByte, atByte + bytes);
  fs.writeFileSync(file, content);
}

describe('log inspect', () => {
  test('tells segments, frames, claims and synced offsets of a log that was closed', async () => {
    const writer = await written(5, 2 * FRAME_BYTES);
    writer.close();
    const report = inspectLog(root, LOG_ID);
    expect(
      report.segments.map(({ file, from, frames, claims, gaps }) => [
        file,
        from,
        frames,
        claims,
        gaps.length,
      ]),
    ).toEqual([
      ['0000000000000000.seg', 0, 2, 6, 0],
      [path.basename(segment(2 * FRAME_BYTES)), 2 * FRAME_BYTES, 2, 6, 0],
      [path.basename(segment(4 * FRAME_BYTES)), 4 * FRAME_BYTES, 2, 3, 0],
    ]);
    expect(report).toMatchObject({ claims: 15, torn: false, inDoubt: false, damage: [], strangers: [] });
    expect(report.end).toBe(5 * FRAME_BYTES + HEADER_BYTES);
    expect(report.synced).toBe(5 * FRAME_BYTES);
  });

  test('visits every claim in order', async () => {
    await written(4);
    const seen: number[] = [];
    inspectLog(root, LOG_ID, (words, at, entries) => {
      for (let i = 0; i < entries; i++) seen.push(words[at + i * ENTRY_WORDS + 1]!);
    });
    expect(seen).toHaveLength(12);
    expect(seen).toEqual([...seen].sort((a, b) => a - b));
  });

  test('calls a last frame torn at every byte torn, never damaged', async () => {
    await written(3);
    const whole = fs.readFileSync(segment());
    for (let cut = 2 * FRAME_BYTES + 1; cut < 3 * FRAME_BYTES; cut++) {
      fs.writeFileSync(segment(), whole.subarray(0, cut));
      const report = inspectLog(root, LOG_ID);
      expect([cut, report.torn, report.damage, report.claims, report.end]).toEqual([
        cut,
        true,
        [],
        6,
        2 * FRAME_BYTES,
      ]);
      const gap = report.segments[0]!.gaps[0]!;
      expect([gap.atByte, gap.bytes, gap.framesBehind]).toEqual([
        2 * FRAME_BYTES,
        cut - 2 * FRAME_BYTES,
        false,
      ]);
    }
  });

  test('names damage below the synced offset, and counts what is whole behind it', async () => {
    await written(5);
    overwrite(segment(), FRAME_BYTES + 50, 4);
    const report = inspectLog(root, LOG_ID);
    expect(report.torn).toBe(false);
    expect(report.claims).toBe(12);
    expect(report.segments[0]!.gaps).toEqual([
      { atByte: FRAME_BYTES, bytes: FRAME_BYTES, why: 'damaged', framesBehind: true },
    ]);
    expect(report.damage.join('\n')).toContain(
      `${FRAME_BYTES} bytes from byte ${FRAME_BYTES} are no whole frame`,
    );
    expect(report.damage.join('\n')).toContain('claim log damaged below its synced position');
  });

  test('names a middle segment that is missing, or cut at the end of a frame', async () => {
    await written(6, 2 * FRAME_BYTES);
    const middle = segment(2 * FRAME_BYTES);
    fs.truncateSync(middle, FRAME_BYTES);
    expect(inspectLog(root, LOG_ID).damage.join('\n')).toContain('what was between is missing');
    fs.rmSync(middle);
    expect(inspectLog(root, LOG_ID).damage.join('\n')).toContain('what was between is missing');
  });

  test('knows a sealed log, whose end was copied, from a damaged one', async () => {
    const writer = await written(2);
    append(writer);
    append(writer);
    const before = fs.readFileSync(segment());
    fs.writeFileSync(segment(), before.subarray(0, before.length - 10));
    sealLog(fileDisk, root, LOG_ID, 0);
    const report = inspectLog(root, LOG_ID);
    expect(report).toMatchObject({ claims: 9, inDoubt: false, torn: false, damage: [] });
    expect(report.segments).toHaveLength(2);
    expect(report.segments[0]!.replacedBytes).toBeGreaterThan(0);
  });

  test('finds logs by data directory, log directory and the directory of one log, and changes nothing', async () => {
    await written(2);
    new LogWriter(fileDisk, root, 8, 1 << 20);
    fs.writeFileSync(`${segment()}.tmp`, 'half a sealing');
    const before = fs.readdirSync(dataDir, { recursive: true });
    expect(findLogs(dataDir)).toEqual({ root, logIds: [LOG_ID, 8] });
    expect(findLogs(root)).toEqual({ root, logIds: [LOG_ID, 8] });
    expect(findLogs(logDir(root, 8))).toEqual({ root, logIds: [8] });
    expect(inspectLog(root, LOG_ID).strangers).toEqual(['0000000000000000.seg.tmp']);
    expect(inspectLog(root, 8)).toMatchObject({ claims: 0, end: 0, damage: [] });
    expect(fs.readdirSync(dataDir, { recursive: true })).toEqual(before);
    expect(() => findLogs(path.join(dataDir, 'none'))).toThrow('there is no directory');
    expect(() => findLogs(segment())).toThrow('is no directory');
  });

  test('refuses a directory without logs, but not a data directory that has flushed them all', () => {
    expect(() => findLogs(dataDir)).toThrow('there are no claim logs');
    fs.mkdirSync(root);
    expect(findLogs(dataDir)).toEqual({ root, logIds: [] });
  });
});
