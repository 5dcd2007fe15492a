/**
 * The claim path of several nodes: one owner commits what one of its drains wants of one shard, in one atomic step of
 * the ledger. Used by the owner thread itself, on its own connection.
 *
 * The step: check the stamp and the seat; for each claim in order: does the user hold one already (same key, or limit
 * one and it counts)? → that coupon · at the limit → the newest · else the next of the offered units. What was accepted is appended
 * to the shard's stream, in that order, and taken out of the node's lease.
 *
 * A batch carries (node, owner, life, sequence). The last sequence sent again gets its verdicts again; an older life or
 * sequence is refused whole.
 */
import type { Refused, ShardSeat } from './ports-ledger.ts';

/** What one batch wants of one pool. */
export interface CommitGroup {
  readonly templateId: number;
  readonly activityId: number;
  readonly poolLimit: number;
  readonly templateLimit: number;
  /**
   * Four words a claim: user lo, user hi, key lo, key hi (key 0 0: none).
   */
  readonly claims: Uint32Array;
  /** A word a claim (actors/spent.ts): how many of the user's coupons the limits do not count. null: they count all. */
  readonly spent: Uint32Array | null;
  /** Three words a unit, in the order they are to be sold: serial, code lo, code hi | time hi << 16 (claimlog/entry.ts). */
  readonly units: Uint32Array;
}

export interface CommitBatch {
  readonly seat: ShardSeat;
  readonly owner: number;
  /** Grows with every life of the owner in this node's seat. */
  readonly life: number;
  readonly sequence: number;
  /** Low word of the claims' time; the high one stands with the units. */
  readonly timeLo: number;
  readonly groups: readonly CommitGroup[];
}

/** Verdicts of the ledger, per claim. */
export const Committed = {
  /** The next of the offered units. */
  claimed: 1,
  /** The user's coupon of this pool, or the one claimed with this key. */
  already: 2,
  /** At a limit; the user's newest coupon. */
  limit: 3,
  /** Might have one, but no unit was offered any more; the user's newest coupon, or NO_COUPON. */
  noUnit: 4,
} as const;

/** The serial beside noUnit of a user who holds nothing of the template. */
export const NO_COUPON = 0xffff_ffff;

export type CommitAnswer =
  /** In the order of the groups and their claims. `head`: the stream's length after this batch. */
  | {
      readonly kind: 'committed';
      readonly version: number;
      readonly head: number;
      readonly verdicts: Uint8Array;
      /** Serials by claim. */
      readonly serials: Uint32Array;
    }
  | { readonly kind: 'late' }
  | Refused;

export interface CommitLedger {
  commit(batch: CommitBatch): Promise<CommitAnswer>;
  /** From now on nothing of an earlier life of this owner is executed any more; → the stream's length. */
  fenceOwner(
    seat: ShardSeat,
    owner: number,
    life: number,
  ): Promise<
    | { readonly kind: 'done'; readonly version: number; readonly head: number }
    | { readonly kind: 'late' }
    | Refused
  >;
}
