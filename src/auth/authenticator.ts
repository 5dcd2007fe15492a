/**
 * Headers → Caller, by the rules of the contract ("Who is calling").
 *
 * `claimUser` is what every claim pays: it reads one or two headers, compares the gateway key and leaves the user in
 * two words; everything unusual takes the way of `caller`. A token beside a valid gateway key is the gateway's own
 * business and not judged, unless it is the admin token.
 */
import type { Config } from '../config.ts';
import type { Secrets } from '../datadir/secrets.ts';
import { parseUserId } from '../domain/user-id.ts';
import { ok, type Problem, type Result } from '../problems.ts';
import {
  type Caller,
  type Credential,
  type HeaderReader,
  NO_CREDENTIALS,
  USER_NEEDED,
  WRONG_GATEWAY_KEY,
  WRONG_TOKEN,
  WRONG_USER_ID,
} from './caller.ts';
import type { Jwks } from './jwks.ts';
import { isIdentity, type JwtVerifier, jwtVerifier } from './jwt.ts';
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

export type AuthConfig = Pick<Config, 'auth' | 'gatewayKey' | 'jwtSecret' | 'jwtPublicKey' | 'jwksUrl'>;

export interface AuthenticatorOptions {
  /** Loaded; needed when the configuration names a JWKS_URL. */
  readonly jwks?: Jwks;
  readonly nowMs?: () => number;
}

/** Keys and the admin token hold as long as this process. */
const NEVER_ENDS = (): null => null;
const SERVICE: Caller = Object.freeze({ userId: null, service: true, operator: false });
const OPERATOR: Caller = Object.freeze({ userId: null, service: true, operator: true });
const NOT_AUTHENTICATED = Object.freeze({ ok: false as const, problem: NO_CREDENTIALS });

export function createAuthenticator(
  config: AuthConfig,
  secrets: Pick<Secrets, 'adminToken'>,
  options: AuthenticatorOptions = {},
): Authenticator {
  const isAdminToken = secretMatcher(secrets.adminToken);
  const isGatewayKey = config.gatewayKey === null ? null : secretMatcher(config.gatewayKey);
  return config.auth === 'gateway'
    ? gatewayAuthenticator(isAdminToken, isGatewayKey)
    : jwtAuthenticator(isAdminToken, isGatewayKey, verifierOf(config, options), options.nowMs ?? Date.now);
}

type Matcher = (given: string) => boolean;

function gatewayAuthenticator(isAdminToken: Matcher, isGatewayKey: Matcher | null): Authenticator {
  const scratch = new Uint32Array(2);

  function caller(header: HeaderReader): Result<Caller> {
    const key = isGatewayKey === null ? '' : header('x-gateway-key');
    if (key !== '' && !isGatewayKey!(key)) return refuse(WRONG_GATEWAY_KEY);
    const token = bearerOf(header);
    const operator = token !== null && isAdminToken(token);
    if (token !== null && !operator && key === '') return refuse(WRONG_TOKEN);
    const userId = header('x-user-id');
    if (userId === '') return operator ? ok(OPERATOR) : key !== '' ? ok(SERVICE) : NOT_AUTHENTICATED;
    // Whoever sends X-User-Id must be believed: by the key, as an operator, or because no key is asked for.
    if (isGatewayKey !== null && key === '' && !operator) return NOT_AUTHENTICATED;
    if (!parseUserId(userId, scratch)) return refuse(WRONG_USER_ID);
    return ok({ userId, service: operator, operator });
  }

  return {
    caller,
    credential: (header) => {
      const proven = caller(header);
      return proven.ok ? ok(lasting(proven.value)) : proven;
    },
    fromToken: (token) => {
      if (isAdminToken(token)) return ok(lasting(OPERATOR));
      return isGatewayKey?.(token) ? ok(lasting(SERVICE)) : refuse(WRONG_TOKEN);
    },
    isGateway: (header) => isGatewayKey?.(header('x-gateway-key')) ?? false,
    claimUser: (header, words) => {
      const userId = header('x-user-id');
      if (userId !== '' && (isGatewayKey === null || isGatewayKey(header('x-gateway-key')))) {
        return parseUserId(userId, words) ? 'ok' : WRONG_USER_ID;
      }
      return userOf(caller(header), words);
    },
  };
}

function jwtAuthenticator(
  isAdminToken: Matcher,
  isGatewayKey: Matcher | null,
  verify: JwtVerifier,
  nowMs: () => number,
): Authenticator {
  function fromToken(token: string): Result<Credential> {
    if (isAdminToken(token)) return ok(lasting(OPERATOR));
    const identity = verify(token, nowMs());
    return isIdentity(identity) ? ok(identity) : refuse(identity);
  }

  function credential(header: HeaderReader): Result<Credential> {
    const key = isGatewayKey === null ? '' : header('x-gateway-key');
    if (key !== '' && !isGatewayKey!(key)) return refuse(WRONG_GATEWAY_KEY);
    const token = bearerOf(header);
    if (token === null) return key !== '' ? ok(lasting(SERVICE)) : NOT_AUTHENTICATED;
    return fromToken(token);
  }

  function caller(header: HeaderReader): Result<Caller> {
    const proven = credential(header);
    return proven.ok ? ok(proven.value.caller) : proven;
  }

  return {
    caller,
    credential,
    fromToken,
    isGateway: (header) => isGatewayKey?.(header('x-gateway-key')) ?? false,
    claimUser: (header, words) => {
      const token = bearerOf(header);
      if (token === null || isAdminToken(token)) return userOf(caller(header), words);
      const identity = verify(token, nowMs());
      if (!isIdentity(identity)) return identity;
      if (identity.caller.userId === null) return USER_NEEDED;
      words[0] = identity.lo;
      words[1] = identity.hi;
      return 'ok';
    },
  };
}

function verifierOf(config: AuthConfig, options: AuthenticatorOptions): JwtVerifier {
  if (config.jwtSecret !== null) return jwtVerifier({ algorithm: 'HS256', key: config.jwtSecret });
  if (config.jwtPublicKey !== null) {
    return jwtVerifier({ algorithm: config.jwtPublicKey.algorithm, key: config.jwtPublicKey.pem });
  }
  if (options.jwks === undefined) throw new Error('AUTH=jwt with JWKS_URL needs the key set loaded');
  return options.jwks.verify;
}

function lasting(caller: Caller): Credential {
  return { caller, ended: NEVER_ENDS };
}

function userOf(result: Result<Caller>, words: Uint32Array): 'ok' | Problem {
  if (!result.ok) return result.problem;
  if (result.value.userId === null) return USER_NEEDED;
  parseUserId(result.value.userId, words);
  return 'ok';
}

/** Null without the scheme Bearer: other schemes are not ours. */
function bearerOf(header: HeaderReader): string | null {
  const value = header('authorization');
  if (value.length < 7 || value.charCodeAt(6) !== 32) return null;
  if (!value.startsWith('Bearer') && value.slice(0, 6).toLowerCase() !== 'bearer') return null;
  return value.slice(7).trim();
}

function refuse(problem: Problem): { ok: false; problem: Problem } {
  return { ok: false, problem };
}
