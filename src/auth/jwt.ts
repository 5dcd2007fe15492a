/**
 * JSON Web Tokens. The key decides the algorithm, never the token, so a public key can't be used as an HMAC secret.
 * fast-jwt remembers verified tokens; times are checked here on every call, because remembering must not outlive
 * `exp`. A token without `exp` is valid as long as its key.
 */
import { createVerifier } from 'fast-jwt';
import { parseUserId, userIdFromJson } from '../domain/user-id.ts';
import type { Problem } from '../problems.ts';
import { type Credential, EARLY_TOKEN, EXPIRED_TOKEN, NO_USER_IN_TOKEN, WRONG_TOKEN } from './caller.ts';

export interface JwtKey {
  readonly algorithm: 'HS256' | 'RS256' | 'ES256' | 'EdDSA';
  /** The secret, or a public key in PEM. */
  readonly key: string;
}

export interface Identity extends Credential {
  /** Words of the user id; 0, 0 without one. */
  readonly lo: number;
  readonly hi: number;
  readonly notBeforeMs: number;
  readonly expiresMs: number;
}

export type JwtVerifier = (token: string, nowMs: number) => Identity | Problem;

export function isIdentity(value: Identity | Problem): value is Identity {
  return 'caller' in value;
}

const TOKENS_CACHED = 10_000;
const TOKEN_CHARS_MAX = 8192;

/** `inForce`: whether the key is still one to believe, where that can change. */
export function jwtVerifier(key: JwtKey, inForce: (nowMs: number) => boolean = () => true): JwtVerifier {
  const verify = createVerifier({
    key: key.key,
    algorithms: [key.algorithm],
    cache: TOKENS_CACHED,
    ignoreExpiration: true,
    ignoreNotBefore: true,
  });
  // The cache hands out the payload of a remembered token again as the same object.
  const identities = new WeakMap<object, Identity | Problem>();
  return (token, nowMs) => {
    if (token.length > TOKEN_CHARS_MAX) return WRONG_TOKEN;
    let payload: unknown;
    try {
      payload = verify(token);
    } catch {
      return WRONG_TOKEN;
    }
    if (typeof payload !== 'object' || payload === null) return WRONG_TOKEN;
    let identity = identities.get(payload);
    if (identity === undefined) {
      identity = identityOf(payload as Record<string, unknown>, inForce);
      identities.set(payload, identity);
    }
    if (!isIdentity(identity)) return identity;
    if (nowMs >= identity.expiresMs) return EXPIRED_TOKEN;
    return nowMs < identity.notBeforeMs ? EARLY_TOKEN : identity;
  };
}

function identityOf(
  payload: Record<string, unknown>,
  inForce: (nowMs: number) => boolean,
): Identity | Problem {
  const notBeforeMs = timeOf(payload.nbf, 0);
  const expiresMs = timeOf(payload.exp, Number.POSITIVE_INFINITY);
  if (notBeforeMs === null || expiresMs === null) return WRONG_TOKEN;
  const scopes = scopesOf(payload.scope);
  const operator = scopes.includes('coupon:admin');
  const service = operator || scopes.includes('coupon:redeem');
  const userId = userIdFromJson(payload.sub);
  if (userId === null && !service) return NO_USER_IN_TOKEN;
  const words = new Uint32Array(2);
  if (userId !== null) parseUserId(userId, words);
  const caller = Object.freeze({ userId, service, operator });
  const ended = (nowMs: number): Problem | null =>
    nowMs >= expiresMs ? EXPIRED_TOKEN : inForce(nowMs) ? null : WRONG_TOKEN;
  return { caller, ended, lo: words[0]!, hi: words[1]!, notBeforeMs, expiresMs };
}

/** RFC 7519 NumericDate, in seconds; null when it is there and is none. */
function timeOf(value: unknown, absent: number): number | null {
  if (value === undefined) return absent;
  return typeof value === 'number' && Number.isFinite(value) ? value * 1000 : null;
}

/** RFC 8693: one string, separated by spaces. Some issuers send a list. */
function scopesOf(value: unknown): readonly unknown[] {
  if (typeof value === 'string') return value.split(' ');
  return Array.isArray(value) ? value : [];
}
