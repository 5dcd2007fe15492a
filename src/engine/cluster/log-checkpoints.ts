/**
 * When segments of a cluster node's local logs may go. Their claims are flushed from the streams, not from here, so a
 * log has no watermark of its own; it gets one by comparison: at a checkpoint it is noted how far each log goes and how
 * far each shard's stream was known. Once the record store has all those streams as far as that, it has the logs.
 */
import { fileDisk } from '../../claimlog/disk.ts';
import { ENTRY_BYTES } from '../../claimlog/entry.ts';
import { LogRetention } from '../../claimlog/log-retention.ts';
import { listLogs } from '../../claimlog/segment.ts';
import { LogPosition } from '../../rings/layout.ts';

const CHECKPOINT_MS = 5_000;

export interface StreamPosition {
  readonly shard: number;
  readonly incarnation: number;
  readonly position: number;
}

interface Checkpoint {
  readonly ends: ReadonlyMap<number, number>;
  readonly streams: readonly StreamPosition[];
}

export class LogCheckpoints {
  private readonly root: string;
  private readonly retention: LogRetention;
  private readonly immediately: LogRetention;
  private readonly onRemoved: (logId: number) => void;
  private readonly logs = new Map<number, { positions: Int32Array; end: number | null }>();
  private open: Checkpoint | null = null;
  private takenMs = 0;

  constructor(root: string, keepMs: number, onRemoved: (logId: number) => void) {
    this.root = root;
    this.retention = new LogRetention(fileDisk, root, keepMs);
    this.immediately = new LogRetention(fileDisk, root, 0);
    this.onRemoved = onRemoved;
  }

  live(logId: number, positions: SharedArrayBuffer): void {
    this.logs.set(logId, { positions: new Int32Array(positions), end: null });
  }

  ended(logId: number, end: number): void {
    const log = this.logs.get(logId);
    if (log !== undefined) log.end = end;
  }

  /** All of it is stored. */
  remove(logId: number): void {
    this.immediately.sweep(logId, Number.MAX_SAFE_INTEGER, true, Date.now());
    this.logs.delete(logId);
    this.onRemoved(logId);
  }

  /**
   * `reached`: how far logs may go in each stream now, those included whose shards this node has left and that nobody
   * has stored yet; `stored`: by shard, how far the record store has it.
   */
  tick(
    reached: () => readonly StreamPosition[],
    stored: readonly { readonly incarnation: number; readonly position: number }[],
    nowMs: number,
  ): void {
    if (this.open?.streams.every((stream) => isStored(stream, stored[stream.shard]))) {
      this.sweep(this.open, nowMs);
      this.open = null;
    }
    if (this.open !== null || nowMs - this.takenMs < CHECKPOINT_MS) return;
    this.takenMs = nowMs;
    const ends = new Map<number, number>();
    for (const [logId, { positions, end }] of this.logs) {
      ends.set(logId, end ?? (Atomics.load(positions, LogPosition.synced) >>> 0) * ENTRY_BYTES);
    }
    // Behind the ends: what was logged in between is in streams that are noted as longer.
    this.open = { ends, streams: reached() };
  }

  private sweep({ ends }: Checkpoint, nowMs: number): void {
    for (const [logId, end] of ends) {
      const log = this.logs.get(logId);
      if (log === undefined) continue;
      const ended = log.end !== null && end >= log.end;
      this.retention.sweep(logId, end, ended, nowMs);
      if (!ended || listLogs(fileDisk, this.root).includes(logId)) continue;
      this.logs.delete(logId);
      this.onRemoved(logId);
    }
  }
}

/** A later incarnation was opened from the record store, so that has all of the earlier ones. */
function isStored(
  stream: StreamPosition,
  stored: { readonly incarnation: number; readonly position: number },
): boolean {
  return (
    stored.incarnation > stream.incarnation ||
    (stored.incarnation === stream.incarnation && stored.position >= stream.position)
  );
}
