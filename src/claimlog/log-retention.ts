/** Deletes segments, but only some time after a committed watermark passed them: an older database can be flushed again. */
import type { LogDisk } from './disk.ts';
import { listLogs, listSegments, logDir, segmentPath } from './segment.ts';

export class LogRetention {
  private readonly disk: LogDisk;
  private readonly root: string;
  private readonly keepMs: number;
  /** When a segment was first seen to lie behind the watermark, by path. */
  private readonly passedAtMs = new Map<string, number>();

  constructor(disk: LogDisk, root: string, keepMs: number) {
    this.disk = disk;
    this.root = root;
    this.keepMs = keepMs;
  }

  /** `ended`: nobody appends to this log. Returns how many files went. */
  sweep(logId: number, watermark: number, ended: boolean, nowMs: number): number {
    const starts = listSegments(this.disk, this.root, logId);
    let removed = 0;
    for (let i = 0; i < starts.length; i++) {
      const last = i === starts.length - 1;
      // The last segment of a live log is being written; of an ended one it goes when all of it was flushed.
      if (last ? !ended : starts[i + 1] > watermark) break;
      const file = segmentPath(this.root, logId, starts[i]);
      const passedAtMs = this.passedAtMs.get(file) ?? nowMs;
      this.passedAtMs.set(file, passedAtMs);
      // Later ones were passed later, so none of them goes before this one; but their time begins now, not after it.
      if (nowMs - passedAtMs < this.keepMs) continue;
      this.disk.remove(file);
      this.passedAtMs.delete(file);
      removed++;
    }
    // A life that failed early never made its directory.
    if (ended && removed === starts.length && listLogs(this.disk, this.root).includes(logId)) {
      this.disk.removeDir(logDir(this.root, logId));
    }
    return removed;
  }
}
