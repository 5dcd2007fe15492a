/**
 * Reads a log that nobody appends to any more: every whole frame from a position on, and how it ends.
 *
 * A frame that is not whole is a torn tail when nothing proves that it was ever synced; then the log ends before it.
 * It is damage when a synced offset above it is known, from an earlier frame or from any valid frame found behind it.
 * Damage stops the start. Reading starts at the watermark: what lies below it is in the record store, so neither damage
 * there nor a log that ends before it matters.
 */
import type { LogDisk } from './disk.ts';
import { checkFrame, type FrameHeader, HEADER_BYTES, HEADER_WORDS } from './frame.ts';
import { listSegments, segmentPath } from './segment.ts';

export class LogDamaged extends Error {
  override name = 'LogDamaged';
  constructor(file: string, position: number, offset: number, why: string) {
    super(
      `claim log damaged below its synced position: ${file} at byte ${position} (log offset ${offset}): ${why}`,
    );
  }
}

export interface LogScan {
  /** Offset behind the last whole frame. */
  readonly end: number;
  /** Highest synced offset known; at most `end`. */
  readonly synced: number;
  /** Whether whole frames with entries lie above `synced`. */
  readonly unsyncedClaims: boolean;
}

export type FrameVisitor = (words: Uint32Array, at: number, count: number, offset: number) => void;

export function readSegment(disk: LogDisk, file: string): Uint32Array {
  const fd = disk.openRead(file);
  try {
    const size = disk.size(fd);
    const words = new Uint32Array(Math.ceil(size / 4));
    const n = disk.read(fd, new Uint8Array(words.buffer, 0, size), 0);
    // Whole frames end on word boundaries: a ragged end is torn anyway.
    return words.subarray(0, Math.floor(n / 4));
  } finally {
    disk.close(fd);
  }
}

/**
 * Visits every whole frame of log `logId` from `from` (a frame boundary) on, in order. Throws LogDamaged.
 */
export function scanLog(
  disk: LogDisk,
  root: string,
  logId: number,
  from: number,
  visit: FrameVisitor,
): LogScan {
  const starts = listSegments(disk, root, logId);
  const first = starts.findLastIndex((start) => start <= from);
  if (first < 0) {
    if (starts.length === 0) return { end: from, synced: from, unsyncedClaims: false };
    throw new LogDamaged(segmentPath(root, logId, starts[0]), 0, from, 'the segments before it are missing');
  }
  let synced = from;
  let offset = from;
  let lastClaims = 0;
  const header: FrameHeader = { length: 0, count: 0, synced: 0 };
  for (let s = first; s < starts.length; s++) {
    if (s > first && starts[s] !== offset) {
      const proof = Math.max(synced, laterSegments(disk, root, logId, starts, s - 1));
      if (proof <= offset) break;
      const file = segmentPath(root, logId, starts[s - 1]);
      throw new LogDamaged(
        file,
        offset - starts[s - 1],
        offset,
        `nothing up to ${starts[s]}, yet ${proof} was synced`,
      );
    }
    const file = segmentPath(root, logId, starts[s]);
    const words = readSegment(disk, file);
    const until = s + 1 < starts.length ? starts[s + 1] : Number.POSITIVE_INFINITY;
    let at = (offset - starts[s]) / 4;
    while (at < words.length && offset < until) {
      const check = checkFrame(words, at, logId, offset, header);
      if (check !== 'whole') {
        const proof = Math.max(
          synced,
          syncedBehind(words, at, logId, offset),
          laterSegments(disk, root, logId, starts, s),
        );
        if (proof > offset)
          throw new LogDamaged(file, at * 4, offset, `${check} frame, yet ${proof} was synced`);
        return finish(offset, synced, lastClaims);
      }
      if (header.synced > synced) synced = header.synced;
      visit(words, at + HEADER_WORDS, header.count, offset);
      if (header.count > 0) lastClaims = offset + header.length;
      offset += header.length;
      at += header.length / 4;
    }
    if (synced > offset && s === starts.length - 1) {
      throw new LogDamaged(file, at * 4, offset, `the log ends here, yet ${synced} was synced`);
    }
  }
  return finish(offset, synced, lastClaims);
}

function finish(end: number, synced: number, lastClaims: number): LogScan {
  return { end, synced: Math.min(synced, end), unsyncedClaims: lastClaims > synced };
}

/** Highest synced offset told by valid frames behind a bad one in the same segment. */
function syncedBehind(words: Uint32Array, at: number, logId: number, offset: number): number {
  const header: FrameHeader = { length: 0, count: 0, synced: 0 };
  let proof = 0;
  for (let i = 1; at + i * HEADER_WORDS < words.length; i++) {
    if (checkFrame(words, at + i * HEADER_WORDS, logId, offset + i * HEADER_BYTES, header) === 'whole') {
      proof = Math.max(proof, header.synced);
    }
  }
  return proof;
}

/** The same for the segments after it. */
function laterSegments(disk: LogDisk, root: string, logId: number, starts: number[], bad: number): number {
  const header: FrameHeader = { length: 0, count: 0, synced: 0 };
  let proof = 0;
  for (const start of starts.slice(bad + 1)) {
    const words = readSegment(disk, segmentPath(root, logId, start));
    let offset = start;
    for (let at = 0; checkFrame(words, at, logId, offset, header) === 'whole'; at += header.length / 4) {
      proof = Math.max(proof, header.synced);
      offset += header.length;
    }
  }
  return proof;
}
