/**
 * What follows the claims into the record store: a flusher of this node's logs (flusher-link.ts), or the cluster's
 * flushers of the shards' streams (cluster-link.ts).
 */
import type { CodeExtent } from '../domain/template.ts';
import type { ThreadCpu } from '../workers/thread-cpu.ts';

export interface LiveLog {
  readonly logId: number;
  /** rings/layout.ts, LogPosition. */
  readonly positions: SharedArrayBuffer;
}

export interface ClaimSink {
  /** Of its thread. */
  readonly cpu: ThreadCpu;
  /** True while the store does not take claims. */
  readonly delayed: boolean;
  /** What can't be flushed until an operator looks, with the reason. */
  readonly stuck: ReadonlyMap<number | string, string>;
  /** An owner writes this log. */
  follow(logId: number, positions: SharedArrayBuffer): void;
  /** Nobody writes it any more; it ends here. */
  ended(logId: number, end: number, watermark: number): void;
  extent(extent: CodeExtent): void;
  /** Logs that owners are writing. */
  liveLogs(): LiveLog[];
  /** Somebody waits for claims to be stored. */
  hurry(): void;
  /** Flushes what it can, and ends; resolves also when it takes longer than `patienceMs`. */
  stop(patienceMs: number): Promise<void>;
}
