/** Rows of a file of rules: which become templates, which are refused and with what words. */
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { Catalog } from '../../src/catalog/catalog.ts';
import type { ImportReport } from '../../src/catalog/import-run.ts';
import { importQuery } from '../../src/catalog/import-schema.ts';
import {
  deleteTemplate,
  disableTemplate,
  patchTemplate,
  raiseStock,
} from '../../src/catalog/template-changes.ts';
import { importTemplates } from '../../src/catalog/template-import.ts';
import type { Template } from '../../src/domain/template.ts';
import { importChecks } from '../../src/http/import-route.ts';
import {
  IMPORT_LINE_BYTES_MAX,
  IMPORT_LINES_MAX,
  IMPORT_PUBLISHES_MAX,
  IMPORT_ROWS_TOLD_MAX,
} from '../../src/limits.ts';
import type { Result } from '../../src/problems.ts';
import { SqliteStore } from '../../src/records/sqlite-store.ts';
import { importOptions } from './bodies.ts';

const NOW = Date.UTC(2026, 10, 10);

let store: SqliteStore;
let catalog: Catalog;

beforeEach(async () => {
  store = new SqliteStore(':memory:');
  onTold = () => {};
  catalog = await load();
});
afterEach(() => store.close());

/** Of the template whose change reaches the engine, before it does. */
let onTold: (templateId: number) => void = () => {};

function load(): Promise<Catalog> {
  return Catalog.load({
    store,
    engine: {
      templateChanged: async ({ id }) => onTold(id),
      openActivity: async () => ({ ok: true }),
      resizeActivity: async () => ({ ok: true }),
      closeActivity: async () => {},
    },
    spaces: () => [{ space: '0', size: 1_000 }],
    now: () => NOW,
    log: { error: () => {} },
  });
}

function attempt(
  body: string | Uint8Array,
  query: Record<string, string> = {},
): Promise<Result<ImportReport>> {
  return importTemplates(catalog, Buffer.from(body), importOptions(query), importChecks);
}

async function report(body: string | Uint8Array, query?: Record<string, string>): Promise<ImportReport> {
  const result = await attempt(body, query);
  if (!result.ok) throw new Error(result.problem.detail);
  return result.value;
}

async function refusal(body: string | Uint8Array, query?: Record<string, string>) {
  const result = await attempt(body, query);
  if (result.ok) throw new Error('it was not refused');
  return result.problem;
}

/** A row's refusal, after a good row. */
async function refused(row: string, header = 'id,rule', query?: Record<string, string>) {
  const { refused: rows, ...rest } = await report(`${header}\n${row}\n`, query);
  expect(rest).toMatchObject({ rows: 1, created: 0, alreadyThere: 0, refusedCount: 1 });
  expect(await store.templates()).toEqual([]);
  return rows[0]!;
}

const names = (): string[] => [...catalog.templates()].map(({ name }) => name);
const named = (name: string): Template => catalog.templateNamed(name)!;

describe('a file of rules', () => {
  test('becomes drafts, named by the ids of the file', async () => {
    const told = await report('coupon_id,discount_rate\n1,20:1\n10,0.95\n"7, b",150:20\n', { stock: '5' });
    expect(told).toEqual({
      rows: 3,
      created: 3,
      alreadyThere: 0,
      refusedCount: 0,
      refused: [],
      warningCount: 0,
      warnings: [],
      published: 0,
      unpublishedCount: 0,
      unpublished: [],
      dryRun: false,
    });
    expect(await store.templates()).toEqual([...catalog.templates()]);
    expect(names()).toEqual(['1', '10', '7, b']);
    expect(named('10')).toEqual({
      id: 2,
      name: '10',
      intro: null,
      logo: null,
      productLine: 1,
      codeKind: 2,
      currency: 'CNY',
      discount: { kind: 'percent', rate: 9_500 },
      scope: { all: true },
      stacking: null,
      measure: 'remaining',
      validity: { daysAfterClaim: 365 },
      claimFromMs: null,
      claimUntilMs: null,
      total: 5,
      perUserLimit: 1,
      distribution: 'claim',
      partitions: 1,
      code: null,
      audience: null,
      status: 'draft',
      createdAtMs: NOW,
      publishedAtMs: null,
      version: 1,
    });
    expect(named('1')).toMatchObject({
      codeKind: 1,
      discount: { kind: 'threshold', tiers: [{ spend: 2_000, off: 100 }] },
    });
  });

  test.each([
    ['CNY', 15_000, 2_000],
    ['JPY', 150, 20],
    ['KWD', 150_000, 20_000],
    ['CLF', 1_500_000, 200_000],
  ])('has the decimals of %s', async (currency, spend, off) => {
    await report('id,rule\n1,150:20\n', { currency });
    expect(named('1')).toMatchObject({
      currency,
      discount: { kind: 'threshold', tiers: [{ spend, off }] },
    });
  });

  test('says more in columns of its own, in any order, case and spelling; an empty cell says nothing', async () => {
    const header = 'Per-User-Limit;INTRO;Currency;Name;stock;Product_Line;daysAfterClaim;Discount;Rule_ID';
    const file = `\ufeff${header.replaceAll(';', ',').replace('Rule_ID', 'ID')}\r
3,"Say ""hi"", all",JPY,Big one,7,42,30,150:20,r1\r
,,,,,,,150:20,r2\r\n`;
    const query = {
      namePrefix: 'shop-',
      stock: '9',
      perUserLimit: '2',
      productLine: '8',
      daysAfterClaim: '10',
    };
    expect(await report(file, query)).toMatchObject({ created: 2, refusedCount: 0 });
    expect(named('shop-Big one')).toMatchObject({
      intro: 'Say "hi", all',
      currency: 'JPY',
      total: 7,
      perUserLimit: 3,
      productLine: 42,
      validity: { daysAfterClaim: 30 },
      discount: { tiers: [{ spend: 150, off: 20 }] },
    });
    expect(named('shop-r2')).toMatchObject({
      intro: null,
      currency: 'CNY',
      total: 9,
      perUserLimit: 2,
      productLine: 8,
      validity: { daysAfterClaim: 10 },
      discount: { tiers: [{ spend: 15_000, off: 2_000 }] },
    });
  });

  test('keeps the good rows beside bad ones, and tells these by line', async () => {
    const file = Buffer.concat([
      Buffer.from('id,rule\n\n1,20:1\n2,fixed\n\r\n3,"20:1\n4,20:1,5\n,20:1\n'),
      Buffer.from([0x35, 0xff, 0x2c, 0x31]),
      Buffer.from(`\n6,${' '.repeat(IMPORT_LINE_BYTES_MAX)}20:1\n7,0.5`),
    ]);
    const told = await report(file);
    expect(told).toMatchObject({ rows: 8, created: 2, refusedCount: 6 });
    expect(names()).toEqual(['1', '7']);
    expect(told.refused.map(({ line, id, detail }) => [line, id, detail])).toEqual([
      [
        4,
        '2',
        'rule: is "fixed", which names neither amounts nor a rate (allowed: "spend:off" with off below spend, or a rate between 0 and 1)',
      ],
      [6, null, 'row: has quotes that do not match'],
      [7, '4', 'row: has 3 fields (allowed: 2, as the first row has)'],
      [8, null, "id: is empty (allowed: the operator's own id of the rule)"],
      [9, null, 'row: is not UTF-8'],
      [10, null, `row: is longer than ${IMPORT_LINE_BYTES_MAX} bytes`],
    ]);
  });

  test('that is a part of another has the line numbers of the whole', async () => {
    const { refused: rows } = await report('id,rule\n1,x\n\n2,x\n', { firstLine: '501' });
    expect(rows.map(({ line }) => line)).toEqual([501, 503]);
  });

  test('tells so many refused rows and warnings, and counts all of them', async () => {
    const rows = Array.from({ length: IMPORT_ROWS_TOLD_MAX + 5 }, (_, i) => `a${i},1\nb${i},0.05\n`);
    const told = await report(`id,rule\n${rows.join('')}`);
    expect(told).toMatchObject({ refusedCount: rows.length, warningCount: rows.length });
    expect([told.refused.length, told.warnings.length]).toEqual([IMPORT_ROWS_TOLD_MAX, IMPORT_ROWS_TOLD_MAX]);
    expect(told.warnings[0]).toEqual({
      line: 3,
      id: 'b0',
      field: 'discount.rate',
      problem: 'is 500: it takes 95 % off, 5 % are paid',
    });
  });
});

describe('a row is refused', () => {
  test.each(['0', '1', '1.0', '20:20', '20:30', '', 'fixed', '150:20:1', '95%', '０.95'])(
    'for the rule %j',
    async (rule) => {
      expect(await refused(`x,${rule}`)).toMatchObject({
        line: 2,
        id: 'x',
        code: 'invalid_request',
        detail: expect.stringMatching(/^rule: is ".*", which .* \(allowed: "spend:off"/),
      });
    },
  );

  test.each([
    ['x,150:20.5', 'id,rule', 'rule: is "150:20.5", which has an off that has decimals'],
    ['x,20:1,many', 'id,rule,stock', 'stock: is "many" (allowed: an integer from 0 to 100000000)'],
    ['x,20:1,-1', 'id,rule,stock', 'stock: is "-1"'],
    ['x,20:1,0', 'id,rule,perUserLimit', 'perUserLimit: is 0 (allowed: an integer from 1 to 10000)'],
    ['x,20:1,0', 'id,rule,days_after_claim', 'validity.daysAfterClaim: is 0'],
    ['x,20:1,cny', 'id,rule,currency', 'currency: is "cny" (allowed: an ISO 4217 code like CNY)'],
    ['a\u200bb,20:1', 'id,rule', 'name: is "a\u200bb" (allowed: text of 1 to 200 characters'],
    [`${'x'.repeat(201)},20:1`, 'id,rule', `name: is "${'x'.repeat(59)}…`],
  ])('%j', async (row, header, detail) => {
    const told = await refused(row, header, { currency: 'JPY' });
    expect(told).toMatchObject({ code: 'invalid_request', detail: expect.stringContaining(detail) });
    expect(told.id!.length).toBeLessThan(70);
  });
});

describe('an import that is made again', () => {
  const FILE = 'id,rule\n1,20:1\n2,0.95\n1,20:1\n2,0.9\n';

  test('makes nothing twice, neither of one file nor of two', async () => {
    const first = await report(FILE);
    expect(first).toMatchObject({ created: 2, alreadyThere: 1, refusedCount: 1 });
    expect(first.refused[0]).toEqual({
      line: 5,
      id: '2',
      code: 'name_taken',
      detail: 'name: is "2", the name of line 3, which has another rule',
    });
    catalog = await load();
    expect(await report(`${FILE}3,20:1\n`)).toMatchObject({ created: 1, alreadyThere: 3, refusedCount: 1 });
    expect(names()).toEqual(['1', '2', '3']);
  });

  test('goes by name and rule: what was changed since stays as it is', async () => {
    await report('id,rule\n1,20:1\n2,20:1\n3,20:1\n4,20:1\nA\u0301,20:1\n');
    await raiseStock(catalog, 1, 50, null);
    await patchTemplate(catalog, 2, { name: 'Two' });
    await patchTemplate(catalog, 3, { currency: 'JPY' });
    await deleteTemplate(catalog, 4);
    const told = await report('id,rule\n1,20:1\n2,20:1\n3,20:1\n4,20:1\n\u00c1,20:1\nTwo,30:1\n');
    expect(told).toMatchObject({ created: 2, alreadyThere: 2, refusedCount: 2 });
    expect(told.refused.map(({ line, detail }) => [line, detail])).toEqual([
      [4, 'name: is "3", the name of template 3, which has another rule'],
      [7, 'name: is "Two", the name of template 2, which has another rule'],
    ]);
    expect(named('1')).toMatchObject({ total: 50, version: 2 });
  });

  test('meets another one of the same file: each row is made once, and told as made once', async () => {
    const file = `id,rule\n${Array.from({ length: 2_000 }, (_, i) => `${i},20:1\n`).join('')}`;
    const [one, two] = await Promise.all([report(file), report(file)]);
    expect(one.created + two.created).toBe(2_000);
    expect(one.alreadyThere + two.alreadyThere).toBe(2_000);
    expect(await store.templates()).toHaveLength(2_000);
  });

  test('a dry run tells the same and makes nothing', async () => {
    await report('id,rule\n1,20:1\n');
    const dry = await report(FILE, { dryRun: 'true' });
    expect(names()).toEqual(['1']);
    expect(dry).toEqual({ ...(await report(FILE)), dryRun: true });
  });
});

describe('a whole file is refused', () => {
  test.each([
    ['', 'The body is empty; its first row is to name the columns.'],
    ['\n\r\n', 'The body is empty; its first row is to name the columns.'],
    ['id,"rule\n', 'The first row has quotes that do not match; it is to name the columns.'],
    ['1,20:1\n2,20:1\n', '1: is not a known column (allowed: id, coupon_id, rule'],
    ['id\n1\n', 'rule: is no column of the first row (allowed: rule, discount_rate, discount)'],
    ['id,rule,stok\n', 'stok: is not a known column'],
    ['id,rule,\n', 'a column without a name: is not a known column'],
    ['id,coupon_id,rule\n', 'coupon_id: says what id says (allowed: one of them; name the other in ignore)'],
  ])('%j', async (body, detail) => {
    expect(await refusal(body)).toMatchObject({
      code: 'invalid_request',
      detail: expect.stringContaining(detail),
    });
  });

  test('unless the columns that are not known are to be ignored', async () => {
    const file = 'id,Merchant Id,rule,distance\n1,2,20:1,3\n';
    expect(await refusal(file)).toMatchObject({
      extra: { errors: [{ field: 'Merchant Id' }, { field: 'distance' }] },
    });
    expect(await report(file, { ignore: 'merchant_id, Distance,other' })).toMatchObject({ created: 1 });
  });

  test('when nobody says the currency', async () => {
    const options = importQuery.parse({});
    const body = Buffer.from('id,rule\n1,20:1\n');
    expect(await importTemplates(catalog, body, options, importChecks)).toMatchObject({
      ok: false,
      problem: { extra: { errors: [{ field: 'currency', problem: 'is missing' }] } },
    });
    const own = Buffer.from('id,rule,currency\n1,20:1,JPY\n2,20:1,\n');
    expect(await importTemplates(catalog, own, options, importChecks)).toMatchObject({
      value: { created: 1, refused: [{ line: 3, detail: expect.stringContaining('currency: is missing') }] },
    });
  });

  test.each([
    [{ currency: 'yen' }, 'currency: is "yen"'],
    [{ stock: '100000001' }, 'stock: is 100000001 (allowed: an integer from 0 to 100000000)'],
    [{ perUserLimit: '0' }, 'perUserLimit: is 0'],
    [{ productLine: '100' }, 'productLine: is 100'],
    [{ daysAfterClaim: '0' }, 'validity.daysAfterClaim: is 0'],
    [{ namePrefix: 'a\u0000' }, 'name: is "a\\u0000a"'],
  ])('for what all rows share: %j', async (query, detail) => {
    expect(await refusal('id,rule\n1,20:1\n', query)).toMatchObject({
      code: 'invalid_request',
      detail: expect.stringContaining(detail),
    });
  });

  test('with more lines than are taken at once, before anything is made', async () => {
    const row = Buffer.from('1,5:1\n');
    const fits = Buffer.concat([Buffer.from('id,rule\n'), ...Array(IMPORT_LINES_MAX - 1).fill(row)]);
    expect(await refusal(Buffer.concat([fits, row]))).toMatchObject({
      code: 'payload_too_large',
      extra: { linesMax: IMPORT_LINES_MAX },
    });
    expect(names()).toEqual([]);
    expect(await report(fits)).toMatchObject({ rows: IMPORT_LINES_MAX - 1, created: 1 });
  });
});

test.each([
  ['rows', Array.from({ length: 30_000 }, (_, i) => `${i},${i + 2}:1\n`).join('')],
  ['empty lines', `${' '.repeat(150)}\n`.repeat(99_000)],
])('others get their turn while many %s are read', async (_, lines) => {
  let turns = 0;
  let isDone = false;
  const count = (): void => {
    turns++;
    if (!isDone) setImmediate(count);
  };
  setImmediate(count);
  await report(`id,rule\n${lines}`, { dryRun: 'true' });
  isDone = true;
  expect(turns).toBeGreaterThan(3);
});

describe('a file of rules that is published', () => {
  const PUBLISH = { publish: 'true', stock: '5' };
  const statuses = () =>
    Object.fromEntries([...catalog.templates()].map(({ name, status }) => [name, status]));

  test('is on sale, with codes for its stock', async () => {
    const told = await report('id,rule\n1,20:1\n2,fixed\n3,0.95\n', PUBLISH);
    expect(told).toMatchObject({ created: 2, published: 2, unpublishedCount: 0, unpublished: [] });
    expect(statuses()).toEqual({ 1: 'published', 3: 'published' });
    expect(await store.templates()).toEqual([...catalog.templates()]);
    expect((await store.extents()).map(({ length }) => length)).toEqual([5, 5]);
  });

  test('tells by row what cannot be, which stays a draft, and goes on', async () => {
    // There are codes for 1 000 units.
    const body = 'id,rule,stock\na,20:1,900\nb,20:1,1001\nc,20:1,100\nd,20:1,1\n';
    const told = await report(body, { publish: 'true', firstLine: '12' });
    expect(told).toMatchObject({ created: 4, refusedCount: 0, published: 2, unpublishedCount: 2 });
    expect(told.unpublished.find(({ id }) => id === 'b')).toEqual({
      line: 13,
      id: 'b',
      templateId: String(named('b').id),
      code: 'code_space_full',
      detail: 'There are not enough unused codes for this stock.',
    });
    expect(statuses()).toMatchObject({ a: 'published', b: 'draft' });
    expect(Object.values(statuses()).filter((status) => status === 'draft')).toHaveLength(2);
    // Asked again, these alone are tried.
    const again = await report(body, { publish: 'true', firstLine: '12' });
    expect(again).toMatchObject({ created: 0, alreadyThere: 4, published: 0, unpublishedCount: 2 });
  });

  test('publishes what an earlier import left as a draft, and nothing else that is there', async () => {
    await report('id,rule\nleft,20:1\nother,20:1\n');
    await report('id,rule\nsold,20:1\nstopped,20:1\n', PUBLISH);
    await disableTemplate(catalog, named('stopped').id);
    const body = 'id,rule\nleft,20:1\nleft,20:1\nother,20:2\nsold,20:1\nstopped,20:1\nnew,20:1\n';
    const told = await report(body, PUBLISH);
    expect(told).toMatchObject({ created: 1, alreadyThere: 4, refusedCount: 1, unpublishedCount: 0 });
    expect(statuses()).toEqual({
      left: 'published',
      other: 'draft',
      sold: 'published',
      stopped: 'disabled',
      new: 'published',
    });
  });

  test('publishes nothing in a dry run', async () => {
    await report('id,rule\nleft,20:1\n');
    const told = await report('id,rule\nleft,20:1\nnew,20:1\n', { ...PUBLISH, dryRun: 'true' });
    expect(told).toMatchObject({ created: 1, alreadyThere: 1, published: 0, dryRun: true });
    expect(statuses()).toEqual({ left: 'draft' });
  });

  test('ends when the server cannot publish, instead of trying each; the same again goes on', async () => {
    const rows = 300;
    const body = `id,rule\n${Array.from({ length: rows }, (_, i) => `${i},20:1\n`).join('')}`;
    let told = 0;
    onTold = () => {
      if (++told > 20) throw new Error('the owner is away');
    };
    const query = { ...PUBLISH, stock: '1' };
    expect(await refusal(body, query)).toMatchObject({
      code: 'unavailable',
      detail: expect.stringMatching(/^Line 2\d, template \d+: It is stored, but not in force/),
    });
    expect(told).toBeLessThan(20 + 2 * IMPORT_PUBLISHES_MAX);
    expect(names().length).toBeLessThan(rows);
    onTold = () => {};
    const again = await report(body, query);
    expect(again).toMatchObject({ rows, unpublishedCount: 0 });
    expect(new Set(Object.values(statuses()))).toEqual(new Set(['published']));
    expect(names()).toHaveLength(rows);
  });
});
