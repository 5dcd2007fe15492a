/** Who may claim, how often, and from which browser page. */
import { createSigner } from 'fast-jwt';
import { expect, test } from 'vitest';
import { Connection } from '../support/connection.ts';
import { claimPath } from '../support/crowd.ts';
import { newTemplate } from '../support/sales.ts';
import { type Environment, type Server, startServer } from '../support/server.ts';

async function withServer(env: Environment, body: (server: Server, connection: Connection) => Promise<void>) {
  const server = await startServer({ env });
  const connection = await Connection.open(server.port);
  try {
    await body(server, connection);
  } finally {
    connection.close();
    await server.destroy();
  }
}

test('AUTH=jwt: the subject claims; expired, early, forged and missing tokens are 401', async () => {
  const secret = 'a secret of at least thirty-two characters';
  await withServer({ AUTH: 'jwt', JWT_SECRET: secret }, async (server, connection) => {
    const path = claimPath(await newTemplate(server));
    const nowS = Math.floor(Date.now() / 1000);
    const signer = createSigner({ key: secret, algorithm: 'HS256', noTimestamp: true });
    const claimWith = (token: string | null, more: Environment = {}) => {
      const headers = { ...more, ...(token === null ? {} : { Authorization: `Bearer ${token}` }) };
      return connection.request({ method: 'POST', path, headers });
    };
    const good = signer({ sub: '9223372036854775807', exp: nowS + 60 });
    expect((await claimWith(good)).status).toBe(201);
    // The header of the other way to say who one is says nothing here.
    expect((await claimWith(good, { 'X-User-Id': '5' })).status).toBe(200);
    const bad = [
      null,
      'nonsense',
      signer({ sub: '7', exp: nowS - 1 }),
      signer({ sub: '7', nbf: nowS + 60 }),
      signer({ sub: 'alice' }),
      signer({ sub: '9223372036854775808' }),
      createSigner({ key: `${secret}!`, algorithm: 'HS256' })({ sub: '7' }),
      createSigner({ algorithm: 'none' })({ sub: '7' }),
    ];
    for (const token of bad) {
      const answer = await claimWith(token, { 'X-User-Id': '7' });
      expect({ token, status: answer.status }).toEqual({ token, status: 401 });
      expect(answer.json.code).toBe('unauthenticated');
    }
    // Verified once and remembered, it still ends when it ends.
    const short = signer({ sub: '8', exp: nowS + 2 });
    expect((await claimWith(short)).status).toBe(201);
    for (;;) {
      const { status } = await claimWith(short);
      if (status === 401) break;
      expect(status).toBe(200);
      expect(Date.now()).toBeLessThan((nowS + 10) * 1000);
    }
    const service = signer({ scope: 'coupon:redeem' });
    expect(await claimWith(service)).toMatchObject({ status: 403, json: { code: 'forbidden' } });
    const wallet = { path: '/v1/users/8/coupons', headers: { Authorization: `Bearer ${service}` } };
    expect((await connection.request(wallet)).status).toBe(403);
    const admin = { ...wallet, headers: { Authorization: `Bearer ${signer({ scope: 'coupon:admin' })}` } };
    expect((await connection.request(admin)).json.items).toHaveLength(1);
  });
});

test('with a gateway key nobody is believed without it', async () => {
  await withServer({ GATEWAY_KEY: 'the-gateway-key-of-this-test' }, async (server, connection) => {
    const path = claimPath(await newTemplate(server));
    const claimWith = (headers: Environment) => connection.request({ method: 'POST', path, headers });
    expect((await claimWith({ 'X-User-Id': '1' })).status).toBe(401);
    expect(
      (await claimWith({ 'X-User-Id': '1', 'X-Gateway-Key': 'the-gateway-key-of-that-test' })).status,
    ).toBe(401);
    const key = { 'X-Gateway-Key': 'the-gateway-key-of-this-test' };
    expect((await claimWith(key)).status).toBe(403);
    for (const user of ['0', '-1', '1e3', '01', '9223372036854775808', 'x'])
      expect({ user, status: (await claimWith({ ...key, 'X-User-Id': user })).status }).toEqual({
        user,
        status: 401,
      });
    expect((await claimWith({ ...key, 'X-User-Id': '1' })).status).toBe(201);
  });
});

test('one user’s claims a second are limited, with Retry-After; another user is not', async () => {
  await withServer({ RATE_LIMIT_USER: '2' }, async (server, connection) => {
    const path = claimPath(await newTemplate(server));
    const claimAs = (user: string) =>
      connection.request({ method: 'POST', path, headers: { 'X-User-Id': user } });
    const burst = [];
    for (let i = 0; i < 12; i++) burst.push(await claimAs('1'));
    const admitted = burst.filter(({ status }) => status < 300).length;
    expect(admitted).toBeGreaterThanOrEqual(4);
    const refused = burst.filter(({ status }) => status === 429);
    expect(refused.length).toBeGreaterThanOrEqual(4);
    expect(admitted + refused.length).toBe(12);
    for (const { json, headers } of refused) {
      expect(json.code).toBe('rate_limited');
      expect(Number(headers['retry-after'])).toBeGreaterThanOrEqual(1);
    }
    expect((await claimAs('2')).status).toBe(201);
  });
});

test('one address’s claims a second are limited', async () => {
  await withServer({ RATE_LIMIT_ADDRESS: '3' }, async (server, connection) => {
    const path = claimPath(await newTemplate(server));
    const statuses = [];
    for (let user = 1; user <= 20; user++)
      statuses.push(
        (await connection.request({ method: 'POST', path, headers: { 'X-User-Id': String(user) } })).status,
      );
    expect(statuses.filter((status) => status === 201).length).toBeGreaterThanOrEqual(6);
    expect(statuses.filter((status) => status === 429).length).toBeGreaterThan(5);
  });
});

test('CORS: named origins may call and read, others get no leave', async () => {
  const origin = 'https://shop.example';
  await withServer({ CORS_ORIGINS: origin }, async (server, connection) => {
    const path = claimPath(await newTemplate(server, { stock: 1 }));
    const from = (who: string, user: string) =>
      connection.request({ method: 'POST', path, headers: { 'X-User-Id': user, Origin: who } });
    for (const [user, status] of [
      ['1', 201],
      ['1', 200],
      ['2', 409],
    ] as const) {
      const answer = await from(origin, user);
      expect(answer.status).toBe(status);
      expect(answer.headers).toMatchObject({ 'access-control-allow-origin': origin, vary: 'Origin' });
    }
    const other = await from('https://evil.example', '1');
    expect(other.headers['access-control-allow-origin']).toBeUndefined();
    const preflight = await connection.request({
      method: 'OPTIONS',
      path,
      headers: { Origin: origin, 'Access-Control-Request-Method': 'POST' },
    });
    expect(preflight.status).toBe(204);
    expect(preflight.headers).toMatchObject({ 'access-control-allow-origin': origin });
    expect(preflight.headers['access-control-allow-methods']).toContain('POST');
    expect(preflight.headers['access-control-allow-headers']).toContain('idempotency-key');
  });
});

test('the claim routes answer other methods with 405 and Allow', async () => {
  await withServer({}, async (server, connection) => {
    const sale = await newTemplate(server);
    for (const method of ['GET', 'PUT', 'DELETE', 'PATCH']) {
      const answer = await connection.request({
        method,
        path: claimPath(sale),
        headers: { 'X-User-Id': '1' },
      });
      expect({ method, status: answer.status }).toEqual({ method, status: 405 });
      expect(answer.headers.allow).toContain('POST');
    }
  });
});
