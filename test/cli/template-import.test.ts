/** Rules imported into a real server, and with RULES=FILE (columns coupon_id, discount_rate) the real ones. */
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { afterEach, describe, expect, test } from 'vitest';
import { importStage, OPERATOR } from '../http/import-stage.ts';
import { ADMIN_TOKEN, type Outcome, runCli, type Server, startServer } from '../support/server.ts';

const RULES = process.env.RULES ?? '';
const ROWS = process.env.LONG ? 5_000 : 3_000;

const servers: Server[] = [];
afterEach(async () => {
  for (const server of servers.splice(0)) await server.destroy();
});

async function freshServer(dataDir?: string): Promise<Server> {
  const server = await startServer({ env: { OWNER_THREADS: '1' }, ...(dataDir && { dataDir }) });
  servers.push(server);
  return server;
}

function cli(server: Server, ...args: string[]): Promise<Outcome> {
  const env = { DOORBUSTER_URL: `http://127.0.0.1:${server.port}`, DOORBUSTER_TOKEN: ADMIN_TOKEN };
  return runCli(['template', ...args], env, 300_000);
}

function fileOf(server: Server, text: string | Uint8Array): string {
  const file = path.join(server.dataDir, 'rules.csv');
  fs.writeFileSync(file, text);
  return file;
}

// biome-ignore lint/suspicious/noExplicitAny: figures are compared as they come
async function importJson(server: Server, ...args: string[]): Promise<any> {
  const { code, stdout } = await cli(server, 'import', ...args, '--json');
  expect(code).toBe(0);
  return JSON.parse(stdout);
}

// biome-ignore lint/suspicious/noExplicitAny: the items are compared as they come
async function listed(server: Server): Promise<any[]> {
  return JSON.parse((await cli(server, 'list', '--json')).stdout).items;
}

describe('an import of rules', () => {
  test('makes drafts, tells what it left out by line, and can be repeated', async () => {
    const server = await freshServer();
    const lines = Array.from({ length: ROWS }, (_, i) => `r${i},${i + 20}:${(i % 19) + 1}`);
    lines[ROWS - 10] = 'r-fixed,fixed';
    lines[7] = '"r-open,20:1';
    lines.splice(2_000, 0, '');
    const file = fileOf(server, `coupon_id,discount_rate\r\n${lines.join('\r\n')}`);
    const figures = { ok: true, rows: ROWS, refusedCount: 2, warningCount: 0, error: null };
    const refused = [
      { line: 9, id: null, detail: 'row: has quotes that do not match' },
      { line: ROWS - 10 + 3, id: 'r-fixed', detail: expect.stringContaining('discount_rate: is "fixed"') },
    ];

    const args = [file, '--currency', 'JPY', '--stock', '12', '--limit', '2', '--days', '9'];
    const dry = await importJson(server, ...args, '--dry-run');
    expect(dry).toMatchObject({ ...figures, created: ROWS - 2, alreadyThere: 0, dryRun: true, refused });
    expect(await listed(server)).toEqual([]);

    const first = await cli(server, 'import', ...args, '--product-line', '5', '--name-prefix', 'coupon-');
    expect(first.code).toBe(0);
    expect(first.stdout).toMatch(
      new RegExp(
        `^created +${(ROWS - 2).toLocaleString('en-US')} +drafts\\nalready there +0\\nleft out +2\\nseconds .* rows a second\\n$`,
      ),
    );
    expect(first.stderr.split('\n').filter((line) => line.includes('left out'))).toEqual([
      'line 9 left out: row: has quotes that do not match',
      `line ${ROWS - 10 + 3} (r-fixed) left out: discount_rate: is "fixed", which names neither amounts nor a rate (allowed: "spend:off" with off below spend, or a rate between 0 and 1)`,
    ]);
    const items = await listed(server);
    expect(items).toHaveLength(ROWS - 2);
    expect(items[0]).toMatchObject({
      name: `coupon-r${ROWS - 1}`,
      status: 'draft',
      currency: 'JPY',
      discount: { kind: 'threshold', tiers: [{ spend: ROWS + 19, off: ((ROWS - 1) % 19) + 1 }] },
      stock: 12,
      perUserLimit: 2,
      validity: { daysAfterClaim: 9 },
      productLine: 5,
    });

    const again = await importJson(server, ...args, '--name-prefix', 'coupon-');
    expect(again).toMatchObject({ ...figures, created: 0, alreadyThere: ROWS - 2, refused });
    // What was imported is published and claimed as anything else.
    const id = items[0].id;
    expect((await cli(server, 'publish', id)).code).toBe(0);
    const claimed = await fetch(`http://127.0.0.1:${server.port}/v1/templates/${id}/claims`, {
      method: 'POST',
      headers: { 'X-User-Id': '7' },
    });
    expect(claimed.status).toBe(201);
  });

  test('that was cut by the death of the server is completed by the same command', async () => {
    const server = await freshServer();
    const rows = process.env.LONG ? 8_000 : 5_000;
    const text = `id,rule\n${Array.from({ length: rows }, (_, i) => `${i},${i + 2}:1\n`).join('')}`;
    const file = fileOf(server, text);
    const cut = cli(server, 'import', file, '--currency', 'CNY');
    let made = 0;
    while (made === 0) {
      const { items } = await server.must(200, 'GET', '/v1/templates?limit=1');
      made = items.length;
    }
    await server.kill();
    const told = await cut;
    expect([told.code, told.stderr]).toEqual([1, expect.stringMatching(/error: cannot reach /)]);

    const next = await freshServer(server.dataDir);
    const before = await listed(next);
    expect(before.length).toBeLessThan(rows);
    const rest = await importJson(next, file, '--currency', 'CNY');
    expect(rest).toMatchObject({ rows, created: rows - before.length, alreadyThere: before.length });
    expect(new Set((await listed(next)).map(({ name }) => name)).size).toBe(rows);
  });

  test('with --publish puts on sale what it makes, and what a cut one left', async () => {
    const server = await freshServer();
    const rows = 600;
    const lines = Array.from({ length: rows }, (_, i) => `${i},${i + 20}:1\n`).join('');
    const file = fileOf(server, `id,rule\n${lines}x,fixed\n`);
    const args = [file, '--currency', 'CNY', '--stock', '3'];
    const dry = await importJson(server, ...args, '--publish', '--dry-run');
    expect(dry).toMatchObject({ created: rows, published: 0, dryRun: true });
    expect(await listed(server)).toEqual([]);
    fileOf(server, 'id,rule\n0,20:1\n');
    await importJson(server, ...args);
    expect((await listed(server))[0]).toMatchObject({ name: '0', status: 'draft' });

    fileOf(server, `id,rule\n${lines}x,fixed\n`);
    const told = await cli(server, 'import', ...args, '--publish');
    expect([told.code, told.stdout]).toEqual([
      0,
      expect.stringMatching(
        /^created +599 +drafts\nalready there +1\nleft out +1\npublished +600\nnot published +0\nseconds /,
      ),
    ]);
    const items = await listed(server);
    expect(items).toHaveLength(rows);
    expect(new Set(items.map(({ status }) => status))).toEqual(new Set(['published']));
    for (const { id } of [items[0], items[rows - 1]]) {
      const claimed = await fetch(`http://127.0.0.1:${server.port}/v1/templates/${id}/claims`, {
        method: 'POST',
        headers: { 'X-User-Id': '7' },
      });
      expect(claimed.status).toBe(201);
    }
    const again = await importJson(server, ...args, '--publish');
    expect(again).toMatchObject({ created: 0, alreadyThere: rows, published: 0, unpublishedCount: 0 });
  });

  test('with --publish names what could not be, and fails when nothing could', async () => {
    const stage = await importStage();
    const file = path.join(fs.mkdtempSync(path.join(os.tmpdir(), 'doorbuster-import-')), 'rules.csv');
    const publish = (text: string): Promise<Outcome> => {
      fs.writeFileSync(file, text);
      const env = { DOORBUSTER_URL: stage.url, DOORBUSTER_TOKEN: OPERATOR };
      return runCli(['template', 'import', file, '--currency', 'CNY', '--publish'], env);
    };
    try {
      const some = await publish('id,rule,stock\na,20:1,900\nb,20:1,1001\n');
      expect([some.code, some.stdout]).toEqual([
        0,
        expect.stringMatching(/\npublished +1\nnot published +1\n/),
      ]);
      expect(some.stderr).toMatch(
        /^line 3 \(b\) not published: template \d+ stays a draft: There are not enough unused codes/m,
      );
      const none = await publish('id,rule,stock\nb,20:1,1001\n');
      expect([none.code, none.stderr]).toEqual([
        1,
        expect.stringContaining('error: not a single template could be published\n'),
      ]);
    } finally {
      await stage.close();
      fs.rmSync(path.dirname(file), { recursive: true });
    }
  });

  test('fails when not a single row could be imported, and says why', async () => {
    const server = await freshServer();
    const all = await cli(server, 'import', fileOf(server, 'id,rule\n1,fixed\n2,1\n'), '--currency', 'CNY');
    expect([all.code, all.stdout]).toEqual([1, expect.stringMatching(/^created +0 +drafts\n/)]);
    expect(all.stderr).toContain('line 3 (2) left out: rule: is "1", which is no rate between 0 and 1');
    expect(all.stderr).toContain('error: not a single row could be imported\n');
    const columns = await cli(server, 'import', fileOf(server, 'id,rule,shop\n1,20:1,x\n'));
    expect([columns.code, columns.stdout]).toEqual([1, '']);
    expect(columns.stderr).toContain('  shop: is not a known column; allowed: id, coupon_id, rule');
    expect(columns.stderr).toContain('  currency: is missing; allowed: an ISO 4217 code like CNY');
    const file = fileOf(server, 'id,rule,shop\n1,0.05,x\n2,20:20,x\n');
    const some = await cli(server, 'import', file, '--currency', 'CNY', '--ignore', 'shop');
    expect([some.code, some.stderr]).toEqual([
      0,
      expect.stringContaining('warning: line 2 (1): discount.rate is 500: it takes 95 % off, 5 % are paid\n'),
    ]);
    const missing = await cli(server, 'import', path.join(server.dataDir, 'none.csv'), '--json');
    expect([missing.code, missing.stderr]).toEqual([
      1,
      expect.stringMatching(/^error: cannot read .*ENOENT/),
    ]);
    const denied = await cli(server, 'import', file, '--currency', 'CNY', '--token', 'of-somebody-else');
    expect([denied.code, denied.stderr]).toEqual([1, expect.stringContaining('this token was not accepted')]);
  });

  test.each([
    [['import'], "missing required argument 'file'"],
    [['import', 'x', '--currency', 'yuan'], 'an ISO 4217 code like CNY'],
    [['import', 'x', '--stock', '-1'], 'an integer from 0 to 100000000'],
    [['import', 'x', '--limit', '0'], 'an integer from 1 to 10000'],
    [['import', 'x', '--days', '3651'], 'an integer from 1 to 3650'],
    [['import', 'x', '--product-line', '100'], 'an integer from 0 to 99'],
  ])('%j is wrong usage: exit 2', async (args, message) => {
    const { code, stdout, stderr } = await runCli(['template', ...args]);
    expect([code, stdout, stderr]).toEqual([2, '', expect.stringContaining(message)]);
  });
});

/** Only defined when there is a file: a skipped test would look like one that was left undone. */
function describeRealRules(): void {
  test('makes a template of each that can be read, and leaves out one', async () => {
    const rows = fs.readFileSync(RULES, 'utf8').trim().split(/\r?\n/).slice(1);
    const fixed = rows.findIndex((row) => row.endsWith(',fixed'));
    const server = await freshServer();
    const told = await importJson(server, RULES, '--currency', 'CNY', '--stock', '100');
    expect(told).toMatchObject({
      ok: true,
      rows: rows.length,
      created: rows.length - 1,
      alreadyThere: 0,
      refusedCount: 1,
      refused: [{ line: fixed + 2, id: rows[fixed]!.split(',')[0], code: 'invalid_request' }],
    });
    const discounts = new Map((await listed(server)).map(({ name, discount }) => [name, discount]));
    expect(discounts.size).toBe(rows.length - 1);
    for (const row of rows) {
      const [id, rule] = row.split(',') as [string, string];
      if (rule === 'fixed') continue;
      const [spend, off] = rule.split(':').map(Number) as [number, number];
      expect(discounts.get(id)).toEqual(
        rule.includes(':')
          ? { kind: 'threshold', tiers: [{ spend: spend * 100, off: off * 100 }] }
          : { kind: 'percent', rate: Math.round(spend * 10_000) },
      );
    }
    const again = await importJson(server, RULES, '--currency', 'CNY');
    expect(again).toMatchObject({ created: 0, alreadyThere: rows.length - 1, refusedCount: 1 });
  }, 300_000);
}

if (RULES !== '') describe('an import of the real rules', describeRealRules);
