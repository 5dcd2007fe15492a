/** The claim logs on this node's disk, for reading everything that is durable in them. */
import type { LogDisk } from '../claimlog/disk.ts';
import { LogFollower } from '../claimlog/log-follower.ts';
import { listSegments } from '../claimlog/segment.ts';
import { FLUSH_BATCH_ENTRIES_MAX } from '../limits.ts';
import type { Watermark } from '../ports.ts';

export interface EndedLog {
  readonly logId: number;
  readonly end: number;
}

export class LocalLogs {
  private readonly disk: LogDisk;
  private readonly root: string;
  /** Up to where each log counts. */
  private readonly limits = new Map<number, () => number>();
  /** Logs of earlier processes. */
  private old: number[];

  constructor(disk: LogDisk, root: string, oldLogs: readonly EndedLog[]) {
    this.disk = disk;
    this.root = root;
    this.old = oldLogs.map(({ logId }) => logId);
    for (const { logId, end } of oldLogs) this.ended(logId, end);
  }

  /** An owner writes it; `synced` tells how far it is durable. */
  live(logId: number, synced: () => number): void {
    this.limits.set(logId, synced);
  }

  ended(logId: number, end: number): void {
    this.limits.set(logId, () => end);
  }

  removed(logId: number): void {
    this.limits.delete(logId);
  }

  get oldLogIds(): readonly number[] {
    return this.old;
  }

  /** They are stored: nobody reads them again. */
  dropOldLogs(): void {
    for (const logId of this.old) this.limits.delete(logId);
    this.old = [];
  }

  /**
   * All durable claims, a batch at a time. A log that has a watermark of its own (profile `single`) is read from there
   * on: what lies below may be damaged without harm. Throws LogDamaged.
   */
  *batches(watermarks: readonly Watermark[]): Generator<Uint8Array> {
    for (const [logId, limit] of [...this.limits]) {
      const [first] = listSegments(this.disk, this.root, logId);
      if (first === undefined) continue;
      const stored = watermarks.find((watermark) => watermark.logId === logId)?.offset ?? 0;
      const follower = new LogFollower(this.disk, this.root, logId, Math.max(first, stored));
      try {
        const until = limit();
        for (;;) {
          const batch = follower.next(until, FLUSH_BATCH_ENTRIES_MAX);
          if (batch === null) break;
          if (batch.entries.length > 0) yield batch.entries;
        }
      } finally {
        follower.close();
      }
    }
  }
}
