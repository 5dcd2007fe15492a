/** What main and the cluster thread say to each other. */
import type { MessagePort } from 'node:worker_threads';
import type { ClusterState } from '../cluster/cluster-state.ts';
import type { RowCounts } from '../cluster/main-link.ts';
import type { Trouble } from '../cluster/troubles.ts';
import type { CodeExtent } from '../domain/template.ts';
import type { ShardSeat } from '../ports-ledger.ts';

export interface ClusterData {
  readonly nodeId: string;
  /** One per process start. */
  readonly startId: string;
  readonly host: string;
  readonly redisUrl: string;
  /** How long a silent node keeps its seats. */
  readonly seatTtlMs: number;
  /** Names the installation in Redis keys. */
  readonly installation: string;
  readonly logRoot: string;
  readonly codeKey: Uint8Array;
  /** Logs of earlier processes, sealed: stored before any shard is joined (→ oldLogsStored). */
  readonly oldLogs: readonly { readonly logId: number; readonly end: number }[];
  /** ThreadCpu. */
  readonly cpu: SharedArrayBuffer;
  /** The record store (RecordStore & ClusterStore), on its own thread. */
  readonly store: MessagePort;
}

export type FromCluster =
  /** This node is registered; shards open one after the other from now on. */
  | { readonly kind: 'ready' }
  /** Answered by `quiesced`. Also asked of shards that are not open: then there is nothing to stop, answer at once. */
  | { readonly kind: 'suspend'; readonly shard: number; readonly reason: string }
  /** Answered by `tookIn`; one at a time per shard. All of them are stored, they need not go into a local log. */
  | { readonly kind: 'takeIn'; readonly shard: number; readonly entries: Uint8Array }
  /** `follow`: read the stream on from this position; null: from where this node is (cluster/main-link.ts). */
  | {
      readonly kind: 'open';
      readonly seat: ShardSeat;
      readonly head: number;
      readonly follow: number | null;
    }
  /** The store has the first `position` claims of this stream. `counts` only of rows that this node has stored. */
  | {
      readonly kind: 'watermark';
      readonly shard: number;
      readonly incarnation: number;
      readonly position: number;
      readonly counts: RowCounts | null;
    }
  | { readonly kind: 'state'; readonly state: ClusterState }
  /** Something failed and is tried again. */
  | { readonly kind: 'trouble'; readonly trouble: Trouble }
  | { readonly kind: 'oldLogsStored'; readonly logIds: readonly number[] }
  | { readonly kind: 'fatal'; readonly detail: string }
  /** `settled`: all claims in this node's local logs are stored, and it is no member any more. */
  | { readonly kind: 'stopped'; readonly settled: boolean };

export type ToCluster =
  /** An owner or follower was refused as lost by this incarnation. */
  | {
      readonly kind: 'lost';
      readonly shard: number;
      readonly incarnation: number;
      readonly detail: string;
    }
  | { readonly kind: 'fenced'; readonly shard: number; readonly epoch: number }
  /** The stream was trimmed beyond where this node is: it must be given the rest from the record store. */
  | { readonly kind: 'cutOff'; readonly shard: number; readonly incarnation: number }
  | { readonly kind: 'quiesced'; readonly shard: number }
  | { readonly kind: 'tookIn'; readonly shard: number }
  /** This node's memory has the first `position` claims of this stream. */
  | {
      readonly kind: 'applied';
      readonly shard: number;
      readonly incarnation: number;
      readonly position: number;
    }
  /** A life of an owner begins with what the record store has: by shard, at least this. */
  | {
      readonly kind: 'ownerStarts';
      readonly stored: readonly { readonly incarnation: number; readonly position: number }[];
    }
  | { readonly kind: 'extent'; readonly extent: CodeExtent }
  /** An owner writes this log; `positions` tells how far it is synced (rings/layout.ts LogPosition). */
  | { readonly kind: 'log'; readonly logId: number; readonly positions: SharedArrayBuffer }
  /** It is sealed and ends here. */
  | { readonly kind: 'logEnded'; readonly logId: number; readonly end: number }
  /** Its segments are gone: everything in it was stored. */
  | { readonly kind: 'logRemoved'; readonly logId: number }
  /** Owners have stopped and given everything back: leave, flush for `patienceMs` at most, then `stopped`. */
  | { readonly kind: 'stop'; readonly patienceMs: number };
