/**
 * What the coordination asks of the node's claim path. In the process it is the main thread behind a message port
 * (workers/cluster-messages.ts); in tests a plain object.
 */
import type { ShardSeat } from '../ports-ledger.ts';
import type { ClusterState } from './cluster-state.ts';
import type { Trouble } from './troubles.ts';

/** Rows stored, by template. */
export type RowCounts = readonly (readonly [templateId: number, rows: number])[];

export interface MainLink {
  /**
   * Refuse what is in flight in this shard, commit to it no more, append nothing of it to the local logs. Resolves
   * when that is so and everything of the shard in the local logs is synced.
   */
  suspend(shard: number, reason: string): Promise<void>;
  /** Claims of the shard that this node may not know; they are stored. Resolves when its memory has them. */
  takeIn(shard: number, entries: Uint8Array): Promise<void>;
  /**
   * The shard may be used under this seat. `follow`: the stream position from which this node must read on, all before
   * is in its memory; null: it goes on where it is. `head`: the stream's length when it joined.
   */
  open(seat: ShardSeat, head: number, follow: number | null): void;
  /**
   * The store has this stream up to `position` claims. `counts`: rows stored with it when it was this node's flusher;
   * null when another node's flusher did it.
   */
  watermark(shard: number, incarnation: number, position: number, counts: RowCounts | null): void;
  state(state: ClusterState): void;
  /** Something failed and is tried again. */
  trouble(trouble: Trouble): void;
  /** All claims of these logs of earlier processes are stored: they may be removed. */
  oldLogsStored(logIds: readonly number[]): void;
  /** This node must not go on. */
  fatal(detail: string): void;
}
