/** When a template takes claims. */
import type { Template } from './template.ts';

export interface ClaimWindow {
  readonly fromMs: number;
  readonly untilMs: number;
}

/** Half open; infinite on the side where the template says nothing. */
export function claimWindowOf({
  claimFromMs,
  claimUntilMs,
  validity,
}: Pick<Template, 'claimFromMs' | 'claimUntilMs' | 'validity'>): ClaimWindow {
  // A coupon that could never be used is not handed out: the end of a fixed validity ends the claiming too.
  const usableUntilMs = 'untilMs' in validity ? validity.untilMs : Number.POSITIVE_INFINITY;
  return {
    fromMs: claimFromMs ?? Number.NEGATIVE_INFINITY,
    untilMs: Math.min(claimUntilMs ?? Number.POSITIVE_INFINITY, usableUntilMs),
  };
}
