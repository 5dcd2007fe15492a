/**
 * What the checker is told: plain values, so that a live server, a stopped one's directory and the simulation can all
 * be held against the same rules. Claims come packed as the log writes them (claimlog/entry.ts), because there may be
 * tens of millions.
 */
import type { Validity } from '../domain/template.ts';
import type { Holder, PoolRef, SerialRange } from '../ports.ts';

export interface TemplateFact {
  readonly templateId: number;
  /** Units in all, serials 0 … total - 1. */
  readonly total: number;
  readonly perUserLimit: number;
  /** Its limits do not count coupons that are used, expired or voided. */
  readonly countsUsable?: boolean;
  /** Left out: the rows' validity is not checked. */
  readonly validity?: Validity;
}

export interface ActivityFact {
  readonly activityId: number;
  readonly templateId: number;
  readonly perUserLimit: number;
  readonly stock: number;
  readonly status: 'active' | 'stopped';
}

/** A stored coupon. activityId 0: the general pool. */
export interface RowFact {
  readonly couponId: number;
  /** Decimal. */
  readonly userId: string;
  readonly templateId: number;
  readonly activityId: number;
  readonly code: string;
  readonly claimedAtMs: number;
  /** What is left out is not checked. */
  readonly validFromMs?: number;
  readonly validUntilMs?: number;
  /** By its number in coupons/states.ts. */
  readonly state?: number;
  /** Of its last event; 1 is the claim. */
  readonly sequence?: number;
  /** The last one that has touched it; 0: none has. */
  readonly redemptionId?: number;
}

export interface LeaseFact {
  readonly holder: Holder;
  readonly epoch: number;
  /** What the holder has not reported as sold: unsold, or sold and on the way to being reported. */
  readonly serials: readonly SerialRange[];
}

/** One pool as the ledger has it. `bare`: unclaimed units without a code yet, also those whose codes are being made. */
export interface PoolFact {
  readonly ref: PoolRef;
  readonly free: readonly SerialRange[];
  readonly bare: readonly SerialRange[];
  readonly leases: readonly LeaseFact[];
}

export interface LogFact {
  readonly logId: number;
  /** Up to where the record store has it; 0 when it knows nothing of this log. */
  readonly watermark: number;
  /** Offset of the first segment that is still there; null when none is. */
  readonly first: number | null;
  /** Synced end of a log that is written, or the end of one that is not; null when no segment is left. */
  readonly end: number | null;
  /** Why it could not be read, or null. */
  readonly damage: string | null;
}

/** What the codes must be. */
export interface CodeRules {
  /** The code of a unit; null when no extent covers it. */
  codeOf(templateId: number, serial: number): string | null;
  /** The number that `codeOf` is formatted from, as entries hold it. */
  valueOf(templateId: number, serial: number): number | null;
  /** The coupon a code belongs to; null when it is nobody's. */
  couponOf(code: string): number | null;
  /** What is wrong with the reserved runs themselves, such as two units on one code. */
  readonly faults: readonly string[];
}

export interface Facts {
  /** With a ledger: those that have pools in it. */
  readonly templates: readonly TemplateFact[];
  readonly activities: readonly ActivityFact[];
  /** Claims in the record store. */
  readonly blocks: readonly Uint8Array[];
  /** Claims in the logs beyond the watermarks. Where the two overlap, the same claim may be in both. */
  readonly log: readonly Uint8Array[];
  /** Claims below the watermarks that the logs still keep: all of them must be in `blocks`. Left out: not checked. */
  readonly flushed?: Iterable<Uint8Array>;
  /** null: rows are not checked. */
  readonly rows: Iterable<RowFact> | null;
  /** null: there is none (a stopped server), only claims are checked. */
  readonly ledger: readonly PoolFact[] | null;
  readonly logs: readonly LogFact[];
  /** null: codes are not checked. */
  readonly codes: CodeRules | null;
}
