/**
 * What the nodes of a cluster agree on in the record store: who they are, which incarnation of each shard is the open
 * one, and whose local logs must be heard before the next is opened. MySQL stands behind it.
 */
import type { Activity, CodeExtent, Template } from './domain/template.ts';

/** A node that was seen this recently may be serving: its heartbeats come every few seconds. */
export const MAY_SERVE_MS = 15_000;

export interface NodeRow {
  readonly nodeId: string;
  /** One per process start. */
  readonly startId: string;
  readonly host: string;
  readonly startedAtMs: number;
  /** By the store's clock. */
  readonly seenAgoMs: number;
  readonly state: 'up' | 'stopped' | 'forgotten';
}

export interface ShardRow {
  readonly shard: number;
  /** The open incarnation, or, while rebuilding, the one that was lost. 0: none was ever opened. */
  readonly incarnation: number;
  readonly state: 'open' | 'rebuilding';
  /** The node that has taken the rebuilding on and whose patience has not passed, or null. */
  readonly rebuilder: string | null;
}

/** A node whose local log may hold claims of a shard that are nowhere else. */
export interface MemberRow {
  readonly shard: number;
  readonly nodeId: string;
  /** The last incarnation whose claims in this node's log are all in the record store. */
  readonly contributed: number;
}

export type FillOutcome =
  /** `entries`: those of the given that were not stored before, now stored. */
  | { readonly kind: 'filled'; readonly entries: Uint8Array }
  /** A unit has another holder: nothing was stored. */
  | { readonly kind: 'conflict'; readonly couponId: number; readonly detail: string };

export interface CatalogChanges {
  /** Pass it to the next call. Every save that committed before this call is in it or was in an earlier one. */
  readonly sequence: number;
  readonly templates: readonly Template[];
  readonly activities: readonly Activity[];
  readonly extents: readonly CodeExtent[];
}

/** The fact (RecordStore.keepFact) that names the one node of the profile `single`. */
export const SINGLE_NODE_FACT = 'single_node';

/** Whether a node may serve in its profile. */
export type Admission =
  | { readonly kind: 'admitted' }
  /** An operator has given it up. */
  | { readonly kind: 'forgotten' }
  /** The installation is another node's, in the profile `single`. */
  | { readonly kind: 'bound'; readonly nodeId: string }
  /** For `single`: of these nodes of a cluster, claims may be nowhere but in their logs, or they serve. */
  | { readonly kind: 'cluster'; readonly nodeIds: readonly string[] };

export interface ProfileStore {
  /**
   * `single` binds the installation to its first node and ends whatever incarnations were open. A node that was bound
   * enters a cluster as a member whose log must be heard, and the binding ends.
   */
  admitNode(nodeId: string, profile: 'single' | 'cluster'): Promise<Admission>;
}

export interface ClusterStore {
  /** What was saved after `sequence` (0: everything). */
  changesSince(sequence: number): Promise<CatalogChanges>;

  // ---- claims beside the one ordered stream
  /** Makes `commitClaims` of this log take only this fence from now on (ClaimBatch.fence); → it, and the watermark. */
  takeFence(logId: number): Promise<{ readonly fence: number; readonly offset: number }>;
  /** Stores those of `entries` that are not stored yet, as rows and as a block under `logId`, in one transaction. */
  fillIn(logId: number, entries: Uint8Array): Promise<FillOutcome>;
  /** Blocks of one log that end beyond `fromOffset`, in order, after block `afterBlock`; empty at the end. Fill-in blocks have no offsets: all are returned. */
  logBlocks(
    logId: number,
    fromOffset: number,
    afterBlock: number,
  ): Promise<{ readonly lastBlock: number; readonly entries: Uint8Array[] }>;

  // ---- nodes
  /** forgotten: an operator has given this node up; it must not serve under this id again. */
  registerNode(nodeId: string, startId: string, host: string): Promise<'registered' | 'forgotten'>;
  /** replaced: another process has registered under this id since. */
  beat(nodeId: string, startId: string): Promise<'ok' | 'forgotten' | 'replaced'>;
  /** A clean stop. */
  nodeStopped(nodeId: string, startId: string): Promise<void>;
  nodes(): Promise<NodeRow[]>;
  /** Ends its memberships, and its claim to the profile `single`. */
  forgetNode(nodeId: string): Promise<void>;

  // ---- shards
  /** Makes the rows that are missing: incarnation 0, rebuilding. */
  ensureShards(count: number): Promise<void>;
  shards(): Promise<ShardRow[]>;
  members(): Promise<MemberRow[]>;
  /** Before a node sends the first claim to an incarnation; false when that is not the open one (any more). */
  joinShard(shard: number, nodeId: string, incarnation: number): Promise<boolean>;
  /** All its claims of the shard are stored and it can make no more; nothing happens unless `incarnation` is open. */
  leaveShard(shard: number, nodeId: string, incarnation: number): Promise<void>;
  /** open → rebuilding; nothing happens unless `incarnation` is the open one. */
  declareLost(shard: number, incarnation: number): Promise<void>;
  /** This node's log holds nothing of the shard up to `incarnation` that is not stored. */
  contributed(shard: number, nodeId: string, incarnation: number): Promise<void>;
  /**
   * Takes the rebuilding on for `patienceMs`. → the number of the incarnation to make, never given out before; or who
   * is at it already; or whose logs are still to be heard.
   */
  takeRebuild(
    shard: number,
    nodeId: string,
    patienceMs: number,
  ): Promise<
    | { readonly kind: 'taken'; readonly incarnation: number; readonly lost: number }
    | { readonly kind: 'busy' }
    | { readonly kind: 'missing'; readonly nodeIds: readonly string[] }
  >;
  /** rebuilding → open at `incarnation`; false when it is not this node's to open (any more). */
  openShard(shard: number, nodeId: string, incarnation: number): Promise<boolean>;
}
