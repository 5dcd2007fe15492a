import { generateKeyPairSync, type KeyObject } from 'node:crypto';
import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { createSigner } from 'fast-jwt';
import { expect, test } from 'vitest';
import { type Jwks, loadJwks } from '../../src/auth/jwks.ts';
import { isIdentity } from '../../src/auth/jwt.ts';

const URL = 'https://issuer.example/keys';
const START_MS = 1_000_000_000_000;

interface IssuerKey {
  readonly jwk: object;
  readonly token: string;
}

function issuerKey(kid: string | undefined, sub = '7'): IssuerKey {
  const { publicKey, privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
  const jwk = { ...publicKey.export({ format: 'jwk' }), ...(kid && { kid }), use: 'sig', alg: 'ES256' };
  return { jwk, token: signed(privateKey, kid, sub) };
}

function signed(privateKey: KeyObject, kid: string | undefined, sub: string): string {
  const key = privateKey.export({ type: 'pkcs8', format: 'pem' }) as string;
  return createSigner({ key, algorithm: 'ES256', ...(kid && { kid }) })({ sub });
}

/** An issuer with a clock; `fetches` counts what it was asked. */
async function issuer(keys: unknown[]) {
  const state = { keys, fetches: 0, nowMs: START_MS, down: false };
  const fetch = async () => {
    state.fetches++;
    if (state.down) throw new Error('refused');
    return new Response(JSON.stringify({ keys: state.keys }));
  };
  const result = await loadJwks(URL, { fetch: fetch as typeof globalThis.fetch, nowMs: () => state.nowMs });
  return { state, result };
}

async function loaded(keys: unknown[]) {
  const { state, result } = await issuer(keys);
  if (!result.ok) throw new Error(result.error);
  const accepts = (token: string) => isIdentity(result.jwks.verify(token, state.nowMs));
  return { state, jwks: result.jwks as Jwks, accepts };
}

test('tokens are verified with the key they name', async () => {
  const [a, b, stranger] = [issuerKey('a'), issuerKey('b'), issuerKey('a')];
  const { accepts } = await loaded([a.jwk, b.jwk]);
  expect([a, b, stranger].map(({ token }) => accepts(token))).toEqual([true, true, false]);
  expect(accepts(issuerKey(undefined).token)).toBe(false);
  expect(accepts('no.token.at all')).toBe(false);
  expect(accepts('')).toBe(false);
});

test('without a key id the only key is meant', async () => {
  const key = issuerKey(undefined);
  expect((await loaded([key.jwk])).accepts(key.token)).toBe(true);
});

test('a rotated key is found after one refusal; a withdrawn one is refused from then on', async () => {
  const [old, fresh] = [issuerKey('old'), issuerKey('fresh')];
  const { state, jwks, accepts } = await loaded([old.jwk]);
  expect(accepts(old.token)).toBe(true);
  state.keys = [fresh.jwk];
  expect(accepts(fresh.token)).toBe(false);
  expect(await jwks.settled()).toBeNull();
  expect(accepts(fresh.token)).toBe(true);
  expect(accepts(old.token)).toBe(false);
});

test('made up key ids ask the issuer ever more rarely', async () => {
  const { state, jwks, accepts } = await loaded([issuerKey('a').jwk]);
  const unknown = issuerKey('unknown').token;
  for (let second = 0; second < 600; second++) {
    state.nowMs = START_MS + second * 1000;
    accepts(unknown);
    await jwks.settled();
  }
  expect(state.fetches).toBeLessThan(10);
  expect(state.fetches).toBeGreaterThan(3);
});

test('the set is refreshed while it is used; an issuer that is down changes nothing', async () => {
  const key = issuerKey('a');
  const { state, jwks, accepts } = await loaded([key.jwk]);
  accepts(key.token);
  await jwks.settled();
  expect(state.fetches).toBe(1);
  state.nowMs += 10 * 60 * 1000;
  state.down = true;
  expect(accepts(key.token)).toBe(true);
  expect(await jwks.settled()).toContain('refused');
  expect(state.fetches).toBe(2);
  expect(accepts(key.token)).toBe(true);
});

test('unusable keys are passed over; a set without any stops the start', async () => {
  const oct = { kty: 'oct', k: 'c2VjcmV0', kid: 'a' };
  const small = generateKeyPairSync('rsa', { modulusLength: 1024 }).publicKey.export({ format: 'jwk' });
  const encryption = { ...issuerKey('e').jwk, use: 'enc' };
  const key = issuerKey('good');
  expect((await loaded([oct, small, encryption, null, 5, {}, key.jwk])).accepts(key.token)).toBe(true);
  const { result } = await issuer([oct, small, encryption]);
  expect(result).toEqual({ ok: false, error: expect.stringContaining('no usable key') });
});

test('over HTTP: found, not found, no key set, redirected', async () => {
  const key = issuerKey('a');
  const server = createServer((request, response) => {
    const status = request.url === '/missing' ? 404 : request.url === '/moved' ? 302 : 200;
    response.writeHead(status, { location: '/keys' });
    response.end(request.url === '/odd' ? '[]' : JSON.stringify({ keys: [key.jwk] }));
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const base = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  try {
    expect((await loadJwks(`${base}/keys`)).ok).toBe(true);
    expect(await loadJwks(`${base}/missing`)).toEqual({ ok: false, error: expect.stringContaining('404') });
    expect(await loadJwks(`${base}/odd`)).toEqual({
      ok: false,
      error: expect.stringContaining('no key set'),
    });
    expect((await loadJwks(`${base}/moved`)).ok).toBe(false);
  } finally {
    server.closeAllConnections();
    server.close();
  }
});

test('whoever stays connected by a token of a withdrawn key is not believed any longer', async () => {
  const [old, other] = [issuerKey('old'), issuerKey('other')];
  const { state, jwks } = await loaded([old.jwk, other.jwk]);
  const credential = (token: string) => {
    const identity = jwks.verify(token, state.nowMs);
    if (!isIdentity(identity)) throw new Error(identity.detail);
    return () => identity.ended(state.nowMs)?.code ?? 'holds';
  };
  const [byOld, byOther] = [credential(old.token), credential(other.token)];
  expect([byOld(), byOther()]).toEqual(['holds', 'holds']);
  state.keys = [other.jwk];
  state.nowMs += 11 * 60_000;
  // Asking is use: it is what makes the set refresh.
  byOld();
  expect(await jwks.settled()).toBeNull();
  expect([byOld(), byOther()]).toEqual(['unauthenticated', 'holds']);
});
