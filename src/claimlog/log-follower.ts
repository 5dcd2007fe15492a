/**
 * Reads a log behind its writer: whole frames from a position up to a limit that the writer says is synced.
 * Below that limit everything must be readable and right; anything else is damage and is thrown.
 */
import type { ClaimBatch } from '../ports.ts';
import type { LogDisk } from './disk.ts';
import { ENTRY_BYTES } from './entry.ts';
import { checkFrame, type FrameHeader, HEADER_WORDS } from './frame.ts';
import { LogDamaged } from './log-scan.ts';
import { listSegments, segmentPath } from './segment.ts';

const CHUNK_BYTES = 1024 * 1024;
/** What is read at a time. One for all: what `next` returns is copied out of it. */
const chunk = new Uint32Array(CHUNK_BYTES / 4);

export class LogFollower {
  readonly logId: number;
  private readonly disk: LogDisk;
  private readonly root: string;
  private position: number;
  private fd = -1;
  private segmentStart = 0;
  private segmentEnd = 0;

  constructor(disk: LogDisk, root: string, logId: number, offset: number) {
    this.disk = disk;
    this.root = root;
    this.logId = logId;
    this.position = offset;
  }

  get offset(): number {
    return this.position;
  }

  /** Starts again from `offset`, a frame boundary. */
  seek(offset: number): void {
    this.position = offset;
    this.closeFile();
  }

  /** The next frames below `limit`, about `entriesMax` entries at most (at least one frame); null when there is none. */
  next(limit: number, entriesMax: number): ClaimBatch | null {
    const from = this.position;
    const parts: Uint8Array[] = [];
    let entries = 0;
    const header: FrameHeader = { length: 0, count: 0, synced: 0 };
    let words: Uint32Array<ArrayBuffer> = chunk.subarray(0, 0);
    let at = 0;
    while (this.position < limit && entries < entriesMax) {
      let check = checkFrame(words, at, this.logId, this.position, header);
      if (check === 'short') {
        words = this.fill(Math.max(CHUNK_BYTES, header.length));
        at = 0;
        check = checkFrame(words, at, this.logId, this.position, header);
        if (check === 'short' && header.length > words.byteLength) {
          words = this.fill(header.length);
          check = checkFrame(words, at, this.logId, this.position, header);
        }
      }
      if (check !== 'whole') {
        const file = segmentPath(this.root, this.logId, this.segmentStart);
        throw new LogDamaged(
          file,
          this.position - this.segmentStart,
          this.position,
          `${check} frame below ${limit}`,
        );
      }
      if (header.count > 0) {
        const start = words.byteOffset + (at + HEADER_WORDS) * 4;
        parts.push(new Uint8Array(words.buffer.slice(start, start + header.count * ENTRY_BYTES)));
        entries += header.count;
      }
      at += header.length / 4;
      this.position += header.length;
    }
    if (this.position === from) return null;
    return {
      logId: this.logId,
      fromOffset: from,
      toOffset: this.position,
      entries: concat(parts, entries * ENTRY_BYTES),
    };
  }

  close(): void {
    this.closeFile();
  }

  private fill(bytes: number): Uint32Array<ArrayBuffer> {
    if (this.fd < 0 || this.position >= this.segmentEnd) this.openSegment();
    const buffer = bytes > CHUNK_BYTES ? new Uint32Array(Math.ceil(bytes / 4)) : chunk;
    const room = Math.min(buffer.byteLength, this.segmentEnd - this.position);
    let n = this.disk.read(
      this.fd,
      new Uint8Array(buffer.buffer, 0, room),
      this.position - this.segmentStart,
    );
    if (n === 0 && this.segmentEnd === Number.POSITIVE_INFINITY) {
      // The writer may have gone on to a new segment since this one was opened.
      this.openSegment();
      n = this.disk.read(this.fd, new Uint8Array(buffer.buffer, 0, room), this.position - this.segmentStart);
    }
    return buffer.subarray(0, Math.floor(n / 4));
  }

  private openSegment(): void {
    this.closeFile();
    const starts = listSegments(this.disk, this.root, this.logId);
    const index = starts.findLastIndex((start) => start <= this.position);
    if (index < 0) {
      throw new LogDamaged(
        segmentPath(this.root, this.logId, this.position),
        0,
        this.position,
        'segment is missing',
      );
    }
    this.segmentStart = starts[index];
    this.segmentEnd = index + 1 < starts.length ? starts[index + 1] : Number.POSITIVE_INFINITY;
    this.fd = this.disk.openRead(segmentPath(this.root, this.logId, this.segmentStart));
  }

  private closeFile(): void {
    if (this.fd >= 0) this.disk.close(this.fd);
    this.fd = -1;
  }
}

function concat(parts: readonly Uint8Array[], bytes: number): Uint8Array {
  const all = new Uint8Array(bytes);
  let at = 0;
  for (const part of parts) {
    all.set(part, at);
    at += part.length;
  }
  return all;
}
