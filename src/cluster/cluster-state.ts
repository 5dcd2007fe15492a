/** What the node tells of its part in the cluster: for /readyz, metrics and the log. Plain values, they cross threads. */

/**
 * closed: not joined yet (this node's old logs are not stored yet, or its memory is not complete). rebuilding: an
 * incarnation was lost and the next one is not open. suspended: this node's seat has passed, it is joining anew.
 */
export type ShardPhase = 'closed' | 'rebuilding' | 'suspended' | 'open';

export interface ShardState {
  readonly shard: number;
  readonly phase: ShardPhase;
  /** As the record store has it; 0: none was ever opened. */
  readonly incarnation: number;
  /** Why it is not open, in words for an operator; null when it is. */
  readonly why: string | null;
  /** Nodes whose local logs must be heard before the shard can be opened again. */
  readonly waitingFor: readonly string[];
  /** Claims in the stream, as last seen. */
  readonly head: number;
  /** How many of them are in the record store. */
  readonly stored: number;
  /** Flushing of this shard has stopped until an operator looks, and why. */
  readonly stuck: string | null;
  /** Why the ledger could not be asked about the shard the last time; null: it could. */
  readonly ledgerAway: string | null;
}

export interface ClusterState {
  readonly shards: readonly ShardState[];
  /** Since when the record store could not be reached (local clock); null: it can. */
  readonly storeAwaySinceMs: number | null;
}
