/**
 * What the engine asks of the outside. A port stands only where several real implementations stand behind it:
 * the ledger (memory, Redis), the disk under the claim log (files, simulated), the record store (SQLite, MySQL).
 */
import type { Activity, CodeExtent, Template } from './domain/template.ts';
import type { CouponState } from './ports-coupons.ts';

// ---------------------------------------------------------------- record store

/** Up to where a log has been projected. Positions are byte offsets inside the log with that id. */
export interface Watermark {
  readonly logId: number;
  readonly offset: number;
}

/** Claims between two positions of one log, as they stand there: entries of `ENTRY_BYTES` each (claimlog/entry.ts). */
export interface ClaimBatch {
  readonly logId: number;
  readonly fromOffset: number;
  readonly toOffset: number;
  readonly entries: Uint8Array;
  /** Set for a log that several nodes may flush: only the one who took this fence last may (ports-cluster.ts). */
  readonly fence?: number;
}

/**
 * committed: rows and watermark are stored. stale: the watermark is not at `fromOffset`, nothing was changed.
 * fenced: another flusher has taken this log over, nothing was changed.
 * conflict: a row that should be new is there already and differs; nothing was changed and an operator must look.
 */
export type CommitOutcome =
  /** `fresh`: the entries that were not stored before, where that was not all of them. */
  | { readonly kind: 'committed'; readonly fresh?: Uint8Array }
  | { readonly kind: 'stale'; readonly offset: number }
  | { readonly kind: 'fenced' }
  | { readonly kind: 'conflict'; readonly couponId: number; readonly detail: string };

/** One stored coupon. `state` is the stored one; expiry is decided on read. */
export interface CouponRow {
  readonly couponId: number;
  /** Unsigned 63-bit, decimal. */
  readonly userId: string;
  readonly templateId: number;
  readonly activityId: number | null;
  readonly code: string;
  readonly claimedAtMs: number;
  readonly validFromMs: number;
  readonly validUntilMs: number;
  readonly state: CouponState;
  /** Of the redemption that has locked or used it. */
  readonly redemptionId?: number;
  readonly orderId?: string;
  readonly lockedUntilMs?: number;
  readonly usedAtMs?: number;
}

export type CouponStatus = CouponState;

/** Newest first means by claimedAtMs, then couponId, both descending; a cursor is the last pair seen. */
export interface WalletQuery {
  readonly userId: string;
  readonly status: CouponStatus | null;
  readonly nowMs: number;
  readonly after: { readonly claimedAtMs: number; readonly couponId: number } | null;
  readonly limit: number;
}

/** Makes a create or a change repeatable: the first outcome is kept under (scope, key) with the request's fingerprint. */
export interface IdempotencyMark {
  readonly scope: string;
  readonly key: string;
  readonly fingerprint: string;
}

export interface Versioned {
  readonly id: number;
  readonly version: number;
}

/** Asks for `length` code places for the serials from `firstSerial` on, in the first of `spaces` with room that shares no code with another space in use. */
export interface ExtentRequest {
  readonly firstSerial: number;
  readonly length: number;
  readonly spaces: readonly { readonly space: string; readonly size: number }[];
}

export type SaveOutcome<T> =
  | { readonly kind: 'saved'; readonly value: T; readonly extent: CodeExtent | null }
  | { readonly kind: 'name_taken' }
  | { readonly kind: 'code_space_full' }
  /** None of the spaces asked for is free of codes that this template could have made. Nothing was stored. */
  | { readonly kind: 'codes_overlap'; readonly templateId: number }
  /** What is stored is not what this one was made from or judged by: another node has changed it. Nothing was stored. */
  | { readonly kind: 'changed' }
  /** The mark was there: the id saved under it then, and whether this request is the same as that one. */
  | { readonly kind: 'repeated'; readonly id: number; readonly same: boolean };

export interface RecordStore {
  templates(): Promise<Template[]>;
  activities(): Promise<Activity[]>;
  extents(): Promise<CodeExtent[]>;
  /**
   * Inserts (id 0: the store assigns it) or replaces a template, reserves an extent and keeps the mark, all in one
   * transaction. Names (domain/template-name.ts: nameKey) are unique among templates that are not
   * deleted; one that stays as it is is not judged again. Replaced is version - 1 only; the stored
   * version itself may come again to keep a mark, and changes nothing else.
   *
   * A space is reserved in only if none of its codes belongs to another space that is in use: this holds whoever
   * reserves at the same moment. `activities`: all the template has, where it was judged by them; others, or other
   * versions of them, make it `changed`.
   */
  saveTemplate(
    template: Template,
    extent: ExtentRequest | null,
    mark: IdempotencyMark | null,
    activities?: readonly Versioned[] | null,
  ): Promise<SaveOutcome<Template>>;
  /**
   * Inserts many new templates (id 0, without extents) in one transaction, for it is the transaction that takes time.
   * A name that is taken, in the store or earlier in the list, leaves out that one only. → in the order given the ids
   * the store assigned, null where the name is taken.
   */
  addTemplates(templates: readonly Template[]): Promise<(number | null)[]>;
  /** `templateVersion`: of its template, where it was judged by that; another one makes it `changed`. */
  saveActivity(
    activity: Activity,
    mark: IdempotencyMark | null,
    templateVersion?: number | null,
  ): Promise<SaveOutcome<Activity>>;

  /** Small facts about this installation (code key fingerprint). Returns the value that is stored after the call. */
  keepFact(name: string, valueIfNew: string): Promise<string>;

  /** Stores the rows of a batch and moves its log's watermark from `fromOffset` to `toOffset`, in one transaction. */
  commitClaims(batch: ClaimBatch): Promise<CommitOutcome>;
  watermarks(): Promise<Watermark[]>;
  /** Stored claims as compact entries, for rebuilding memory: pages of blocks after `afterBlock`; empty at the end. */
  claimBlocks(afterBlock: number): Promise<{ readonly lastBlock: number; readonly entries: Uint8Array[] }>;
  /** Stored rows per template. */
  countByTemplate(): Promise<{ readonly templateId: number; readonly count: number }[]>;

  wallet(query: WalletQuery): Promise<CouponRow[]>;
  coupon(couponId: number): Promise<CouponRow | null>;
  /** Of these coupons, those that are used, expired or voided at `nowMs`; one that is not stored is none of these. */
  spentCoupons(couponIds: readonly number[], nowMs: number): Promise<number[]>;
  close(): Promise<void>;
}

/** What the thread of a record store asks of it for itself. */
export interface MarkStore {
  /** Forgets marks kept at least `ageMs` ago, by the store's clock: the oldest first, `limit` at most. → how many. */
  forgetMarks(ageMs: number, limit: number): Promise<number>;
}

// ---------------------------------------------------------------- ledger

/** Serials [from, to). */
export interface SerialRange {
  readonly from: number;
  readonly to: number;
}

/** activityId 0 is the template's general pool. */
export interface PoolRef {
  readonly templateId: number;
  readonly activityId: number;
}

/** One actor: the part of a template's users that one owner serves. */
export interface Holder {
  readonly owner: number;
  readonly partition: number;
}

/**
 * granted: ranges to sell under `epoch`. exhausted: nothing free and nothing unsold or pending anywhere in the pool.
 * recalling: nothing free now, others have been asked to give back; ask again when told. fenced: the epoch has passed,
 * the holder must rebuild. closed: the pool does not exist (any more).
 */
export type LeaseOutcome =
  | { readonly kind: 'granted'; readonly epoch: number; readonly ranges: readonly SerialRange[] }
  /** `head`: in a cluster, all claims of the pool stand before this position of the shard's stream. */
  | { readonly kind: 'exhausted'; readonly head?: number }
  | { readonly kind: 'recalling' }
  | { readonly kind: 'fenced' }
  | { readonly kind: 'closed' };

export interface PoolStock {
  readonly total: number;
  readonly free: number;
}
