/**
 * The one table of why a coupon takes nothing, in the order in which reasons are looked for: the first that holds is
 * told. Clients branch on the names.
 */
import { ORDER_COUPONS_APPLIED_MAX } from '../../limits.ts';
import type { AskedCoupon, QuoteCoupon } from './order.ts';

/** How a coupon stands when its turn comes. */
export interface Standing {
  readonly state: AskedCoupon['state'];
  readonly isSuspended: boolean;
  readonly isOver: boolean;
  readonly hasBegun: boolean;
  readonly isOtherCurrency: boolean;
  readonly linesInScope: number;
  /** The first coupon applied that it can't stand beside, or null. */
  readonly conflictsWith: number | null;
  readonly appliedBefore: number;
  /** What the measure lacks, 0 when it suffices. */
  readonly missing: number;
  readonly off: number;
}

const REASONS = [
  ['not_found', (s) => s.state === 'not_found'],
  ['used', (s) => s.state === 'used'],
  ['locked', (s) => s.state === 'locked'],
  ['voided', (s) => s.state === 'voided'],
  ['suspended', (s) => s.isSuspended],
  ['expired', (s) => s.isOver],
  ['not_yet_valid', (s) => !s.hasBegun],
  ['other_currency', (s) => s.isOtherCurrency],
  ['out_of_scope', (s) => s.linesInScope === 0],
  ['excluded_by', (s) => s.conflictsWith !== null],
  ['too_many', (s) => s.appliedBefore >= ORDER_COUPONS_APPLIED_MAX],
  ['below_minimum', (s) => s.missing > 0],
  ['no_effect', (s) => s.off === 0],
] as const satisfies readonly (readonly [string, (standing: Standing) => boolean])[];

export type QuoteReason = (typeof REASONS)[number][0];

/** null: it applies. */
export function reasonOf(standing: Standing): QuoteReason | null {
  for (const [reason, holds] of REASONS) if (holds(standing)) return reason;
  return null;
}

export const NOT_FOUND: Standing = {
  state: 'not_found',
  isSuspended: false,
  isOver: false,
  hasBegun: true,
  isOtherCurrency: false,
  linesInScope: 0,
  conflictsWith: null,
  appliedBefore: 0,
  missing: 0,
  off: 0,
};

/** What of a coupon's standing does not depend on any order. */
export function ownStanding(coupon: QuoteCoupon, nowMs: number) {
  const { state, isSuspended, validFromMs, validUntilMs } = coupon;
  // A sweeper marks what has expired, some time after it has.
  const isOver = state === 'expired' || nowMs >= validUntilMs;
  return { state, isSuspended, isOver, hasBegun: nowMs >= validFromMs };
}

/** True if it would apply to an order that suits it. */
export function isUsable(coupon: QuoteCoupon, nowMs: number): boolean {
  return reasonOf({ ...FITTING, ...ownStanding(coupon, nowMs) }) === null;
}

const FITTING = { ...NOT_FOUND, state: 'usable', linesInScope: 1, off: 1 } as const;
