/**
 * Ends a log whose owner is gone. What lies above its synced position is in doubt: it can be read, yet a power cut
 * could still take it, and after a failed sync the kernel may call it clean while the disk never got it. So the whole
 * frames of that part are copied into a new segment, synced there, and only then does the log say what was claimed.
 * The rest, a torn last frame, is cut by no longer being part of the log.
 */
import path from 'node:path';
import type { LogDisk } from './disk.ts';
import { HEADER_BYTES, HEADER_WORDS, sealFrame } from './frame.ts';
import { type LogScan, scanLog } from './log-scan.ts';
import { listSegments, logDir, segmentPath } from './segment.ts';

const TEMPORARY = '.tmp';

/**
 * Seals log `logId`; `watermark` is the offset up to which it is in the record store. Returns its final end.
 * Throws LogDamaged, or whatever the disk throws: then nothing was decided and it may be tried again.
 */
export function sealLog(disk: LogDisk, root: string, logId: number, watermark: number): number {
  const dir = logDir(root, logId);
  const frames: { words: Uint32Array; count: number }[] = [];
  // What an earlier try left, perhaps under another name: the watermark may have moved since.
  for (const name of disk.list(dir)) if (name.endsWith(TEMPORARY)) disk.remove(path.join(dir, name));
  const first = scanLog(disk, root, logId, watermark, () => {});
  if (!first.unsyncedClaims) {
    // An earlier try may have ended after its rename and before the directory was synced.
    if (disk.list(dir).length > 0) disk.syncDir(dir);
    return first.end;
  }
  const from = first.synced;
  const scan: LogScan = scanLog(disk, root, logId, from, (words, at, count) => {
    frames.push({ words: words.slice(at - HEADER_WORDS, at + count * HEADER_WORDS), count });
  });

  const target = segmentPath(root, logId, from);
  const temporary = `${target}.tmp`;
  if (disk.list(logDir(root, logId)).includes(temporary.slice(logDir(root, logId).length + 1)))
    disk.remove(temporary);
  const fd = disk.create(temporary);
  let offset = from;
  try {
    for (const { words, count } of frames) {
      const length = sealFrame(words, count, logId, offset, from);
      disk.write(fd, new Uint8Array(words.buffer, words.byteOffset, length), offset - from);
      offset += length;
    }
    // A last, empty frame tells later readers that all before it is durable: they need not copy again.
    const last = new Uint32Array(HEADER_WORDS);
    sealFrame(last, 0, logId, offset, offset);
    disk.write(fd, new Uint8Array(last.buffer), offset - from);
    disk.syncNow(fd);
  } finally {
    disk.close(fd);
  }
  disk.rename(temporary, target);
  disk.syncDir(dir);
  for (const start of listSegments(disk, root, logId)) {
    if (start > from) disk.remove(segmentPath(root, logId, start));
  }
  disk.syncDir(dir);
  return scan.end + HEADER_BYTES;
}
