/**
 * Headers → Caller, by the rules of the contract ("Who is calling").
 *
 * `claimUser` is what every claim pays: it reads one or two headers, compares the gateway key and leaves the user in
 * two words; everything unusual takes the way of `caller`. A token beside a valid gateway key is the gateway's own
 * business and not judged, unless it is the admin token.
 */
import type { Config } from '../config.ts';
import type { Secrets } from '../datadir/secrets.ts';
import { ok, type Result } from '../problems.ts';
import { type Caller, type Credential, type HeaderReader, USER_NEEDED, WRONG_GATEWAY_KEY } from './caller.ts';
import {
  type Authenticator,
  bearerOf,
  lasting,
  type Matcher,
  matchersOf,
  NOT_AUTHENTICATED,
  OPERATOR,
  refuse,
  SERVICE,
  userOf,
} from './credentials.ts';
import { gatewayAuthenticator } from './gateway-authenticator.ts';
import type { Jwks } from './jwks.ts';
import { isIdentity, type JwtVerifier, jwtVerifier } from './jwt.ts';

export type AuthConfig = Pick<Config, 'auth' | 'gatewayKey' | 'jwtSecret' | 'jwtPublicKey' | 'jwksUrl'>;

export interface AuthenticatorOptions {
  /** Loaded; needed when the configuration names a JWKS_URL. */
  readonly jwks?: Jwks;
  readonly nowMs?: () => number;
}

export function createAuthenticator(
  config: AuthConfig,
  secrets: Pick<Secrets, 'adminToken'>,
  options: AuthenticatorOptions = {},
): Authenticator {
  const { isAdminToken, isGatewayKey } = matchersOf(config, secrets.adminToken);
  return config.auth === 'gateway'
    ? gatewayAuthenticator(isAdminToken, isGatewayKey)
    : jwtAuthenticator(isAdminToken, isGatewayKey, verifierOf(config, options), options.nowMs ?? Date.now);
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
