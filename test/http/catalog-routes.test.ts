/** The catalog over HTTP: who sees what, and the whole way of a template and its activity. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { NO_CREDENTIALS } from '../../src/auth/caller.ts';
import { Catalog } from '../../src/catalog/catalog.ts';
import { catalogRoutes } from '../../src/http/catalog-routes.ts';
import { loadUws } from '../../src/http/uws.ts';
import type { TemplatedApp } from '../../src/http/uws-types.ts';
import { ok } from '../../src/problems.ts';
import { SqliteStore } from '../../src/records/sqlite-store.ts';
import { rawTemplate } from '../catalog/bodies.ts';
import { localRouter } from './local-router.ts';

const NOW = Date.UTC(2026, 10, 10);
const uws = loadUws();
let app: TemplatedApp;
let base = '';

beforeAll(async () => {
  const now = () => NOW;
  const log = { error: () => {} };
  const catalog = await Catalog.load({
    store: new SqliteStore(':memory:'),
    engine: {
      templateChanged: async () => {},
      openActivity: async ({ stock }) => (stock <= 50 ? { ok: true } : { ok: false, available: 50 }),
      resizeActivity: async () => ({ ok: true }),
      closeActivity: async () => {},
    },
    spaces: () => [{ space: '0', size: 1_000 }],
    now,
    log,
  });
  const routes = catalogRoutes({
    refusesAll: () => null,
    used: async () => 0,
    catalog,
    stockOf: () => ({ total: 100, free: 60, leased: 30, claimed: 10, flushed: 5 }),
    remaining: (_templateId, activityId) => (activityId === 0 ? 90 : 40),
  });
  const router = localRouter({
    routes,
    authenticator: {
      caller: (header) =>
        header('authorization') === 'Bearer admin'
          ? ok({ userId: null, service: true, operator: true })
          : header('x-user-id') !== ''
            ? ok({ userId: header('x-user-id'), service: false, operator: false })
            : { ok: false, problem: NO_CREDENTIALS },
    },
    corsOrigins: [],
    now,
    log,
  });
  app = uws.App();
  router.mount(app);
  app.listen('127.0.0.1', 0, (socket) => {
    if (socket !== false) base = `http://127.0.0.1:${uws.us_socket_local_port(socket)}`;
  });
});

afterAll(() => {
  app.close();
});

interface Told {
  readonly status: number;
  // biome-ignore lint/suspicious/noExplicitAny: JSON of any shape, compared as a whole
  readonly json: any;
}

/** A body that is a text is sent as it is. */
async function call(
  method: string,
  path: string,
  body?: unknown,
  headers: Record<string, string> = {},
): Promise<Told> {
  const init = { method, headers: { Authorization: 'Bearer admin', ...headers } };
  const text = typeof body === 'string' ? body : JSON.stringify(body);
  const answer = await fetch(base + path, body === undefined ? init : { ...init, body: text });
  const told = await answer.text();
  return { status: answer.status, json: told === '' ? null : JSON.parse(told) };
}

const asCustomer = { Authorization: '', 'X-User-Id': '7' };

describe('the catalog over HTTP', () => {
  it('takes a template from draft to deleted', async () => {
    const created = await call('POST', '/v1/templates', rawTemplate(), { 'Idempotency-Key': 'k1' });
    expect(created).toMatchObject({ status: 201, json: { id: '1', status: 'draft', stock: 100 } });
    expect(await call('POST', '/v1/templates', rawTemplate(), { 'Idempotency-Key': 'k1' })).toEqual(created);
    expect(await call('GET', '/v1/templates/1', undefined, asCustomer)).toMatchObject({
      status: 404,
      json: { code: 'not_found' },
    });
    expect((await call('GET', '/v1/templates/1/stock')).json).toMatchObject({
      total: 100,
      free: 100,
      claimed: 0,
    });

    expect(await call('POST', '/v1/templates/1/publish')).toMatchObject({
      status: 200,
      json: { status: 'published' },
    });
    const seen = await call('GET', '/v1/templates/1', undefined, asCustomer);
    expect(seen).toMatchObject({ status: 200, json: { id: '1', remaining: 90 } });
    expect(seen.json).not.toHaveProperty('stock');
    expect((await call('GET', '/v1/templates/1/stock')).json).toEqual({
      total: 100,
      free: 60,
      leased: 30,
      claimed: 10,
      flushed: 5,
    });

    expect(await call('PATCH', '/v1/templates/1', { scope: { goods: [1] } })).toMatchObject({
      status: 409,
      json: { code: 'field_frozen', fields: ['scope'] },
    });
    expect(await call('PUT', '/v1/templates/1/stock', { total: 120 })).toMatchObject({
      status: 200,
      json: { stock: 120 },
    });
    expect(await call('PUT', '/v1/templates/1/stock', { total: 110 })).toMatchObject({ status: 409 });
    expect(
      await call('PUT', '/v1/templates/1/stock', { add: 30 }, { 'Idempotency-Key': 'k2' }),
    ).toMatchObject({
      status: 200,
      json: { stock: 150 },
    });
    for (const body of [{}, { total: 200, add: 50 }])
      expect(await call('PUT', '/v1/templates/1/stock', body)).toMatchObject({
        status: 400,
        json: { errors: [{ field: 'body', allowed: '{"total":n} or {"add":n}, one of them' }] },
      });
    for (const add of [0, -1, null, 1.5, 100_000_001])
      expect(await call('PUT', '/v1/templates/1/stock', { add })).toMatchObject({
        status: 400,
        json: { errors: [{ field: 'add' }] },
      });
    expect((await call('GET', '/v1/templates/1')).json.stock).toBe(150);
    expect(await call('GET', '/v1/templates?status=published&q=spring')).toMatchObject({
      status: 200,
      json: { items: [{ id: '1' }], next: null },
    });
    expect(await call('GET', '/v1/templates?state=published')).toMatchObject({
      status: 400,
      json: { code: 'invalid_request' },
    });

    expect(await call('DELETE', '/v1/templates/1')).toEqual({ status: 204, json: null });
    expect((await call('GET', '/v1/templates/1', undefined, asCustomer)).status).toBe(404);
    expect(await call('GET', '/v1/templates/1')).toMatchObject({ status: 200, json: { status: 'deleted' } });
  });

  it('opens and stops an activity', async () => {
    await call('POST', '/v1/templates', rawTemplate({ name: 'for sale' }));
    await call('POST', '/v1/templates/2/publish');
    const sale = {
      templateId: '2',
      name: 'Noon',
      stock: 40,
      startsAt: '2026-11-10T00:00:00.000Z',
      endsAt: '2026-11-11T00:00:00.000Z',
      perUserLimit: 1,
    };
    expect(await call('POST', '/v1/activities', { ...sale, stock: 60 })).toMatchObject({
      status: 409,
      json: { code: 'insufficient_stock', available: 50 },
    });
    const { status, json } = await call('POST', '/v1/activities', sale);
    expect({ status, json }).toMatchObject({ status: 201, json: { ...sale, state: 'running' } });
    const seen = await call('GET', `/v1/activities/${json.id}`, undefined, asCustomer);
    expect(seen.json).toEqual({
      id: json.id,
      templateId: '2',
      name: 'Noon',
      startsAt: sale.startsAt,
      endsAt: sale.endsAt,
      perUserLimit: 1,
      state: 'running',
      remaining: 40,
    });
    expect((await call('GET', '/v1/activities?state=running')).json.items).toHaveLength(1);
    expect(await call('POST', `/v1/activities/${json.id}/stop`)).toMatchObject({
      status: 200,
      json: { state: 'ended' },
    });
    expect((await call('GET', '/v1/activities/99999999999')).status).toBe(404);
  });

  it('is for operators', async () => {
    expect((await call('POST', '/v1/templates', rawTemplate(), asCustomer)).status).toBe(403);
    expect((await call('GET', '/v1/activities', undefined, { Authorization: '' })).status).toBe(401);
    expect(
      (await call('POST', '/v1/templates', rawTemplate(), { 'Idempotency-Key': 'x'.repeat(201) })).status,
    ).toBe(400);
  });
});

describe('a number that is not the one that was written', () => {
  /** The body with a number's literal where `"@"` stands. */
  const written = (literal: string, changes: Record<string, unknown>): string =>
    JSON.stringify(rawTemplate({ name: `by ${literal}`, ...changes })).replaceAll('"@"', literal);

  it.each([
    ['9007199254740990.6', 'audience.userIds[1]', { audience: { userIds: ['7', '@'] } }],
    ['90071992547409906e-1', 'audience.userIds[0]', { audience: { userIds: ['@'] } }],
    ['9007199254740993', 'audience.userIds[0]', { audience: { userIds: ['@'] } }],
    ['1.00000000000000000001', 'stock', { stock: '@' }],
    ['1.00000000000000000001', 'perUserLimit', { perUserLimit: '@' }],
    ['29999.9999999999999999', 'discount.off', { discount: { kind: 'instant', off: '@' } }],
    ['12.00000000000000000001', 'scope.goods[0]', { scope: { goods: ['@'] } }],
    [
      '12.00000000000000000001',
      'scope.excludeCategories[0]',
      { scope: { all: true, excludeCategories: ['@'] } },
    ],
    ['9007199254740993', 'scope.goods[0]', { scope: { goods: ['@'] } }],
    ['2.9999999999999999999', 'validity.daysAfterClaim', { validity: { daysAfterClaim: '@' } }],
    ['-0.0000000000000000000001e-400', 'stock', { stock: '@' }],
  ])('%s is refused as %s', async (literal, field, changes) => {
    const answer = await call('POST', '/v1/templates', written(literal, changes));
    expect(answer).toMatchObject({ status: 400, json: { code: 'invalid_request', errors: [{ field }] } });
    expect(answer.json.errors[0].allowed).toMatch(/integer|safe/);
    const list = await call('GET', `/v1/templates?q=${encodeURIComponent(`by ${literal}`)}`);
    expect(list.json.items).toEqual([]);
  });

  it.each([
    ['POST', '/v1/activities', 'templateId', { templateId: '@', name: 'n', stock: 1, perUserLimit: 1 }],
    ['PATCH', '/v1/templates/1', 'audience.userIds[0]', { audience: { userIds: ['@'] } }],
    ['PUT', '/v1/templates/1/stock', 'total', { total: '@' }],
    ['PUT', '/v1/templates/1/stock', 'add', { add: '@' }],
    ['PATCH', '/v1/activities/1', 'stock', { stock: '@' }],
  ])('nor is it in %s %s %s', async (method, path, field, body) => {
    const text = JSON.stringify(body).replace('"@"', '2.0000000000000000001');
    const answer = await call(method, path, text);
    expect(answer).toMatchObject({ status: 400, json: { code: 'invalid_request' } });
    expect(answer.json.errors.map((error: { field: string }) => error.field)).toContain(field);
  });

  it('is one in any other way of writing an integer', async () => {
    const made = await call(
      'POST',
      '/v1/templates',
      written('1.20e1', { scope: { goods: ['@'] }, audience: { userIds: ['@'] }, stock: '@' }),
    );
    expect(made).toMatchObject({
      status: 201,
      json: { scope: { goods: ['12'] }, audience: { userIds: ['12'] }, stock: 12 },
    });
  });
});
