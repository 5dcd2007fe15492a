/** Sealing copies what is in doubt to a new segment; killed at any step, it can be done again. */
import fs from 'node:fs';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { fileDisk, type LogDisk } from '../../src/claimlog/disk.ts';
import { LogDamaged } from '../../src/claimlog/log-scan.ts';
import { sealLog } from '../../src/claimlog/log-seal.ts';
import { listSegments } from '../../src/claimlog/segment.ts';
import { frameBytes, LOG_ID, LogFiles, synced } from './log-files.ts';

let files: LogFiles;

beforeEach(() => {
  files = new LogFiles();
});

afterEach(() => files.dispose());

const CHANGING = ['create', 'write', 'syncNow', 'rename', 'syncDir', 'remove'] as const;

/** The real disk, until its n-th changing call: that one fails, after doing half of its work or none. */
function failingAt(n: number, half: boolean): { disk: LogDisk; calls: string[] } {
  const calls: string[] = [];
  const disk = { ...fileDisk };
  for (const name of CHANGING) {
    const real = fileDisk[name] as (...args: unknown[]) => unknown;
    (disk as unknown as Record<string, unknown>)[name] = (...args: unknown[]) => {
      calls.push(name);
      if (calls.length !== n) return real(...args);
      if (half && name === 'write') {
        const [fd, bytes, position] = args as [number, Uint8Array, number];
        fileDisk.write(fd, bytes.subarray(0, bytes.length >>> 1), position);
      } else if (half) real(...args);
      throw new Error(`killed in ${name}`);
    };
  }
  return { disk, calls };
}

/** Three segments; the second half of the log was never synced, or so the log thinks. */
async function inDoubt(): Promise<number[]> {
  const log = files.writer(300);
  const serials = [...files.append(log, 4), ...files.append(log, 4)];
  await synced(log);
  for (let i = 0; i < 4; i++) serials.push(...files.append(log, 3));
  return serials;
}

describe('sealing', () => {
  test('makes everything whole durable, in one new segment, and says where the log ends', async () => {
    const serials = await inDoubt();
    const before = files.scan();
    expect(before).toMatchObject({ serials, unsyncedClaims: true, synced: 2 * frameBytes(4) });
    const end = sealLog(fileDisk, files.root, LOG_ID, 0);
    expect(files.scan()).toEqual({ serials, end, synced: before.end, unsyncedClaims: false });
    expect(listSegments(fileDisk, files.root, LOG_ID)).toEqual([0, before.synced]);
  });

  test('of a log that is sealed, or was closed, changes nothing', async () => {
    await inDoubt();
    const end = sealLog(fileDisk, files.root, LOG_ID, 0);
    const sealed = files.bytes();
    expect(sealLog(fileDisk, files.root, LOG_ID, 0)).toBe(end);
    expect(files.bytes()).toEqual(sealed);
  });

  test('needs nothing from a log that its writer closed', () => {
    const log = files.writer(100);
    for (let i = 0; i < 5; i++) files.append(log, 2);
    log.close();
    const closed = files.bytes();
    expect(sealLog(fileDisk, files.root, LOG_ID, 0)).toBe(log.end);
    expect(files.bytes()).toEqual(closed);
    expect(files.scan()).toMatchObject({ unsyncedClaims: false });
  });

  test('leaves what is below the watermark where it is', async () => {
    const serials = await inDoubt();
    const watermark = 2 * frameBytes(4) + frameBytes(3);
    const end = sealLog(fileDisk, files.root, LOG_ID, watermark);
    expect(files.scan(watermark)).toMatchObject({ serials: serials.slice(11), end, unsyncedClaims: false });
  });

  test('of a log that was never written, or is gone, ends where the watermark is', () => {
    expect(sealLog(fileDisk, files.root, LOG_ID, 40)).toBe(40);
    files.writer();
    expect(sealLog(fileDisk, files.root, LOG_ID, 0)).toBe(0);
  });

  test('refuses a damaged log and changes nothing', async () => {
    const log = files.writer();
    files.append(log, 2);
    await synced(log);
    files.append(log, 2);
    const file = files.segment(0);
    const bytes = fs.readFileSync(file);
    bytes[60] ^= 1;
    fs.writeFileSync(file, bytes);
    const damaged = files.bytes();
    expect(() => sealLog(fileDisk, files.root, LOG_ID, 0)).toThrow(LogDamaged);
    expect(files.bytes()).toEqual(damaged);
  });
});

describe.each([
  ['before', false],
  ['in the middle of, or just after,', true],
])('sealing that is killed %s any disk call', (_, half) => {
  test('decides nothing, and the next try seals the same claims', async () => {
    const serials = await inDoubt();
    const original = files.bytes();
    const whole = failingAt(0, half);
    const end = sealLog(whole.disk, files.root, LOG_ID, 0);
    expect(new Set(whole.calls)).toEqual(new Set(CHANGING));
    for (let n = 1; n <= whole.calls.length; n++) {
      files.restore(original);
      expect(() => sealLog(failingAt(n, half).disk, files.root, LOG_ID, 0)).toThrow(
        `killed in ${whole.calls[n - 1]}`,
      );
      expect(files.scan().serials).toEqual(serials);
      const sealedEnd = sealLog(fileDisk, files.root, LOG_ID, 0);
      expect(files.scan()).toEqual({
        serials,
        end: sealedEnd,
        synced: end - frameBytes(0),
        unsyncedClaims: false,
      });
      expect(sealedEnd).toBe(end);
      expect(fs.readdirSync(files.dir).filter((name) => name.endsWith('.tmp'))).toEqual([]);
    }
  });

  test('twice, at any two calls, is no worse', async () => {
    const serials = await inDoubt();
    const original = files.bytes();
    const steps = failingAt(0, half);
    const end = sealLog(steps.disk, files.root, LOG_ID, 0);
    for (let first = 1; first <= steps.calls.length; first++) {
      for (let second = 1; second <= steps.calls.length; second += 2) {
        files.restore(original);
        expect(() => sealLog(failingAt(first, half).disk, files.root, LOG_ID, 0)).toThrow('killed');
        try {
          sealLog(failingAt(second, half).disk, files.root, LOG_ID, 0);
        } catch (error) {
          expect(String(error)).toContain('killed');
        }
        expect(sealLog(fileDisk, files.root, LOG_ID, 0)).toBe(end);
        expect(files.scan().serials).toEqual(serials);
      }
    }
  });
});

test('what an earlier try left under another name goes, although the watermark has moved since', async () => {
  await inDoubt();
  const { disk } = failingAt(3, true);
  expect(() => sealLog(disk, files.root, LOG_ID, 0)).toThrow('killed');
  expect(fs.readdirSync(files.dir).some((name) => name.endsWith('.tmp'))).toBe(true);
  sealLog(fileDisk, files.root, LOG_ID, 2 * frameBytes(4) + frameBytes(3));
  expect(fs.readdirSync(files.dir).some((name) => name.endsWith('.tmp'))).toBe(false);
});
