/**
 * One log's way into the record store: which batch is next, and what its outcome means. Batches of a log are committed
 * one after the other; the watermark in the store decides where to go on, never what this side remembers.
 */
import type { ClaimBatch, CommitOutcome } from '../ports.ts';
import type { LogDisk } from './disk.ts';
import { LogFollower } from './log-follower.ts';
import { LogDamaged } from './log-scan.ts';

export class FlushConflict extends Error {
  override name = 'FlushConflict';
}

export class FlushTrack {
  readonly logId: number;
  private readonly follower: LogFollower;
  private watermarkOffset: number;
  /** The store said that it has this log up to here, further than was known: batches below are taken as committed. */
  private storedOffset = 0;

  constructor(disk: LogDisk, root: string, logId: number, watermark: number) {
    this.logId = logId;
    this.follower = new LogFollower(disk, root, logId, watermark);
    this.watermarkOffset = watermark;
  }

  /** Offset up to which the store has this log. */
  get watermark(): number {
    return this.watermarkOffset;
  }

  /** The next batch below `synced`, or null. Nothing may be asked for while a batch is on its way. */
  next(synced: number, entriesMax: number): ClaimBatch | null {
    if (this.storedOffset > this.watermarkOffset) {
      try {
        return this.follower.next(Math.min(synced, this.storedOffset), entriesMax);
      } catch (error) {
        // Its segments may be gone already, since all of it is stored: then it stays uncounted.
        if (!(error instanceof LogDamaged)) throw error;
        this.watermarkOffset = this.storedOffset;
        this.follower.seek(this.storedOffset);
      }
    }
    return this.follower.next(synced, entriesMax);
  }

  /** Whether the store has this batch already: then it need not be sent, only counted. */
  isStored(batch: ClaimBatch): boolean {
    return batch.toOffset <= this.storedOffset;
  }

  /** Takes in what became of the last batch. Throws FlushConflict when an operator must look. */
  settle(batch: ClaimBatch, outcome: CommitOutcome): void {
    switch (outcome.kind) {
      case 'committed':
        this.watermarkOffset = batch.toOffset;
        return;
      case 'stale':
        // An attempt whose answer was lost has moved it, or the store is older than was thought: the store knows best.
        if (outcome.offset > this.watermarkOffset) {
          this.storedOffset = outcome.offset;
          this.follower.seek(this.watermarkOffset);
        } else {
          this.watermarkOffset = outcome.offset;
          this.storedOffset = outcome.offset;
          this.follower.seek(outcome.offset);
        }
        return;
      case 'fenced':
        throw new FlushConflict(`log ${this.logId} belongs to this process, yet another has flushed it`);
      case 'conflict':
        this.follower.seek(batch.fromOffset);
        throw new FlushConflict(outcome.detail);
    }
  }

  /** The last batch's outcome is unknown: read it again from the watermark. */
  retry(): void {
    this.follower.seek(this.watermarkOffset);
  }

  close(): void {
    this.follower.close();
  }
}
