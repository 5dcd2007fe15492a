/** What a refused claim is told beyond its code: the same on every face. */
import { refusalOf, Verdict } from '../actors/verdict.ts';
import { REFUSAL_COUPON_IDS_MAX } from '../limits.ts';
import { type Problem, type ProblemCode, problem } from '../problems.ts';
import { couponIdText } from './claim-text.ts';
import type { PoolView } from './template-view.ts';

const DETAILS: Readonly<Partial<Record<ProblemCode, string>>> = {
  sold_out: 'No coupon is left.',
  limit_reached: 'You hold as many of these coupons as one user may.',
  ended: 'The time for claiming is over.',
  not_active: 'This coupon cannot be claimed at the moment.',
  not_eligible: 'This coupon is not for you.',
  not_found: 'There is no such coupon.',
  unavailable: 'The claim could not be decided; try again.',
  overloaded: 'Too many claims at once; try again.',
};

/** To every claim that comes while the server stops. */
export const STOPPING = problem('unavailable', 'The server is stopping; another one will answer.');

export function notFound(what: string): Problem {
  return problem('not_found', `There is no such ${what}.`);
}

/** Refusals for good, which whoever asked takes as the last word: a holder must hear of the coupons behind it. */
const TELLS_HELD: ReadonlySet<number> = new Set([
  Verdict.limitReached,
  Verdict.soldOut,
  Verdict.notStarted,
  Verdict.ended,
  Verdict.notActive,
  Verdict.notEligible,
]);

/** Whether what a user holds belongs into the refusal. */
export function tellsHeld(verdict: number, serial: number): boolean {
  return serial >= 0 && TELLS_HELD.has(verdict);
}

/**
 * Ids of the pool's coupons that a refused user holds, newest first: durable ones, at most REFUSAL_COUPON_IDS_MAX. Null
 * when there are none, or the refusal tells of none. `serial`: the user's newest coupon of the template, or negative.
 */
export function heldCouponIds(
  { rules, template }: PoolView,
  verdict: number,
  serial: number,
): string[] | null {
  if (!tellsHeld(verdict, serial)) return null;
  const { units } = template;
  let ids: string[] | null = null;
  for (let held = serial; held >= 0; held = units.previous(held)) {
    if (!units.isClaimed(held) || units.activityId(held) !== rules.activityId) continue;
    ids ??= [];
    ids.push(couponIdText(template, held));
    if (ids.length === REFUSAL_COUPON_IDS_MAX) break;
  }
  return ids;
}

/** The refusal behind a verdict, with the coupons it leaves the user. `serial` as for `heldCouponIds`. */
export function refusal(pool: PoolView, verdict: number, serial: number): Problem {
  const { code, detail, extra } = plainRefusal(pool, verdict);
  const couponIds = heldCouponIds(pool, verdict, serial);
  return couponIds === null ? problem(code, detail, extra) : problem(code, detail, { ...extra, couponIds });
}

function plainRefusal(pool: PoolView, verdict: number): Problem {
  const code = refusalOf(verdict);
  if (verdict === Verdict.notStarted) {
    const startsAt = new Date(pool.rules.fromMs).toISOString();
    return problem(code, `Claiming starts at ${startsAt}.`, { startsAt });
  }
  if (verdict === Verdict.notActive && pool.template.template.status === 'deleted')
    return notFound('template');
  return problem(code, DETAILS[code] ?? 'The claim was refused.');
}
