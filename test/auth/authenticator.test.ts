import { createHmac, generateKeyPairSync } from 'node:crypto';
import { createSigner } from 'fast-jwt';
import { describe, expect, test } from 'vitest';
import { type AuthConfig, createAuthenticator } from '../../src/auth/authenticator.ts';
import { type Caller, requireOperator, requireService, requireUser } from '../../src/auth/caller.ts';
import type { Authenticator } from '../../src/auth/credentials.ts';
import { secretMatcher } from '../../src/auth/secret-matcher.ts';

const ADMIN = 'admin-token-of-the-shop';
const KEY = 'key-of-the-gateway';
const USER = '9223372036854775807';
const WORDS = [0xffff_ffff, 0x7fff_ffff];
const none = { gatewayKey: null, jwtSecret: null, jwtPublicKey: null, jwksUrl: null };

type Headers = Record<string, string>;
const reader = (headers: Headers) => (name: string) => headers[name] ?? '';

function authenticator(config: Partial<AuthConfig>, nowMs: () => number = Date.now): Authenticator {
  return createAuthenticator({ auth: 'gateway', ...none, ...config }, { adminToken: ADMIN }, { nowMs });
}

/** What a caller is, in a word: 401, or user id, s for service, o for operator. */
function who(auth: Authenticator, headers: Headers): string {
  const result = auth.caller(reader(headers));
  return result.ok ? short(result.value) : result.problem.code;
}

function short(caller: Caller): string {
  return `${caller.userId ?? '-'}${caller.service ? 's' : ''}${caller.operator ? 'o' : ''}`;
}

function claims(auth: Authenticator, headers: Headers): string {
  const words = new Uint32Array(2);
  const result = auth.claimUser(reader(headers), words);
  if (result === 'ok') expect([...words]).toEqual(WORDS);
  return result === 'ok' ? 'ok' : result.code;
}

const bearer = (token: string): Headers => ({ authorization: `Bearer ${token}` });
const user: Headers = { 'x-user-id': USER };
const key: Headers = { 'x-gateway-key': KEY };

describe('gateway with a key', () => {
  const auth = authenticator({ gatewayKey: KEY });
  test.each<[string, Headers, string, string]>([
    ['nothing', {}, 'unauthenticated', 'unauthenticated'],
    ['user without key', user, 'unauthenticated', 'unauthenticated'],
    ['user with a wrong key', { ...user, 'x-gateway-key': `${KEY}x` }, 'unauthenticated', 'unauthenticated'],
    ['user with the key', { ...user, ...key }, USER, 'ok'],
    ['the key alone', key, '-s', 'forbidden'],
    ['operator', bearer(ADMIN), '-so', 'forbidden'],
    ['operator, other case', { authorization: `bearer ${ADMIN}` }, '-so', 'forbidden'],
    ['operator as a user', { ...bearer(ADMIN), ...user }, `${USER}so`, 'ok'],
    ['wrong token', bearer('wrong'), 'unauthenticated', 'unauthenticated'],
    ['wrong token as a user', { ...bearer('wrong'), ...user }, 'unauthenticated', 'unauthenticated'],
    [
      'operator with a wrong key',
      { ...bearer(ADMIN), 'x-gateway-key': 'no' },
      'unauthenticated',
      'unauthenticated',
    ],
    ['the token of the gateway itself', { ...bearer('its own'), ...user, ...key }, USER, 'ok'],
    ['no user id', { 'x-user-id': '0', ...key }, 'unauthenticated', 'unauthenticated'],
    ['another scheme', { authorization: `Basic ${ADMIN}` }, 'unauthenticated', 'unauthenticated'],
  ])('%s', (_, headers, caller, claim) => {
    expect(who(auth, headers)).toBe(caller);
    expect(claims(auth, headers)).toBe(claim);
  });

  test('tokens in a message', () => {
    const from = (token: string) => auth.fromToken(token);
    expect(from(ADMIN)).toMatchObject({ ok: true, value: { caller: { operator: true, service: true } } });
    expect(from(KEY)).toMatchObject({ ok: true, value: { caller: { operator: false, service: true } } });
    expect(from('')).toMatchObject({ ok: false, problem: { code: 'unauthenticated' } });
  });
});

describe('gateway without a key', () => {
  const auth = authenticator({});
  test.each<[string, Headers, string, string]>([
    ['nothing', {}, 'unauthenticated', 'unauthenticated'],
    ['a user', user, USER, 'ok'],
    ['any key is no service', key, 'unauthenticated', 'unauthenticated'],
    ['operator', bearer(ADMIN), '-so', 'forbidden'],
    ['operator as a user', { ...bearer(ADMIN), ...user }, `${USER}so`, 'ok'],
    ['no user id', { 'x-user-id': '1x' }, 'unauthenticated', 'unauthenticated'],
  ])('%s', (_, headers, caller, claim) => {
    expect(who(auth, headers)).toBe(caller);
    expect(claims(auth, headers)).toBe(claim);
  });
});

describe('jwt', () => {
  const secret = 's'.repeat(32);
  const auth = authenticator({ auth: 'jwt', jwtSecret: secret, gatewayKey: KEY });
  const sign = (payload: object, key = secret) => createSigner({ key, algorithm: 'HS256' })(payload);

  test.each<[string, Headers, string, string]>([
    ['nothing', {}, 'unauthenticated', 'unauthenticated'],
    ['a user', bearer(sign({ sub: USER })), USER, 'ok'],
    ['X-User-Id says nothing here', user, 'unauthenticated', 'unauthenticated'],
    ['nor beside a token', { ...bearer(sign({ sub: USER })), 'x-user-id': '5' }, USER, 'ok'],
    ['the subject is no user id', bearer(sign({ sub: 'alice' })), 'unauthenticated', 'unauthenticated'],
    ['no subject', bearer(sign({})), 'unauthenticated', 'unauthenticated'],
    ['a service', bearer(sign({ sub: 'tills', scope: 'a coupon:redeem' })), '-s', 'forbidden'],
    ['an operator', bearer(sign({ sub: USER, scope: ['coupon:admin'] })), `${USER}so`, 'ok'],
    [
      'a scope that only looks alike',
      bearer(sign({ sub: 'x', scope: 'coupon:admins' })),
      'unauthenticated',
      'unauthenticated',
    ],
    ['admin token', bearer(ADMIN), '-so', 'forbidden'],
    ['the gateway key', key, '-s', 'forbidden'],
    ['a wrong gateway key', { 'x-gateway-key': 'no' }, 'unauthenticated', 'unauthenticated'],
    ['another secret', bearer(sign({ sub: USER }, 't'.repeat(32))), 'unauthenticated', 'unauthenticated'],
    ['no token at all', bearer('x'), 'unauthenticated', 'unauthenticated'],
    ['an endless one', bearer(`a.${'b'.repeat(10_000)}.c`), 'unauthenticated', 'unauthenticated'],
    ['times that are none', bearer(forge({ sub: USER, exp: 'never' })), 'unauthenticated', 'unauthenticated'],
  ])('%s', (_, headers, caller, claim) => {
    expect(who(auth, headers)).toBe(caller);
    expect(claims(auth, headers)).toBe(claim);
  });

  /** Signed by hand: the library refuses to sign nonsense. */
  function forge(payload: object): string {
    return createSigner({ key: secret, algorithm: 'HS256' })(Buffer.from(JSON.stringify(payload)));
  }

  test('exp and nbf are checked on every call, although the token is remembered', () => {
    let nowMs = 1_000_000_000_000;
    const clocked = authenticator({ auth: 'jwt', jwtSecret: secret }, () => nowMs);
    const headers = bearer(sign({ sub: USER, nbf: nowMs / 1000 + 5, exp: nowMs / 1000 + 10 }));
    const seen = [0, 5000, 9999, 10_000, 9000].map((ms) => {
      nowMs = 1_000_000_000_000 + ms;
      return claims(clocked, headers);
    });
    expect(seen).toEqual(['unauthenticated', 'ok', 'ok', 'unauthenticated', 'ok']);
  });

  test('the key decides the algorithm, never the token', () => {
    const pairs = {
      RS256: generateKeyPairSync('rsa', { modulusLength: 2048 }),
      ES256: generateKeyPairSync('ec', { namedCurve: 'P-256' }),
      EdDSA: generateKeyPairSync('ed25519'),
    };
    for (const [name, pair] of Object.entries(pairs)) {
      const algorithm = name as keyof typeof pairs;
      const pem = pair.publicKey.export({ type: 'spki', format: 'pem' }) as string;
      const keyed = authenticator({ auth: 'jwt', jwtPublicKey: { algorithm, pem } });
      const privatePem = pair.privateKey.export({ type: 'pkcs8', format: 'pem' }) as string;
      expect(claims(keyed, bearer(createSigner({ key: privatePem, algorithm })({ sub: USER })))).toBe('ok');
      expect(claims(keyed, bearer(sign({ sub: USER })))).toBe('unauthenticated');
      expect(claims(keyed, bearer(unsafeHs256(pem)))).toBe('unauthenticated');
      expect(claims(keyed, bearer(unsigned()))).toBe('unauthenticated');
    }
    expect(claims(auth, bearer(unsigned()))).toBe('unauthenticated');
  });
});

const encoded = (value: object) => Buffer.from(JSON.stringify(value)).toString('base64url');
const unsigned = () => `${encoded({ alg: 'none' })}.${encoded({ sub: USER })}.`;

/** The classic confusion: signed with HMAC, the public key as the secret. */
function unsafeHs256(pem: string): string {
  const input = `${encoded({ alg: 'HS256', typ: 'JWT' })}.${encoded({ sub: USER })}`;
  return `${input}.${createHmac('sha256', pem).update(input).digest('base64url')}`;
}

test('refusals of claims are constants', () => {
  const auth = authenticator({ gatewayKey: KEY });
  const words = new Uint32Array(2);
  const refuse = () => auth.claimUser(reader({ ...user, 'x-gateway-key': 'no' }), words);
  expect(refuse()).toBe(refuse());
});

test('what a route asks for: 403 without it', () => {
  const caller = (userId: string | null, service: boolean, operator: boolean) => ({
    userId,
    service,
    operator,
  });
  expect(requireUser(caller('1', false, false))).toEqual({ ok: true, value: '1' });
  for (const result of [
    requireUser(caller(null, true, true)),
    requireService(caller('1', false, false)),
    requireOperator(caller('1', true, false)),
  ]) {
    expect(result).toMatchObject({ ok: false, problem: { code: 'forbidden' } });
  }
  expect(requireService(caller(null, true, false)).ok).toBe(true);
  expect(requireOperator(caller(null, true, true)).ok).toBe(true);
});

test('a secret matches itself only', () => {
  const matches = secretMatcher('secret');
  expect(['secret', 'secreT', 'secre', 'secrets', '', 'secret\0', 'xsecret'].map(matches)).toEqual([
    true,
    false,
    false,
    false,
    false,
    false,
    false,
  ]);
  expect(matches('secret')).toBe(true);
});

describe('credentials of who stays connected', () => {
  const secret = 's'.repeat(32);
  const sign = createSigner({ key: secret, algorithm: 'HS256', noTimestamp: true });
  const clock = { nowMs: 1_000_000 };
  const jwt = authenticator({ auth: 'jwt', jwtSecret: secret, gatewayKey: KEY }, () => clock.nowMs);
  const endOf = (auth: Authenticator, headers: Headers) => {
    const proven = auth.credential(reader(headers));
    if (!proven.ok) return proven.problem.code;
    const { ended } = proven.value;
    return [1_000_000, 1_999_999, 2_000_000, 1e15].map((ms) => ended(ms)?.code ?? 'holds');
  };
  const forever = ['holds', 'holds', 'holds', 'holds'];

  test('a token’s end in the millisecond it says, and nothing else ends', () => {
    const until = { exp: 2000 };
    for (const claims of [{ sub: '7' }, { scope: 'coupon:redeem' }, { scope: 'coupon:admin' }]) {
      const ends = ['holds', 'holds', 'unauthenticated', 'unauthenticated'];
      expect(endOf(jwt, bearer(sign({ ...claims, ...until })))).toEqual(ends);
      expect(endOf(jwt, bearer(sign(claims)))).toEqual(forever);
    }
    for (const headers of [key, bearer(ADMIN)]) expect(endOf(jwt, headers)).toEqual(forever);
    const gateway = authenticator({ gatewayKey: KEY });
    for (const headers of [key, { ...key, ...user }, bearer(ADMIN)])
      expect(endOf(gateway, headers)).toEqual(forever);
    expect(endOf(gateway, user)).toBe('unauthenticated');
  });

  test('a gateway is who has the key', () => {
    const gateway = authenticator({ gatewayKey: KEY });
    for (const auth of [jwt, gateway]) {
      expect(auth.isGateway(reader(key))).toBe(true);
      for (const headers of [
        {},
        user,
        bearer(ADMIN),
        { 'x-gateway-key': `${KEY}x` },
        { 'x-gateway-key': '' },
      ])
        expect(auth.isGateway(reader(headers))).toBe(false);
    }
    expect(authenticator({}).isGateway(reader(key))).toBe(false);
  });
});
