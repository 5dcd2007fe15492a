/** Logs in a directory of their own, on the real disk. */
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { fileDisk, type LogDisk } from '../../src/claimlog/disk.ts';
import { ENTRY_BYTES, ENTRY_WORDS, entryWords, writeEntry } from '../../src/claimlog/entry.ts';
import { HEADER_BYTES, HEADER_WORDS } from '../../src/claimlog/frame.ts';
import { scanLog } from '../../src/claimlog/log-scan.ts';
import { LogWriter } from '../../src/claimlog/log-writer.ts';
import { logDir, segmentPath } from '../../src/claimlog/segment.ts';

export const LOG_ID = 7;
export const SEGMENT_BYTES = 64 * 1024;

export class LogFiles {
  readonly root = fs.mkdtempSync(path.join(os.tmpdir(), 'doorbuster-log-'));
  private nextSerial = 0;

  dispose(): void {
    fs.rmSync(this.root, { recursive: true });
  }

  writer(segmentBytesMax = SEGMENT_BYTES, disk: LogDisk = fileDisk): LogWriter {
    return new LogWriter(disk, this.root, LOG_ID, segmentBytesMax);
  }

  /** Appends one frame with the next `count` serials; returns them. */
  append(log: LogWriter, count: number): number[] {
    const words = new Uint32Array(HEADER_WORDS + count * ENTRY_WORDS);
    const serials = Array.from({ length: count }, () => this.nextSerial++);
    serials.forEach((serial, i) => {
      const user = serial * 2_654_435_761;
      writeEntry(words, HEADER_WORDS + i * ENTRY_WORDS, 1, serial, user, 5, 0, serial, 1, 9, 3, 0, 0);
    });
    log.append(words, count);
    return serials;
  }

  segment(start: number): string {
    return segmentPath(this.root, LOG_ID, start);
  }

  get dir(): string {
    return logDir(this.root, LOG_ID);
  }

  /** The log's files by name, with their bytes. */
  bytes(): Map<string, Buffer> {
    return new Map(
      fs.readdirSync(this.dir).map((name) => [name, fs.readFileSync(path.join(this.dir, name))]),
    );
  }

  /** Makes the log's files exactly these. */
  restore(files: ReadonlyMap<string, Buffer>): void {
    fs.rmSync(this.dir, { recursive: true });
    fs.mkdirSync(this.dir);
    for (const [name, bytes] of files) fs.writeFileSync(path.join(this.dir, name), bytes);
  }

  /** Serials a scan from `watermark` visits, with how it ends. */
  scan(watermark = 0): { serials: number[]; end: number; synced: number; unsyncedClaims: boolean } {
    const serials: number[] = [];
    const scan = scanLog(fileDisk, this.root, LOG_ID, watermark, (words, at, count) => {
      for (let i = 0; i < count; i++) serials.push(words[at + i * ENTRY_WORDS + 1]);
    });
    return { serials, ...scan };
  }
}

export function synced(log: LogWriter): Promise<void> {
  return new Promise((resolve, reject) => {
    log.startSync((error) => (error === null ? resolve() : reject(error)));
  });
}

export function frameBytes(count: number): number {
  return HEADER_BYTES + count * ENTRY_BYTES;
}

export function serialsIn(entries: Uint8Array): number[] {
  const words = entryWords(entries);
  return Array.from({ length: words.length / ENTRY_WORDS }, (_, i) => words[i * ENTRY_WORDS + 1]);
}
