/**
 * Requests that are wrong in what they say: the answer is a problem that says what is wrong, and afterwards the
 * process lives and its figures are right.
 */
import { afterAll, afterEach, beforeAll, expect, test } from 'vitest';
import { exchange } from '../http/raw-http.ts';
import type { Sale } from '../support/book.ts';
import { Connection } from '../support/connection.ts';
import { claimPath } from '../support/crowd.ts';
import { templateBody } from '../support/sales.ts';
import { ADMIN_TOKEN, type Server } from '../support/server.ts';
import { Target } from '../support/target.ts';

const BEARER = `Authorization: Bearer ${ADMIN_TOKEN}`;
let target: Target;
let server: Server;
let sale: Sale;
let activityId: string;

beforeAll(async () => {
  target = await Target.start();
  ({ server, sale, activityId } = target);
});
afterAll(() => server.destroy());
afterEach(() => target.expectHealthy());

const HUGE = 1e300;
const WRONG = [null, true, 'x', '', -1, 0.5, HUGE, [], {}, [[]], '9'.repeat(400), 'a\u0000b'];

/** Routes with a JSON body: a good body, and fields that are let pass with odd values of the right type. */
const BODIES: [string, string, () => Record<string, unknown>][] = [
  ['POST', '/v1/templates', () => templateBody()],
  ['PATCH', '/v1/templates/:id', () => ({ name: 'another', intro: 'x', claimUntil: null, perUserLimit: 2 })],
  ['PUT', '/v1/templates/:id/stock', () => ({ total: 1000 })],
  [
    'POST',
    '/v1/activities',
    () => ({
      templateId: sale.templateId,
      name: 'activity',
      stock: 5,
      startsAt: '2026-01-01T00:00:00.000Z',
      endsAt: '2098-01-01T00:00:00.000Z',
      perUserLimit: 1,
    }),
  ],
  ['PATCH', '/v1/activities/:id', () => ({ name: 'activity', stock: 10, perUserLimit: 1 })],
];

function filled(route: string): string {
  return route.replace(/\/templates\/:id/, `/templates/${sale.templateId}`).replace(':id', activityId);
}

test.each(BODIES)('%s %s names what is wrong with each field', async (method, route, body) => {
  const good = body();
  for (const field of Object.keys(good)) {
    for (const value of WRONG) {
      const answer = await server.api(method, filled(route), { ...good, [field]: value });
      // Some of these are right for some field (null, text); none may be an internal error or go unexplained.
      expect(answer.status, `${field}=${JSON.stringify(value)}: ${answer.text}`).toBeLessThan(500);
      if (answer.status < 400) continue;
      expect(answer.headers['content-type']).toBe('application/problem+json');
      if (answer.status === 400) expect(answer.json.detail).toContain(field);
    }
    if (method !== 'POST') continue;
    const { [field]: _, ...without } = good;
    const missing = await server.api(method, filled(route), without);
    expect(missing).toMatchObject({ status: 400, json: { code: 'invalid_request' } });
    expect(missing.json.detail).toContain(`${field}: is missing`);
  }
  const unknown = await server.api(method, filled(route), { ...good, surprise: 1, __proto: 2 });
  expect(unknown).toMatchObject({ status: 400, json: { code: 'invalid_request' } });
  expect(unknown.json.detail).toContain('surprise');
});

test('bodies that are no JSON object, not UTF-8, or too large', async () => {
  const head = (bytes: number, path: string) =>
    `POST ${path} HTTP/1.1\r\nHost: x\r\n${BEARER}\r\nX-User-Id: 5\r\nContent-Length: ${bytes}\r\n\r\n`;
  for (const path of ['/v1/templates', claimPath(sale), `/v1/activities/${activityId}/stop`]) {
    for (const text of ['{', '[]', 'null', '"x"', '{"a":1}x', '{"stock":1e999}']) {
      const answer = await exchange(server.port, [head(Buffer.byteLength(text), path), text]);
      expect(answer.status, `${path} ${text}: ${answer.text}`).toBe(400);
      expect(['malformed_json', 'invalid_request']).toContain(JSON.parse(answer.body).code);
    }
    for (const bytes of [[0xff], [0x7b, 0xc3, 0x28, 0x7d], [0xed, 0xa0, 0x80]]) {
      const answer = await exchange(server.port, [head(bytes.length, path), Buffer.from(bytes)]);
      expect(answer.status, answer.text).toBe(400);
      expect(JSON.parse(answer.body)).toMatchObject({ code: 'malformed_json' });
    }
    const announced = await exchange(server.port, head(70_000, path));
    expect(announced.status).toBe(413);
    expect(JSON.parse(announced.body)).toMatchObject({ code: 'payload_too_large', bytesMax: 65_536 });
    const chunk = `1000\r\n${' '.repeat(4096)}\r\n`;
    const chunked = `POST ${path} HTTP/1.1\r\nHost: x\r\n${BEARER}\r\nX-User-Id: 5\r\nTransfer-Encoding: chunked\r\n\r\n`;
    const streamed = await exchange(server.port, [chunked, ...Array<string>(17).fill(chunk)]);
    expect(streamed.status).toBe(413);
  }
});

test('ids and queries that cannot be: 404 or 400 with a problem on every route', async () => {
  const ids = [
    '0',
    '-1',
    '1.5',
    '1e3',
    'x',
    '%00',
    '%ff',
    '99999999999999999999',
    '9007199254740993',
    '%2e%2e',
  ];
  const routes: [string, string][] = [
    ['GET', '/v1/templates/:'],
    ['PATCH', '/v1/templates/:'],
    ['DELETE', '/v1/templates/:'],
    ['POST', '/v1/templates/:/publish'],
    ['POST', '/v1/templates/:/disable'],
    ['POST', '/v1/templates/:/claims'],
    ['PUT', '/v1/templates/:/stock'],
    ['GET', '/v1/templates/:/stock'],
    ['GET', '/v1/activities/:'],
    ['PATCH', '/v1/activities/:'],
    ['POST', '/v1/activities/:/stop'],
    ['POST', '/v1/activities/:/claims'],
    ['GET', '/v1/me/coupons/:'],
    ['GET', '/v1/users/:/coupons'],
    ['GET', '/v1/coupons/:'],
    ['GET', '/v1/codes/:'],
  ];
  for (const [method, route] of routes) {
    for (const id of ids) {
      const path = route.replace(':', id);
      const body =
        method === 'PATCH' ? {} : route.endsWith('/stock') && method === 'PUT' ? { total: 1 } : undefined;
      const { status, json } = await server.api(method, path, body, { 'X-User-Id': '5' });
      const found = /users|codes/.test(route) ? [400, 404, 200] : [404];
      expect(found, `${method} ${path}: ${status}`).toContain(status);
      if (status !== 200) expect(json.code).toMatch(/not_found|invalid_request/);
    }
  }
  const lists = [
    '/v1/templates',
    '/v1/activities',
    '/v1/users/5/coupons',
    '/v1/me/coupons',
    '/v1/me/claimable',
  ];
  const queries = [
    'limit=0',
    'limit=201',
    'limit=x',
    'limit=1&limit=2',
    'cursor=%ff',
    'cursor=x',
    'nothing=1',
    'status=lost',
    '__proto__=1',
  ];
  for (const list of lists) {
    for (const query of queries) {
      const { status, json } = await server.api('GET', `${list}?${query}`, undefined, { 'X-User-Id': '5' });
      expect(status, `${list}?${query}`).toBe(400);
      expect(json).toMatchObject({ code: 'invalid_request' });
    }
  }
  expect((await server.api('GET', `/v1/coupons/${await target.claim()}`)).status).toBe(200);
});

test('keys, users and headers that cannot be', async () => {
  const connection = await Connection.open(server.port);
  const claim = (headers: Record<string, string>) =>
    connection.request({ method: 'POST', path: claimPath(sale), headers });
  for (const key of ['k'.repeat(201), 'two words', 'schlüssel'])
    expect((await claim({ 'X-User-Id': '5', 'Idempotency-Key': key })).status, key).toBe(400);
  for (const user of ['0', '-5', '05', '5.0', 'five', '9223372036854775808', '5'.repeat(3000)])
    expect((await claim({ 'X-User-Id': user })).status, user).toBe(401);
  connection.close();
  const large = `GET /v1/templates HTTP/1.1\r\nHost: x\r\nX-Large: ${'x'.repeat(8000)}\r\n\r\n`;
  expect((await exchange(server.port, large, { untilClosed: true })).status).toBe(431);
});
