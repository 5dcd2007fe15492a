/**
 * Limits that count usable coupons. Whoever holds more than the limit is in order as long as at each claim fewer coupons
 * than the limit counted: those claimed before it, without those that were used, expired or voided then. A coupon whose
 * use was reverted afterwards counts again, and is no reason to complain: a revert is never refused.
 *
 * Only users above a limit are looked at; what became of their coupons comes from the rows and events as they pass.
 */
import { EVENT_KINDS } from '../coupons/states.ts';
import { CLOCK_SKEW_MS_MAX, RECALL_WAIT_MS, SPENT_DEADLINE_MS } from '../limits.ts';
import type { RowFact } from './facts.ts';
import type { EventFact } from './life-facts.ts';
import type { Findings } from './report.ts';

/** How long before its claim a coupon may have been seen spent: the store was asked, then the owner. */
const SEEN_BEFORE_MS = SPENT_DEADLINE_MS + RECALL_WAIT_MS + CLOCK_SKEW_MS_MAX;

export interface HeldClaim {
  readonly couponId: number;
  readonly claimedAtMs: number;
}

interface Suspect {
  readonly limit: number;
  /** `user 7 … template 3`. */
  readonly who: string;
  readonly claims: readonly HeldClaim[];
}

interface Span {
  readonly fromMs: number;
  untilMs: number;
}

export class UsableLimitCheck {
  private readonly suspects: Suspect[] = [];
  /** When each coupon that is looked at was spent. */
  private readonly spans = new Map<number, Span[]>();

  /** A user with more coupons than the limit. */
  suspect(limit: number, who: string, claims: readonly HeldClaim[]): void {
    this.suspects.push({ limit, who, claims });
    for (const { couponId } of claims) this.spans.set(couponId, this.spans.get(couponId) ?? []);
  }

  row({ couponId, validUntilMs }: RowFact): void {
    const spans = this.spans.get(couponId);
    if (spans === undefined || validUntilMs === undefined) return;
    spans.push({ fromMs: validUntilMs, untilMs: Number.POSITIVE_INFINITY });
  }

  /** In the order of their sequence. */
  event({ couponId, kind, atMs }: EventFact): void {
    const spans = this.spans.get(couponId);
    if (spans === undefined) return;
    switch (EVENT_KINDS[kind]) {
      case 'used':
      case 'voided':
        spans.push({ fromMs: atMs, untilMs: Number.POSITIVE_INFINITY });
        break;
      case 'reverted': {
        const last = spans.findLast(({ fromMs }) => fromMs <= atMs);
        if (last !== undefined) last.untilMs = atMs;
        break;
      }
    }
  }

  finish(limits: Findings): void {
    for (const { limit, who, claims } of this.suspects) {
      const inOrder = [...claims].sort((a, b) => a.claimedAtMs - b.claimedAtMs || a.couponId - b.couponId);
      for (let at = limit; at < inOrder.length; at++) {
        const { couponId, claimedAtMs } = inOrder[at]!;
        const counted = inOrder.slice(0, at).filter((one) => !this.wasSpent(one.couponId, claimedAtMs));
        if (counted.length < limit) continue;
        limits.problem(
          () =>
            `${who}: coupon ${couponId} was claimed while ${counted.length} others were usable, the limit is ${limit} (usable ones count)`,
        );
        break;
      }
    }
  }

  /** Claims are dated by their owner's clock, what becomes of them by the database's. */
  private wasSpent(couponId: number, atMs: number): boolean {
    return this.spans
      .get(couponId)!
      .some((span) => span.fromMs <= atMs + CLOCK_SKEW_MS_MAX && span.untilMs >= atMs - SEEN_BEFORE_MS);
  }
}
