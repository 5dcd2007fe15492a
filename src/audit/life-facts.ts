/**
 * What the checker is told of coupons after their claims: rows of four tables as they stand there, each in the order of
 * its key, page by page. There may be tens of millions, so nothing here is asked for one by one.
 */

import type { Usage } from '../ports-coupons.ts';

/** A row of the outbox; `kind` by its number in coupons/states.ts. */
export interface EventFact {
  readonly couponId: number;
  readonly sequence: number;
  readonly kind: number;
  readonly atMs: number;
  readonly redemptionId: number | null;
  readonly detail: string | null;
}

/** `state` by its number in records/redemptions/redemption-rows.ts; `frozen` and `returned` are JSON. */
export interface RedemptionFact {
  readonly redemptionId: number;
  /** Decimal. */
  readonly userId: string;
  readonly orderId: string;
  readonly liveOrder: string | null;
  readonly state: number;
  readonly lockedAtMs: number;
  readonly lockedUntilMs: number;
  readonly usedAtMs: number | null;
  readonly endedAtMs: number | null;
  readonly isVerified: boolean;
  readonly frozen: string;
  readonly returned: string;
}

export type UsageFact = Usage;

/** `receipt` is JSON. */
export interface ReturnFact {
  readonly redemptionId: number;
  readonly returnId: string;
  readonly receipt: string;
  readonly returnedAtMs: number;
}

/** A row of the outbox of templates and activities; numbers as in domain/lifecycle.ts. */
export interface CatalogEventFact {
  readonly subject: number;
  readonly subjectId: number;
  readonly templateId: number;
  readonly sequence: number;
  readonly kind: number;
  readonly atMs: number;
  readonly stock: number | null;
}

/** What a template or activity has as told of it. */
export interface SubjectFact {
  readonly subject: number;
  readonly subjectId: number;
  readonly templateId: number;
  readonly sequence: number;
  readonly beganAs: number;
  readonly phase: number;
  readonly toldAtMs: number;
  readonly stock: number;
}

export type Pages<T> = AsyncIterable<readonly T[]>;

export interface LifeFacts {
  /** By coupon and sequence. */
  events(): Pages<EventFact>;
  /** By id, as are the next two. */
  redemptions(): Pages<RedemptionFact>;
  usages(): Pages<UsageFact>;
  returns(): Pages<ReturnFact>;
  /** By id. There are few: some of each template and activity. */
  catalogEvents(): Pages<CatalogEventFact>;
  /** By subject and id. */
  subjects(): Pages<SubjectFact>;
}
