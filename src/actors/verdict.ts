/** What an actor says to a claim: small integers, because they travel on the rings. */
import type { ProblemCode } from '../problems.ts';

export const Verdict = {
  claimed: 1,
  alreadyClaimed: 2,
  limitReached: 3,
  soldOut: 4,
  notStarted: 5,
  ended: 6,
  notActive: 7,
  notEligible: 8,
  notFound: 9,
  unavailable: 10,
  overloaded: 11,
} as const;

export type Verdict = (typeof Verdict)[keyof typeof Verdict];

const REFUSALS: Readonly<Record<number, ProblemCode>> = {
  [Verdict.limitReached]: 'limit_reached',
  [Verdict.soldOut]: 'sold_out',
  [Verdict.notStarted]: 'not_started',
  [Verdict.ended]: 'ended',
  [Verdict.notActive]: 'not_active',
  [Verdict.notEligible]: 'not_eligible',
  [Verdict.notFound]: 'not_found',
  [Verdict.unavailable]: 'unavailable',
  [Verdict.overloaded]: 'overloaded',
};

/** The problem code of a refusing verdict. */
export function refusalOf(verdict: number): ProblemCode {
  const code = REFUSALS[verdict];
  if (code === undefined) throw new Error(`verdict ${verdict} is no refusal`);
  return code;
}

/** What a verdict is called outside: the status of a success, the problem code of a refusal. */
export function nameOf(verdict: number): ProblemCode | 'claimed' | 'already_claimed' {
  if (verdict === Verdict.claimed) return 'claimed';
  return verdict === Verdict.alreadyClaimed ? 'already_claimed' : refusalOf(verdict);
}
