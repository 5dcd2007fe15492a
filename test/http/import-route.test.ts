/** The import of rules over HTTP: who may, how much at once, and what is answered. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { BODY_BYTES_MAX, IMPORT_BYTES_MAX, IMPORTS_MAX } from '../../src/limits.ts';
import { type ImportStage, importStage, OPERATOR } from './import-stage.ts';

const AS_OPERATOR = { Authorization: `Bearer ${OPERATOR}` };
let stage: ImportStage;

beforeAll(async () => {
  stage = await importStage();
});
afterAll(() => stage.close());

interface Told {
  readonly status: number;
  // biome-ignore lint/suspicious/noExplicitAny: JSON of any shape, compared as a whole
  readonly json: any;
}

async function send(
  query: string,
  body: string | Uint8Array,
  headers: Record<string, string> = AS_OPERATOR,
): Promise<Told> {
  const answer = await fetch(`${stage.url}/v1/templates/import?${query}`, {
    method: 'POST',
    headers: { 'Content-Type': 'text/csv', ...headers },
    body,
  });
  return { status: answer.status, json: await answer.json() };
}

async function list(): Promise<Told['json']> {
  const answer = await fetch(`${stage.url}/v1/templates`, { headers: AS_OPERATOR });
  return ((await answer.json()) as { items: unknown }).items;
}

const rows = (from: number, count: number): string =>
  Array.from({ length: count }, (_, i) => `${from + i},150:20\n`).join('');

describe('an import over HTTP', () => {
  it('makes drafts, tells what it left out, and does nothing the second time', async () => {
    const file = 'coupon_id,discount_rate\n1,150:20\n2,fixed\n3,0.05\n';
    const query = 'currency=JPY&stock=100&perUserLimit=2&daysAfterClaim=7&productLine=3&publish=false';
    const refused = [
      {
        line: 3,
        id: '2',
        code: 'invalid_request',
        detail: expect.stringMatching(/^discount_rate: is "fixed", which names neither/),
      },
    ];
    const warnings = [
      {
        line: 4,
        id: '3',
        field: 'discount.rate',
        problem: 'is 500: it takes 95 % off, 5 % are paid',
      },
    ];
    const onSale = { published: 0, unpublishedCount: 0, unpublished: [] };
    const told = { ...onSale, rows: 3, alreadyThere: 0, refusedCount: 1, refused, warningCount: 1, warnings };
    expect(await send(`${query}&dryRun=true`, file)).toEqual({
      status: 200,
      json: { ...told, created: 2, dryRun: true },
    });
    expect(await list()).toEqual([]);
    expect(await send(query, file)).toEqual({ status: 200, json: { ...told, created: 2, dryRun: false } });
    expect(await list()).toMatchObject([
      { id: '2', name: '3', status: 'draft', discount: { kind: 'percent', rate: 500 } },
      {
        id: '1',
        name: '1',
        status: 'draft',
        currency: 'JPY',
        discount: { kind: 'threshold', tiers: [{ spend: 150, off: 20 }] },
        stock: 100,
        perUserLimit: 2,
        productLine: 3,
        validity: { daysAfterClaim: 7 },
      },
    ]);
    expect((await send(query, file)).json).toMatchObject({ created: 0, alreadyThere: 2, warningCount: 0 });
  });

  it('publishes what it makes, and tells by row what cannot be', async () => {
    const file = 'id,rule,stock\nsale,20:1,10\nlarge,20:1,1001\nwrong,1,1\n';
    const { status, json } = await send('currency=CNY&publish=true', file);
    expect(status).toBe(200);
    expect(json).toMatchObject({ rows: 3, created: 2, refusedCount: 1, published: 1, unpublishedCount: 1 });
    expect(json.unpublished).toEqual([
      {
        line: 3,
        id: 'large',
        templateId: expect.any(String),
        code: 'code_space_full',
        detail: expect.any(String),
      },
    ]);
    const items: Told['json'][] = await list();
    const found = Object.fromEntries(items.map((item) => [item.name, [item.id, item.status]]));
    expect(found.large).toEqual([json.unpublished[0].templateId, 'draft']);
    expect(found.sale[1]).toBe('published');
  });

  it('takes more than other bodies may have, up to its own bound', async () => {
    const large = `id,rule\n${rows(1_000, 6_000)}`;
    expect(large.length).toBeGreaterThan(BODY_BYTES_MAX);
    expect(await send('currency=CNY', large)).toMatchObject({ status: 200, json: { created: 6_000 } });
    const padded = Buffer.alloc(IMPORT_BYTES_MAX, ' ');
    padded.write('id,rule\nlast,20:1\n');
    expect((await send('currency=CNY', padded)).json).toMatchObject({ created: 1, refusedCount: 1 });
    expect(await send('currency=CNY', Buffer.concat([padded, Buffer.from(' ')]))).toMatchObject({
      status: 413,
      json: { code: 'payload_too_large', bytesMax: IMPORT_BYTES_MAX },
    });
  });

  it('is for operators', async () => {
    expect((await send('currency=CNY', 'id,rule\n9,20:1\n', {})).status).toBe(401);
    expect((await send('currency=CNY', 'id,rule\n9,20:1\n', { 'X-User-Id': '7' })).status).toBe(403);
  });

  it.each([
    ['currency=CNY', '', 'The body is empty'],
    ['currency=CNY', 'a,b\n', 'a: is not a known column (allowed: id, coupon_id, rule'],
    ['', 'id,rule\n1,20:1\n', 'currency: is missing'],
    ['currency=CNY&stock=-1', 'id,rule\n', 'stock: is "-1" (allowed: an integer from 0 to'],
    ['currency=CNY&publish=yes', 'id,rule\n', 'publish: is "yes" (allowed: "true", "false")'],
    ['currency=CNY&dryRun=1', 'id,rule\n', 'dryRun: is "1" (allowed: "true", "false")'],
    ['currency=CNY&limit=3', 'id,rule\n', 'limit: is not a known field (allowed: currency, stock'],
  ])('%s with %j is refused', async (query, body, detail) => {
    expect(await send(query, body)).toMatchObject({
      status: 400,
      json: { code: 'invalid_request', detail: expect.stringContaining(detail) },
    });
  });

  it('runs beside so many others and no more', async () => {
    const file = `id,rule\n${rows(10_000, 3_000)}`;
    const told = await Promise.all(Array.from({ length: IMPORTS_MAX + 4 }, () => send('currency=CNY', file)));
    const done = told.filter(({ status }) => status === 200);
    expect(done.length).toBeGreaterThanOrEqual(IMPORTS_MAX);
    expect(done.reduce((sum, { json }) => sum + json.created, 0)).toBe(3_000);
    for (const { status, json } of told.filter((one) => !done.includes(one)))
      expect([status, json.code]).toEqual([503, 'overloaded']);
    expect((await send('currency=CNY', file)).json).toMatchObject({ created: 0, alreadyThere: 3_000 });
  });
});
