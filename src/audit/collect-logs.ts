/**
 * Reads the claim logs for an audit: what lies beyond the watermarks, what is still kept below them, and, while a
 * server is selling, what came after the first look. Nothing is sealed or written. A log of a living owner counts up
 * to its synced offset; any other to its last whole frame, which is where the next start will end it.
 */
import type { LogDisk } from '../claimlog/disk.ts';
import { ENTRY_BYTES, ENTRY_WORDS } from '../claimlog/entry.ts';
import { HEADER_BYTES } from '../claimlog/frame.ts';
import { LogFollower } from '../claimlog/log-follower.ts';
import { LogDamaged, scanLog } from '../claimlog/log-scan.ts';
import { listLogs, listSegments, segmentPath } from '../claimlog/segment.ts';
import { EntryPacker } from './entry-packer.ts';
import type { LogFact } from './facts.ts';

/** Claims of kept segments looked at together. */
const FLUSHED_BATCH_ENTRIES = 8192;

export interface CollectedLogs {
  readonly logs: readonly LogFact[];
  /** Claims beyond the watermarks. */
  readonly beyond: readonly Uint8Array[];
}

/** `syncedOf`: the synced offset of a log whose owner lives, null for any other; asked after the watermarks were read. */
export function collectLogs(
  disk: LogDisk,
  root: string,
  watermarks: ReadonlyMap<number, number>,
  syncedOf: (logId: number) => number | null,
): CollectedLogs {
  const packer = new EntryPacker();
  const ids = [...new Set([...listLogs(disk, root), ...watermarks.keys()])].sort((a, b) => a - b);
  const logs = ids.map((logId) =>
    readLog(disk, root, logId, watermarks.get(logId) ?? 0, syncedOf(logId), packer),
  );
  return { logs, beyond: packer.finish() };
}

function readLog(
  disk: LogDisk,
  root: string,
  logId: number,
  watermark: number,
  synced: number | null,
  packer: EntryPacker,
): LogFact {
  const starts = listSegments(disk, root, logId);
  if (starts.length === 0) return { logId, watermark, first: null, end: null, damage: null };
  const first = starts[0];
  const limit = synced ?? Number.POSITIVE_INFINITY;
  const bytesEnd =
    starts[starts.length - 1] + sizeOf(disk, segmentPath(root, logId, starts[starts.length - 1]));
  if (watermark > bytesEnd) return { logId, watermark, first, end: bytesEnd, damage: null };
  try {
    const scan = scanLog(disk, root, logId, Math.max(watermark, first), (words, at, count, offset) => {
      if (offset + HEADER_BYTES + count * ENTRY_BYTES <= limit) packer.add(words, at, count);
    });
    return { logId, watermark, first, end: synced ?? scan.end, damage: null };
  } catch (error) {
    if (!(error instanceof LogDamaged)) throw error;
    return { logId, watermark, first, end: synced, damage: error.message };
  }
}

/** Claims below the watermarks, batch by batch, as far as segments are kept and can be read. */
export function* keptBelowWatermarks(
  disk: LogDisk,
  root: string,
  logs: readonly LogFact[],
): Generator<Uint8Array> {
  for (const { logId, watermark, first, end } of logs) {
    if (first === null || watermark <= first) continue;
    const follower = new LogFollower(disk, root, logId, first);
    const limit = Math.min(watermark, end ?? watermark);
    try {
      for (let batch = follower.next(limit, FLUSHED_BATCH_ENTRIES); batch !== null; ) {
        yield batch.entries;
        batch = follower.next(limit, FLUSHED_BATCH_ENTRIES);
      }
    } catch (error) {
      // Below the watermark the records are the truth: a log that is damaged there, or just being deleted, loses nothing.
      if (!(error instanceof LogDamaged) && (error as NodeJS.ErrnoException).code !== 'ENOENT') throw error;
    } finally {
      follower.close();
    }
  }
}

/** Claims that `isWanted` names and that were written after `logs` was collected, synced or not. */
export function claimsSince(
  disk: LogDisk,
  root: string,
  logs: readonly LogFact[],
  isWanted: (templateId: number, serial: number) => boolean,
): Uint8Array[] {
  const packer = new EntryPacker();
  const ends = new Map(logs.map(({ logId, end, watermark }) => [logId, Math.max(end ?? 0, watermark)]));
  for (const logId of listLogs(disk, root)) {
    try {
      scanLog(disk, root, logId, ends.get(logId) ?? 0, (words, at, count) => {
        for (let i = at; i < at + count * ENTRY_WORDS; i += ENTRY_WORDS) {
          if (isWanted(words[i], words[i + 1])) packer.add(words, i, 1);
        }
      });
    } catch (error) {
      // Told already, or it will be by the next look; what is wanted and not found is reported anyway.
      if (!(error instanceof LogDamaged)) throw error;
    }
  }
  return packer.finish();
}

function sizeOf(disk: LogDisk, file: string): number {
  const fd = disk.openRead(file);
  try {
    return disk.size(fd);
  } finally {
    disk.close(fd);
  }
}
