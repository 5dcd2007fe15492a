/**
 * A set of coupons in which every one applies, and which of two such sets is the better: by the product's rules the
 * lower payable, then fewer coupons, then less unused worth, then the earlier validUntils, then the smaller ids, these
 * two sorted and compared in turn.
 */
import type { Candidate } from './best-candidates.ts';

export interface Selection {
  readonly payable: number;
  readonly candidates: readonly Candidate[];
  /** Σ of what thresholds and instants could have taken beyond what they did. */
  readonly unused: bigint;
  /** Ascending. */
  readonly untils: readonly number[];
  readonly ids: readonly number[];
}

export function selection(payable: number, candidates: readonly Candidate[], unused: bigint): Selection {
  return {
    payable,
    candidates,
    unused,
    untils: candidates.map(({ coupon }) => coupon.validUntilMs).sort(ascending),
    ids: candidates.map(({ coupon }) => coupon.couponId).sort(ascending),
  };
}

/** Below zero: `a` is better. Zero only for the same set. */
export function compareSelections(a: Selection, b: Selection): number {
  return (
    a.payable - b.payable ||
    a.candidates.length - b.candidates.length ||
    compareNumbers(a.unused, b.unused) ||
    compareInTurn(a.untils, b.untils) ||
    compareInTurn(a.ids, b.ids)
  );
}

export function compareNumbers<T extends number | bigint>(a: T, b: T): number {
  return a < b ? -1 : a > b ? 1 : 0;
}

export function compareInTurn(a: readonly number[], b: readonly number[]): number {
  for (let i = 0; i < a.length && i < b.length; i++) if (a[i] !== b[i]) return a[i]! - b[i]!;
  return a.length - b.length;
}

export function ascending(a: number, b: number): number {
  return a - b;
}
