/** What a torn tail loses, and what damage stops: nothing that was synced is ever cut. */
import fs from 'node:fs';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { fileDisk } from '../../src/claimlog/disk.ts';
import { LogDamaged } from '../../src/claimlog/log-scan.ts';
import { sealLog } from '../../src/claimlog/log-seal.ts';
import { frameBytes, LOG_ID, LogFiles, synced } from './log-files.ts';

let files: LogFiles;

beforeEach(() => {
  files = new LogFiles();
});

afterEach(() => files.dispose());

function flip(file: string, at: number): void {
  const bytes = fs.readFileSync(file);
  bytes[at] ^= 0x10;
  fs.writeFileSync(file, bytes);
}

describe('a last frame torn at any byte', () => {
  test('is cut, and all before it is kept and survives sealing', async () => {
    const log = files.writer();
    const kept = [...files.append(log, 2), ...files.append(log, 1)];
    await synced(log);
    kept.push(...files.append(log, 3));
    const end = log.end;
    files.append(log, 2);
    const whole = files.bytes();
    const [[name, bytes]] = whole;
    for (let length = end; length < bytes.length; length++) {
      files.restore(new Map([[name, bytes.subarray(0, length)]]));
      expect(files.scan()).toMatchObject({ serials: kept, end });
      const sealedEnd = sealLog(fileDisk, files.root, LOG_ID, 0);
      expect(files.scan()).toMatchObject({ serials: kept, end: sealedEnd, unsyncedClaims: false });
    }
  });

  test('is cut also when its place is full of zeros or of another log', async () => {
    const log = files.writer();
    const kept = files.append(log, 2);
    await synced(log);
    const end = log.end;
    files.append(log, 2);
    const file = files.segment(0);
    const bytes = fs.readFileSync(file);
    bytes.fill(0, end);
    fs.writeFileSync(file, bytes);
    expect(files.scan()).toMatchObject({ serials: kept, end });
    bytes.copyWithin(end, 0);
    fs.writeFileSync(file, bytes);
    expect(files.scan()).toMatchObject({ serials: kept, end });
  });
});

describe('a bad byte', () => {
  test('below the synced position stops, and names file and offset', async () => {
    const log = files.writer();
    files.append(log, 2);
    const second = log.end;
    files.append(log, 2);
    await synced(log);
    files.append(log, 1);
    const file = files.segment(0);
    flip(file, second + 50);
    expect(() => files.scan()).toThrow(LogDamaged);
    expect(() => files.scan()).toThrow(`${file} at byte ${second} (log offset ${second})`);
    expect(() => sealLog(fileDisk, files.root, LOG_ID, 0)).toThrow(LogDamaged);
  });

  test('anywhere in a synced frame stops', async () => {
    const log = files.writer();
    files.append(log, 1);
    const end = log.end;
    await synced(log);
    files.append(log, 1);
    const file = files.segment(0);
    for (let at = 0; at < end; at++) {
      flip(file, at);
      expect(() => files.scan()).toThrow(LogDamaged);
      flip(file, at);
    }
    expect(files.scan().serials.length).toBe(2);
  });

  test('above the synced position cuts the log there, whole frames behind it included', async () => {
    const log = files.writer();
    const kept = files.append(log, 2);
    await synced(log);
    const end = log.end;
    files.append(log, 2);
    files.append(log, 2);
    flip(files.segment(0), end + 60);
    expect(files.scan()).toMatchObject({ serials: kept, end });
  });

  test('below the watermark does not matter: the record store has it', async () => {
    const log = files.writer();
    files.append(log, 2);
    const watermark = log.end;
    await synced(log);
    const rest = files.append(log, 2);
    flip(files.segment(0), 50);
    expect(files.scan(watermark).serials).toEqual(rest);
  });
});

describe('a log of several segments', () => {
  async function severalSegments(): Promise<{ starts: number[]; serials: number[] }> {
    const log = files.writer(200);
    const serials: number[] = [];
    const starts = [0];
    for (let i = 0; i < 6; i++) {
      serials.push(...files.append(log, 4));
      if (i % 2 === 1) await synced(log);
      if (log.end - starts.at(-1)! >= 200 && i < 5) starts.push(log.end);
    }
    return { starts, serials };
  }

  test('is read through, and from any frame on', async () => {
    const { starts, serials } = await severalSegments();
    expect(fs.readdirSync(files.dir).length).toBe(starts.length);
    expect(starts.length).toBeGreaterThan(2);
    expect(files.scan().serials).toEqual(serials);
    for (const i of [1, 3, 5]) expect(files.scan(frameBytes(4) * i).serials).toEqual(serials.slice(4 * i));
  });

  test('with one missing, or cut short below a synced position, stops', async () => {
    const { starts } = await severalSegments();
    const whole = files.bytes();
    const [first, second] = [files.segment(starts[0]), files.segment(starts[1])];
    fs.rmSync(second);
    expect(() => files.scan()).toThrow(LogDamaged);
    files.restore(whole);
    fs.rmSync(first);
    expect(() => files.scan()).toThrow('the segments before it are missing');
    files.restore(whole);
    for (const length of [starts[1] - 4, starts[1] - frameBytes(4), 0]) {
      fs.truncateSync(first, length);
      expect(() => files.scan()).toThrow(LogDamaged);
      files.restore(whole);
    }
    expect(files.scan().serials.length).toBe(24);
  });

  test('of which nothing was synced is cut at the first gap', () => {
    const log = files.writer(300);
    const kept = files.append(log, 4);
    const end = log.end;
    for (let i = 0; i < 3; i++) files.append(log, 4);
    const cut = fs.readdirSync(files.dir).length;
    fs.truncateSync(files.segment(0), frameBytes(4));
    expect(cut).toBeGreaterThan(1);
    expect(files.scan()).toMatchObject({ serials: kept, end });
  });
});

test('a log that ends behind its watermark, or is gone, ends at the watermark', async () => {
  const log = files.writer();
  files.append(log, 2);
  await synced(log);
  expect(files.scan(1000)).toEqual({ serials: [], end: 1000, synced: 1000, unsyncedClaims: false });
  fs.rmSync(files.dir, { recursive: true });
  expect(files.scan(1000)).toMatchObject({ serials: [], end: 1000 });
});
