/** The router on a real socket: what it refuses, what it lets through, and that nothing ends the process. */
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { z } from 'zod';
import { NO_CREDENTIALS } from '../../src/auth/caller.ts';
import { route } from '../../src/http/route.ts';
import type { Router } from '../../src/http/router.ts';
import { loadUws } from '../../src/http/uws.ts';
import type { TemplatedApp } from '../../src/http/uws-types.ts';
import { ok, problem } from '../../src/problems.ts';
import { localRouter } from './local-router.ts';
import { exchange, open, type RawAnswer } from './raw-http.ts';

const uws = loadUws();
const logged: string[] = [];
let app: TemplatedApp;
let router: Router;
let port = 0;
let release: () => void = () => {};
let handled = 0;

const thing = z.strictObject({ name: z.string(), n: z.int().optional() });

beforeAll(async () => {
  router = localRouter({
    authenticator: {
      caller: (header) => {
        const who = header('x-user-id');
        if (who === '') return { ok: false, problem: NO_CREDENTIALS };
        const operator = who === 'operator';
        return ok({ userId: operator ? null : who, service: operator, operator });
      },
    },
    corsOrigins: ['https://shop.example'],
    now: () => 1_000,
    log: { error: (_fields, message) => logged.push(message) },
    routes: [
      route({
        method: 'POST',
        path: '/v1/things',
        access: 'public',
        body: thing,
        handle: async ({ body, nowMs }) => {
          handled++;
          return { status: 201, json: { got: body, nowMs } };
        },
      }),
      route({
        method: 'POST',
        path: '/v1/things/:thingId/use',
        access: 'public',
        body: z.strictObject({ n: z.int().default(7) }),
        handle: async ({ body }) => ({ status: 200, json: body }),
      }),
      route({
        method: 'GET',
        path: '/v1/things/:thingId',
        access: 'public',
        query: z.strictObject({ limit: z.string().optional() }),
        handle: async ({ params, query }) => ({ status: 200, json: { params, query } }),
      }),
      route({
        method: 'GET',
        path: '/v1/things/all',
        access: 'public',
        handle: async () => ({ status: 200, json: 'all' }),
      }),
      route({
        method: 'DELETE',
        path: '/v1/things/:thingId',
        access: 'operator',
        handle: async () => ({ status: 204 }),
      }),
      route({
        method: 'GET',
        path: '/v1/codes/*code',
        access: 'public',
        handle: async ({ params }) => ({ status: 200, json: params }),
      }),
      route({
        method: 'GET',
        path: '/v1/mine',
        access: 'user',
        handle: async ({ caller }) => ({ status: 200, json: caller }),
      }),
      route({
        method: 'POST',
        path: '/v1/upload',
        access: 'public',
        body: 'bytes',
        bodyBytesMax: 200_000,
        handle: async ({ body }) => ({
          status: 200,
          json: { bytes: body.length, sum: body.reduce((a, b) => a + b, 0) },
        }),
      }),
      route({
        method: 'GET',
        path: '/v1/throws',
        access: 'public',
        handle: async () => {
          throw new Error('broken');
        },
      }),
      route({
        method: 'GET',
        path: '/v1/slow',
        access: 'public',
        handle: async () => {
          await new Promise<void>((resolve) => (release = resolve));
          return { status: 200, json: 'late' };
        },
      }),
      route({
        method: 'GET',
        path: '/v1/busy',
        access: 'public',
        handle: async () => problem('overloaded', 'full'),
      }),
      route({
        method: 'GET',
        path: '/v1/busy/long',
        access: 'public',
        handle: async () => problem('rate_limited', 'slow down', { retryAfterS: 2.5, code: 'no', status: 1 }),
      }),
    ],
  });
  app = uws.App();
  router.mount(app);
  port = await new Promise<number>((resolve, reject) => {
    app.listen('127.0.0.1', 0, (socket) =>
      socket === false ? reject(new Error('no port')) : resolve(uws.us_socket_local_port(socket)),
    );
  });
});

afterAll(() => {
  app.close();
});

beforeEach(() => {
  logged.length = 0;
  handled = 0;
});

function get(path: string, headers = ''): Promise<RawAnswer> {
  return exchange(port, `GET ${path} HTTP/1.1\r\nHost: a\r\n${headers}\r\n`);
}

function post(body: string | Uint8Array, path = '/v1/things'): Promise<RawAnswer> {
  const length = Buffer.byteLength(body);
  return exchange(port, [`POST ${path} HTTP/1.1\r\nHost: a\r\nContent-Length: ${length}\r\n\r\n`, body]);
}

function codeOf(answer: RawAnswer): [number, string] {
  return [answer.status, answer.body.startsWith('{') ? JSON.parse(answer.body).code : answer.body];
}

async function until(condition: () => boolean): Promise<void> {
  while (!condition()) await new Promise((resolve) => setImmediate(resolve));
}

describe('routes', () => {
  it('matches decimal ids and literal segments', async () => {
    expect(JSON.parse((await get('/v1/things/42?limit=3')).body)).toEqual({
      params: { thingId: '42' },
      query: { limit: '3' },
    });
    expect((await get('/v1/things/all')).body).toBe('"all"');
    for (const id of ['x', '-1', '01', '1e3', '', '99999999999999999999']) {
      expect(codeOf(await get(`/v1/things/${id}`)), id).toEqual([404, 'not_found']);
    }
    expect(JSON.parse((await get('/v1/codes/A%2FB-1')).body)).toEqual({ code: 'A/B-1' });
    expect(codeOf(await get('/v1/codes/%ff'))).toEqual([404, 'not_found']);
  });

  it('tells 405 with Allow from 404', async () => {
    const answer = await exchange(port, 'PUT /v1/things/1 HTTP/1.1\r\nHost: a\r\nContent-Length: 0\r\n\r\n');
    expect(codeOf(answer)).toEqual([405, 'method_not_allowed']);
    expect(answer.headers.allow).toBe('GET, DELETE, OPTIONS');
    expect(codeOf(await get('/nowhere'))).toEqual([404, 'not_found']);
  });

  it('answers problems as RFC 9457 asks, extras beside the standard members', async () => {
    const answer = await get('/v1/busy/long');
    expect(answer.headers).toMatchObject({ 'content-type': 'application/problem+json', 'retry-after': '3' });
    expect(JSON.parse(answer.body)).toEqual({
      type: 'https://doorbuster.dev/problems/rate-limited',
      title: 'Too many requests',
      status: 429,
      code: 'rate_limited',
      detail: 'slow down',
      retryAfterS: 2.5,
    });
    expect((await get('/v1/busy')).headers['retry-after']).toBe('1');
  });

  it('asks for credentials, then for better ones', async () => {
    const none = await get('/v1/mine');
    expect(codeOf(none)).toEqual([401, 'unauthenticated']);
    expect(none.headers['www-authenticate']).toBe('Bearer');
    expect((await get('/v1/mine', 'X-User-Id: 7\r\n')).status).toBe(200);
    const remove = (who: string) =>
      exchange(port, `DELETE /v1/things/1 HTTP/1.1\r\nHost: a\r\nX-User-Id: ${who}\r\n\r\n`);
    expect(codeOf(await remove('7'))).toEqual([403, 'forbidden']);
    const removed = await remove('operator');
    expect(removed.status).toBe(204);
    expect(removed.headers['content-length']).toBeUndefined();
  });

  it('speaks CORS to the origins it knows only', async () => {
    const preflight = (origin: string) =>
      exchange(
        port,
        `OPTIONS /v1/things/1 HTTP/1.1\r\nHost: a\r\nOrigin: ${origin}\r\nAccess-Control-Request-Method: GET\r\n\r\n`,
      );
    const known = await preflight('https://shop.example');
    expect(known.status).toBe(204);
    expect(known.headers['access-control-allow-origin']).toBe('https://shop.example');
    expect(known.headers['access-control-allow-methods']).toBe('GET, DELETE, OPTIONS');
    expect((await preflight('https://evil.example')).headers['access-control-allow-origin']).toBeUndefined();
    expect(
      (await get('/nowhere', 'Origin: https://shop.example\r\n')).headers['access-control-allow-origin'],
    ).toBe('https://shop.example');
    expect(
      (await get('/v1/busy', 'Origin: https://shop.example.evil\r\n')).headers['access-control-allow-origin'],
    ).toBeUndefined();
  });
});

describe('requests', () => {
  it('names every wrong field, its value and what is allowed', async () => {
    const answer = await post('{"name":5,"n":1e400,"extra":1,"__proto__":{"name":"x"}}');
    expect(codeOf(answer)).toEqual([400, 'invalid_request']);
    const errors = JSON.parse(answer.body).errors as { field: string; problem: string; allowed: string }[];
    expect(errors.map((error) => error.field).sort()).toEqual(['__proto__', 'extra', 'n', 'name']);
    expect(errors.find((error) => error.field === 'name')).toEqual({
      field: 'name',
      problem: 'is 5',
      allowed: 'text',
    });
    expect(errors.find((error) => error.field === 'extra')!.allowed).toBe('name, n');
    expect(handled).toBe(0);
  });

  it.each([
    ['an unsafe integer', '{"name":"a","n":9007199254740993}'],
    ['a fraction', '{"name":"a","n":1.5}'],
    ['a list', '[]'],
    ['null', 'null'],
    ['a missing field', '{}'],
  ])('refuses %s', async (_what, body) => {
    expect(codeOf(await post(body))).toEqual([400, 'invalid_request']);
  });

  it.each([
    ['no body', ''],
    ['blank', ' \n'],
    ['half a body', '{"name":'],
    ['bad UTF-8', Buffer.from([0x22, 0xc3, 0x28, 0x22])],
    ['overlong UTF-8', Buffer.from([0x22, 0xc0, 0x80, 0x22])],
    ['deep nesting that never ends', '['.repeat(60_000)],
  ])('refuses %s as malformed', async (_what, body) => {
    expect(codeOf(await post(body))).toEqual([400, 'malformed_json']);
  });

  it('names duplicate, unknown and badly encoded query parameters', async () => {
    const field = async (query: string) =>
      JSON.parse((await get(`/v1/things/1?${query}`)).body).errors[0].field;
    expect(await field('limit=1&limit=2')).toBe('?limit');
    expect(await field('%6cimit=1&limit=1')).toBe('?limit');
    expect(await field('colour=red')).toBe('colour');
    expect(await field('__proto__=1')).toBe('__proto__');
    expect(await field('limit=%ff')).toBe('?limit=%ff');
    const none = await get('/v1/things/all?x=1');
    expect(codeOf(none)).toEqual([400, 'invalid_request']);
  });

  it('takes no body where none is wanted, but an empty object', async () => {
    const remove = (body: string) =>
      exchange(
        port,
        `DELETE /v1/things/1 HTTP/1.1\r\nHost: a\r\nX-User-Id: operator\r\nContent-Length: ${body.length}\r\n\r\n${body}`,
      );
    expect((await remove('{}')).status).toBe(204);
    expect(JSON.parse((await remove('{"a":1}')).body).errors[0].field).toBe('a');
  });

  it('takes no body for an empty object where all members are optional', async () => {
    const use = (rest: string) => exchange(port, `POST /v1/things/1/use HTTP/1.1\r\nHost: a\r\n${rest}`);
    for (const rest of [
      '\r\n',
      'Content-Length: 0\r\n\r\n',
      'Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n',
      'Content-Length: 2\r\n\r\n{}',
    ]) {
      const answer = await use(rest);
      expect([answer.status, answer.body], rest).toEqual([200, '{"n":7}']);
    }
    expect(codeOf(await use('Content-Length: 1\r\n\r\n '))).toEqual([400, 'malformed_json']);
    expect(codeOf(await use('Content-Length: 7\r\n\r\n{"a":1}'))).toEqual([400, 'invalid_request']);
  });

  it('reads chunked bodies that arrive in pieces', async () => {
    const head = 'POST /v1/things HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n';
    const answer = await exchange(port, [
      head,
      '9\r\n{"name":"',
      '\r\n',
      '2\r\nö\r\n',
      '2\r\n"}\r\n',
      '0\r\n\r\n',
    ]);
    expect(JSON.parse(answer.body)).toEqual({ got: { name: 'ö' }, nowMs: 1000 });
  });

  it('keeps every byte of a body that comes in many chunks', async () => {
    const body = Buffer.alloc(150_000, 7);
    const head = `POST /v1/upload HTTP/1.1\r\nHost: a\r\nContent-Length: ${body.length}\r\n\r\n`;
    const answer = await exchange(port, [
      head,
      ...[0, 1, 2].map((i) => body.subarray(i * 50_000, (i + 1) * 50_000)),
    ]);
    expect(JSON.parse(answer.body)).toEqual({ bytes: 150_000, sum: 7 * 150_000 });
  });

  it('refuses what is announced as too large at once', async () => {
    const answer = await exchange(
      port,
      'POST /v1/things HTTP/1.1\r\nHost: a\r\nContent-Length: 65537\r\n\r\n',
      { untilClosed: true },
    );
    expect(codeOf(answer)).toEqual([413, 'payload_too_large']);
    expect(answer.closed).toBe(true);
  });

  it('counts what is not announced', async () => {
    const chunk = `4000\r\n${'x'.repeat(0x4000)}\r\n`;
    const head = 'POST /v1/things HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n';
    const answer = await exchange(port, [head, chunk, chunk, chunk, chunk, '1\r\nx\r\n'], {
      untilClosed: true,
    });
    expect(codeOf(answer)).toEqual([413, 'payload_too_large']);
    expect(handled).toBe(0);
  });

  it('takes a body of exactly the bound', async () => {
    const body = JSON.stringify({ name: 'x'.repeat(65_536 - 11) });
    expect(body.length).toBe(65_536);
    expect((await post(body)).status).toBe(201);
  });
});

describe('ambiguous framing is refused and the connection closed', () => {
  it.each([
    ['differing lengths', 'Content-Length: 2\r\nContent-Length: 30\r\n', '{}'],
    ['an empty length before another', 'Content-Length:\r\nContent-Length: 2\r\n', '{}'],
    ['a list of lengths', 'Content-Length: 2, 2\r\n', '{}'],
    ['a signed length', 'Content-Length: +2\r\n', '{}'],
    ['another coding', 'Transfer-Encoding: xchunked\r\n', '0\r\n\r\n'],
    ['two codings', 'Transfer-Encoding: gzip, chunked\r\n', '0\r\n\r\n'],
    ['an empty coding before chunked', 'Transfer-Encoding:\r\nTransfer-Encoding: chunked\r\n', '0\r\n\r\n'],
    ['chunked twice', 'Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n', '0\r\n\r\n'],
    ['both headers', 'Content-Length: 2\r\nTransfer-Encoding: chunked\r\n', '0\r\n\r\n'],
  ])('%s', async (_what, headers, body) => {
    for (const path of ['/v1/things', '/nowhere']) {
      const smuggled = 'GET /v1/things/all HTTP/1.1\r\nHost: a\r\n\r\n';
      const raw = `POST ${path} HTTP/1.1\r\nHost: a\r\n${headers}\r\n${body}${smuggled}`;
      const answer = await exchange(port, raw, { untilClosed: true });
      expect(answer.status).toBe(400);
      expect(answer.text.split('HTTP/1.1')).toHaveLength(2);
      expect(answer.closed).toBe(true);
    }
    expect(handled).toBe(0);
  });

  it('accepts the same length twice', async () => {
    const raw =
      'POST /v1/things HTTP/1.1\r\nHost: a\r\nContent-Length: 12\r\nContent-Length: 12\r\n\r\n{"name":"a"}';
    expect((await exchange(port, raw)).status).toBe(201);
  });
});

describe('a header that says who or whether again, sent twice', () => {
  it.each([
    ['X-User-Id', 'X-User-Id: 111\r\nX-User-Id: 222'],
    ['X-User-Id', 'X-User-Id: operator\r\nX-User-Id: operator'],
    ['Authorization', 'X-User-Id: 1\r\nAuthorization: Bearer a\r\nAuthorization: Bearer b'],
    ['X-Gateway-Key', 'X-User-Id: 1\r\nX-Gateway-Key: a\r\nX-Gateway-Key: b'],
    ['Idempotency-Key', 'X-User-Id: 1\r\nIdempotency-Key: a\r\nIdempotency-Key: a'],
    ['Origin', 'X-User-Id: 1\r\nOrigin: https://shop.example\r\nOrigin: https://evil.example'],
  ])('%s is 400 on every route', async (field, lines) => {
    for (const first of ['GET /v1/mine', 'GET /v1/things/1', 'DELETE /v1/things/1', 'GET /nowhere']) {
      const answer = await exchange(port, `${first} HTTP/1.1\r\nHost: a\r\n${lines}\r\n\r\n`);
      expect(codeOf(answer)).toEqual([400, 'invalid_request']);
      expect(JSON.parse(answer.body).errors[0].field).toBe(field);
    }
  });
});

describe('what must not end the process', () => {
  it('a handler that throws is a 500 and a line in the log', async () => {
    expect(codeOf(await get('/v1/throws'))).toEqual([500, 'internal']);
    expect(logged).toEqual(['request failed']);
    expect((await get('/v1/throws')).body).not.toContain('broken');
  });

  it('an answer that comes after the client has gone is dropped', async () => {
    const socket = await open(port);
    socket.write('GET /v1/slow HTTP/1.1\r\nHost: a\r\n\r\n');
    await until(() => router.inFlight() === 1);
    socket.destroy();
    await until(() => router.inFlight() === 0);
    release();
    expect((await get('/v1/things/all')).status).toBe(200);
    expect(logged).toEqual([]);
  });

  it('a client that half-closes while its answer is being made', async () => {
    const socket = await open(port);
    socket.write('GET /v1/slow HTTP/1.1\r\nHost: a\r\n\r\n');
    await until(() => router.inFlight() === 1);
    socket.end();
    await until(() => router.inFlight() === 0);
    release();
    socket.destroy();
    expect((await get('/v1/things/all')).status).toBe(200);
  });

  it('a body that stops half-way', async () => {
    const socket = await open(port);
    socket.write('POST /v1/things HTTP/1.1\r\nHost: a\r\nContent-Length: 100\r\n\r\n{"name":');
    await until(() => router.inFlight() === 1);
    socket.destroy();
    await until(() => router.inFlight() === 0);
    expect(handled).toBe(0);
    expect(logged).toEqual([]);
  });
});
