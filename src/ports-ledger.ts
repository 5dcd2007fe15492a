/**
 * What nodes ask of the ledger they share: Redis, or a model of it. Its unit is the shard: the templates that lie in
 * one hash slot, with one claim stream, one incarnation and one version (docs/decisions/0005).
 *
 * A node that joins a shard gets an epoch; `reclaim` ends it, and whatever is sent under a past epoch is refused whole.
 * Every call bears being executed twice, or late, after its caller has given up: it carries a sequence number, the
 * last outcome is kept, an older one is refused as `late`.
 *
 * A rejected promise means: unknown whether it was executed. Refusals are values:
 *   lost    the shard's data is missing, older than the caller has seen, of another incarnation, or the server that
 *           holds it was restarted or replaced since the incarnation was opened. Nothing was changed.
 *   fenced  the epoch has passed. Nothing was changed.
 */
import type { PoolRef, SerialRange } from './ports.ts';

/** Hash slots that templates are spread over. Fixed for the life of an installation. */
export const SHARDS = 16;

export function shardOf(templateId: number): number {
  return templateId % SHARDS;
}

/**
 * The profile `single` numbers its incarnations by time, in ms, without asking anybody; a cluster's are counted in the
 * record store. The two series do not compare: which profile may write is agreed there too.
 */
export const SINGLE_INCARNATION_MIN = 2 ** 40;

/** This number, or a later one of its series, was open or sealed before. */
export class StaleIncarnation extends Error {
  override readonly name = 'StaleIncarnation';
  readonly highest: number;

  constructor(incarnation: number, highest: number) {
    super(`incarnation ${incarnation} comes after ${highest}`);
    this.highest = highest;
  }
}

/** What a caller believes of a shard: sent with every call, compared before anything happens. */
export interface ShardStamp {
  readonly shard: number;
  readonly incarnation: number;
  /** The highest version this node has seen in answers of the incarnation. */
  readonly version: number;
}

/** A member of the shard. */
export interface ShardSeat extends ShardStamp {
  readonly nodeId: string;
  readonly epoch: number;
}

export type Refused = { readonly kind: 'lost'; readonly detail: string } | { readonly kind: 'fenced' };

/** Every success tells the version it left the shard at. */
export interface Done {
  readonly kind: 'done';
  readonly version: number;
}

export type JoinOutcome =
  | { readonly kind: 'joined'; readonly version: number; readonly epoch: number; readonly head: number }
  | { readonly kind: 'lost'; readonly detail: string };

/**
 * granted: `ranges` are this node's to sell. recalling: nothing free, but others hold unsold units and were asked for
 * them; a `stock` notice tells when to come again. exhausted: every unit of the pool is claimed, all claims are at or
 * before `head` in the shard's stream. closed: the pool takes no more claims. late: a repeat of an older sequence.
 */
export type SupplyOutcome =
  | { readonly kind: 'granted'; readonly version: number; readonly ranges: readonly SerialRange[] }
  | { readonly kind: 'recalling'; readonly version: number }
  | { readonly kind: 'exhausted'; readonly version: number; readonly head: number }
  | { readonly kind: 'closed'; readonly version: number }
  | { readonly kind: 'late' }
  | Refused;

/** short: not enough free units; holders were asked to give theirs back, come again. `unclaimed`: free and leased. `asked`: what is to be moved. */
export type MoveOutcome =
  | Done
  | { readonly kind: 'short'; readonly version: number; readonly unclaimed: number; readonly asked: number }
  | { readonly kind: 'lost'; readonly detail: string };

/** What a pool is made of when an incarnation is opened. */
export interface PoolPlan {
  readonly ref: PoolRef;
  /** Units ever given to it: for the general pool the template's total, for an activity its stock. */
  readonly units: number;
  readonly closed: boolean;
  readonly free: readonly SerialRange[];
  /** Units that nodes keep from before (profile `single`: what the only node has in its hands). */
  readonly leased: readonly { readonly nodeId: string; readonly ranges: readonly SerialRange[] }[];
}

/** One coupon a user holds already, as the ledger must know it to refuse the next one. */
export interface HeldCoupon {
  readonly templateId: number;
  readonly userLo: number;
  readonly userHi: number;
  readonly serial: number;
  readonly activityId: number;
  readonly keyLo: number;
  readonly keyHi: number;
}

export interface PoolState {
  readonly ref: PoolRef;
  readonly units: number;
  readonly free: readonly SerialRange[];
  readonly leases: readonly { readonly nodeId: string; readonly ranges: readonly SerialRange[] }[];
}

/** What a shard tells all nodes, at most once each and possibly never: polling is the net under it. */
export type ShardNotice =
  | { readonly kind: 'recall'; readonly shard: number; readonly ref: PoolRef; readonly all: boolean }
  | { readonly kind: 'stock'; readonly shard: number; readonly ref: PoolRef }
  /** What was asked back of the pool has gone to another one, or is not to: the rest may be leased again. */
  | { readonly kind: 'moved'; readonly shard: number; readonly ref: PoolRef }
  /** The stream has grown to `head` claims. */
  | { readonly kind: 'head'; readonly shard: number; readonly head: number };

export interface ShardLedger {
  // ---- membership
  /** `join` again under the same `joinId` gives the same epoch; under another the node's last epoch is reclaimed. */
  join(stamp: ShardStamp, nodeId: string, joinId: string, ttlMs: number): Promise<JoinOutcome>;
  /** Keeps the seat for `ttlMs` from now, by the server's clock. */
  extend(seat: ShardSeat, ttlMs: number): Promise<Done | Refused>;
  /** Ends the seats whose time has passed: their unsold units are free again. `head`: all they ever claimed is before. */
  reclaim(stamp: ShardStamp): Promise<
    | {
        readonly kind: 'reclaimed';
        readonly version: number;
        readonly nodeIds: readonly string[];
        readonly head: number;
      }
    | { readonly kind: 'lost'; readonly detail: string }
  >;
  /** Gives the seat up, with all it holds. */
  leave(seat: ShardSeat): Promise<Done | Refused>;

  // ---- stock
  /**
   * Reports units sold (profile `single`; in `cluster` the commit has taken them out already), gives `unsold` back,
   * then asks for up to `want` units. `sequence` grows by one with every call of this seat for this pool.
   */
  lease(
    seat: ShardSeat,
    ref: PoolRef,
    sequence: number,
    sold: readonly SerialRange[],
    unsold: readonly SerialRange[],
    want: number,
  ): Promise<SupplyOutcome>;
  /** The same without asking: → done, or late. */
  giveBack(
    seat: ShardSeat,
    ref: PoolRef,
    sequence: number,
    sold: readonly SerialRange[],
    unsold: readonly SerialRange[],
  ): Promise<Done | { readonly kind: 'late' } | Refused>;
  /** Asks every node for all it holds of a pool. */
  recall(stamp: ShardStamp, ref: PoolRef): Promise<Done | { readonly kind: 'lost'; readonly detail: string }>;
  /** Makes the general pool one of `total` units: serials not known yet are free. Never fewer. */
  raise(
    stamp: ShardStamp,
    templateId: number,
    total: number,
  ): Promise<Done | { readonly kind: 'lost'; readonly detail: string }>;
  /** Makes (or opens) an activity's pool one of `units` units, moved from or to the general pool. */
  fund(stamp: ShardStamp, ref: PoolRef, units: number): Promise<MoveOutcome>;
  /** Ends a pool: what is free goes to the general pool now, what is leased when it is given back. */
  closePool(
    stamp: ShardStamp,
    ref: PoolRef,
  ): Promise<Done | { readonly kind: 'lost'; readonly detail: string }>;

  // ---- incarnations
  /** Makes every later call under `incarnation` (or an older one) be refused as lost. */
  seal(shard: number, incarnation: number): Promise<void>;
  /**
   * Opens `incarnation` with exactly these pools and holders; all that was stored of others goes. Calls that were
   * sent to an earlier one stay refused. Rejects when the server was restarted meanwhile.
   */
  open(
    shard: number,
    incarnation: number,
    pools: readonly PoolPlan[],
    held: AsyncIterable<readonly HeldCoupon[]>,
  ): Promise<void>;

  // ---- the stream: claims at positions [0, head), as entries of claimlog/entry.ts
  /** Entries from position `from` on, in order; at most about `max` of them. Rejects when they were trimmed. */
  read(shard: number, incarnation: number, from: number, max: number): Promise<Uint8Array>;
  /** The position behind the last claim, or null when the incarnation is not there. */
  head(shard: number, incarnation: number): Promise<number | null>;
  /** The position of the first claim that the stream still has; its length when there is none; null when the incarnation is not there. */
  start(shard: number, incarnation: number): Promise<number | null>;
  /** Forgets claims below `position`. */
  trim(shard: number, incarnation: number, position: number): Promise<void>;

  // ---- looking
  pools(shard: number, incarnation: number): Promise<PoolState[]>;
  onNotice(listener: (notice: ShardNotice) => void): void;
  disconnect(): Promise<void>;
}
