/** Coupons taken out of use for good: one, or a template's usable ones. Locked and used ones are left, and counted. */
import type { CouponStore, VoidCounts, VoidOutcome } from '../ports-coupons.ts';
import { ok, problem, type Result } from '../problems.ts';
import { NO_COUPON } from './coupons.ts';
import { noTemplate } from './templates.ts';
import type { UnstoredClaims } from './unstored-claims.ts';

/** Rows looked at in one transaction: the claims' rows wait for it. */
const AT_ONCE = 500;
/** What is not done by then is done by the next call. */
const CALL_MS = 5_000;

export interface VoidsOptions {
  readonly store: Pick<CouponStore, 'voidCoupon' | 'voidSome'>;
  /** Deleted ones too: what is held of them lives on. */
  readonly hasTemplate: (templateId: number) => boolean;
  readonly holder: (couponId: number) => Promise<string | null>;
  /** Whether all claims of a template that were acknowledged here are in the record store. */
  readonly isStored: (templateId: number) => boolean;
  readonly unstored: Pick<UnstoredClaims, 'until'>;
  readonly now: () => number;
}

export interface VoidedSome {
  readonly counts: VoidCounts;
  /** Where the next call goes on; null when all was looked at. */
  readonly next: number | null;
}

export class Voids {
  private readonly options: VoidsOptions;

  constructor(options: VoidsOptions) {
    this.options = options;
  }

  async coupon(couponId: number, reason: string): Promise<Result<{ readonly isRepeat: boolean }>> {
    const { store, holder, unstored } = this.options;
    if ((await holder(couponId)) === null) return { ok: false, problem: NO_COUPON };
    // A coupon that somebody holds has a row soon, if it has none yet.
    let outcome!: VoidOutcome;
    await unstored.until(async () => {
      outcome = await store.voidCoupon(couponId, reason);
      return !isUnknown(outcome);
    });
    if (outcome.kind === 'voided') return { ok: true, value: { isRepeat: outcome.isRepeat } };
    if (outcome.code === 'not_found') return { ok: false, problem: NO_COUPON };
    const detail = `The coupon is ${outcome.code}; only usable ones can be voided.`;
    return { ok: false, problem: problem('invalid_state', detail, { state: outcome.code }) };
  }

  /** Goes on from `after`, a coupon id; for so long as one call may take. */
  async template(templateId: number, after: number, reason: string): Promise<Result<VoidedSome>> {
    const { store, hasTemplate, isStored, unstored, now } = this.options;
    if (!hasTemplate(templateId)) return { ok: false, problem: noTemplate(templateId) };
    await unstored.until(() => isStored(templateId));
    const untilMs = now() + CALL_MS;
    let counts: VoidCounts = { voided: 0, locked: 0, used: 0, expired: 0 };
    for (let last = after; ; ) {
      const some = await store.voidSome(templateId, last, AT_ONCE, reason);
      counts = sum(counts, some.counts);
      if (some.last === null) return ok({ counts, next: null });
      last = some.last;
      if (now() >= untilMs) return ok({ counts, next: last });
    }
  }
}

function isUnknown(outcome: VoidOutcome): boolean {
  return outcome.kind === 'refused' && outcome.code === 'not_found';
}

function sum(a: VoidCounts, b: VoidCounts): VoidCounts {
  return {
    voided: a.voided + b.voided,
    locked: a.locked + b.locked,
    used: a.used + b.used,
    expired: a.expired + b.expired,
  };
}
