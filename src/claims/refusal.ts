/** What a refused claim is told beyond its code: the same on every face. */
import { refusalOf, Verdict } from '../actors/verdict.ts';
import { type Problem, type ProblemCode, problem } from '../problems.ts';
import { couponIdText, heldSerials } from './claim-text.ts';
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

/** The refusal behind a verdict. `serial`: for limitReached the user's newest coupon, from which the others are found. */
export function refusal(pool: PoolView, verdict: number, serial: number): Problem {
  const code = refusalOf(verdict);
  const { template } = pool;
  if (verdict === Verdict.notStarted) {
    const startsAt = new Date(pool.rules.fromMs).toISOString();
    return problem(code, `Claiming starts at ${startsAt}.`, { startsAt });
  }
  if (verdict === Verdict.notActive && template.template.status === 'deleted') return notFound('template');
  if (verdict === Verdict.limitReached) {
    return problem(code, DETAILS[code]!, {
      couponIds: heldSerials(template, serial).map((held) => couponIdText(template, held)),
    });
  }
  return problem(code, DETAILS[code] ?? 'The claim was refused.');
}
