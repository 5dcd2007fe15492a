/** What every way to authenticate is made of. */
import type { Config } from '../config.ts';
import { parseUserId } from '../domain/user-id.ts';
import type { Problem, Result } from '../problems.ts';
import { type Caller, type Credential, type HeaderReader, NO_CREDENTIALS, USER_NEEDED } from './caller.ts';
import { secretMatcher } from './secret-matcher.ts';

export interface Authenticator {
  readonly caller: (header: HeaderReader) => Result<Caller>;
  /** The same for a caller who stays connected: what was proven now may end while the connection lives. */
  readonly credential: (header: HeaderReader) => Result<Credential>;
  /** A token that came in a message instead of a header. */
  readonly fromToken: (token: string) => Result<Credential>;
  /** The gateway key was sent, and is right: what the caller tells of the connection in front of it is believed. */
  readonly isGateway: (header: HeaderReader) => boolean;
  /** Who claims: [lo, hi] in `words`, or a shared constant that says why not. */
  readonly claimUser: (header: HeaderReader, words: Uint32Array) => 'ok' | Problem;
}

/** Whether what was sent is the secret. */
export type Matcher = (given: string) => boolean;

/** Of the configured secrets; `isGatewayKey`: null where none is asked for. */
export function matchersOf(
  { gatewayKey }: Pick<Config, 'gatewayKey'>,
  adminToken: string,
): { readonly isAdminToken: Matcher; readonly isGatewayKey: Matcher | null } {
  return {
    isAdminToken: secretMatcher(adminToken),
    isGatewayKey: gatewayKey === null ? null : secretMatcher(gatewayKey),
  };
}

/** Keys and the admin token hold as long as this process. */
const NEVER_ENDS = (): null => null;
export const SERVICE: Caller = Object.freeze({ userId: null, service: true, operator: false });
export const OPERATOR: Caller = Object.freeze({ userId: null, service: true, operator: true });
export const NOT_AUTHENTICATED = Object.freeze({ ok: false as const, problem: NO_CREDENTIALS });

export function lasting(caller: Caller): Credential {
  return { caller, ended: NEVER_ENDS };
}

export function userOf(result: Result<Caller>, words: Uint32Array): 'ok' | Problem {
  if (!result.ok) return result.problem;
  if (result.value.userId === null) return USER_NEEDED;
  parseUserId(result.value.userId, words);
  return 'ok';
}

/** Null without the scheme Bearer: other schemes are not ours. */
export function bearerOf(header: HeaderReader): string | null {
  const value = header('authorization');
  if (value.length < 7 || value.charCodeAt(6) !== 32) return null;
  if (!value.startsWith('Bearer') && value.slice(0, 6).toLowerCase() !== 'bearer') return null;
  return value.slice(7).trim();
}

export function refuse(problem: Problem): { ok: false; problem: Problem } {
  return { ok: false, problem };
}
