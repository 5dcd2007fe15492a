/** Who is calling, and what a route may ask of them. 401 is decided before this, 403 here. */
import { ok, type Problem, problem, type Result } from '../problems.ts';

/** By lower-case name; '' when the header is absent. */
export type HeaderReader = (lowerCaseName: string) => string;

export interface Caller {
  readonly userId: string | null;
  /** May make service calls; every operator may. */
  readonly service: boolean;
  readonly operator: boolean;
}

/** What a caller has proven, for as long as it holds. */
export interface Credential {
  readonly caller: Caller;
  /** Null while it holds, else why not any more. To be asked before each use; costs no verification. */
  readonly ended: (nowMs: number) => Problem | null;
}

/** Refusals are made once: they are values, and the claim path hands them out without allocating. */
export const NO_CREDENTIALS = problem('unauthenticated', 'This call needs credentials.');
export const WRONG_GATEWAY_KEY = problem('unauthenticated', 'X-Gateway-Key is wrong.');
export const WRONG_TOKEN = problem('unauthenticated', 'The bearer token is not valid.');
export const EXPIRED_TOKEN = problem('unauthenticated', 'The bearer token has expired.');
export const EARLY_TOKEN = problem('unauthenticated', 'The bearer token is not valid yet.');
export const NO_USER_IN_TOKEN = problem('unauthenticated', 'The subject of the bearer token is no user id.');
export const WRONG_USER_ID = problem(
  'unauthenticated',
  'X-User-Id is no user id: a decimal integer from 1 to 2^63 - 1.',
);
export const USER_NEEDED = problem('forbidden', 'This call is made by a user.');
export const SERVICE_NEEDED = problem('forbidden', 'This call needs the rights of a service.');
export const OPERATOR_NEEDED = problem('forbidden', 'This call needs the rights of an operator.');

/** The user id. */
export function requireUser(caller: Caller): Result<string> {
  return caller.userId === null ? { ok: false, problem: USER_NEEDED } : ok(caller.userId);
}

export function requireService(caller: Caller): Result<Caller> {
  return caller.service ? ok(caller) : { ok: false, problem: SERVICE_NEEDED };
}

export function requireOperator(caller: Caller): Result<Caller> {
  return caller.operator ? ok(caller) : { ok: false, problem: OPERATOR_NEEDED };
}
