/** Receipts replayed on a real server: a seeded look-alike, and with RECEIPTS=FILE the real ones. */
import fs from 'node:fs';
import path from 'node:path';
import { afterEach, describe, expect, test } from 'vitest';
import { seeded } from '../support/random.ts';
import { ADMIN_TOKEN, type Outcome, runCli, type Server, startServer } from '../support/server.ts';
import { lookAlike } from './look-alike.ts';

const ROWS = 2000;
const RECEIPTS = process.env.RECEIPTS ?? '';

const servers: Server[] = [];
afterEach(async () => {
  for (const server of servers.splice(0)) await server.destroy();
});

async function freshServer(): Promise<Server> {
  const server = await startServer({ env: { OWNER_THREADS: '2' } });
  servers.push(server);
  return server;
}

function cli(server: Server, ...args: string[]): Promise<Outcome> {
  const env = { DOORBUSTER_URL: `http://127.0.0.1:${server.port}`, DOORBUSTER_TOKEN: ADMIN_TOKEN };
  return runCli(args, env, 600_000);
}

// biome-ignore lint/suspicious/noExplicitAny: figures are compared as they come
async function replay(server: Server, ...args: string[]): Promise<any> {
  const { code, stdout, stderr } = await cli(server, 'replay', ...args, '--json');
  expect([code, stderr.includes('error')]).toEqual([0, false]);
  return JSON.parse(stdout);
}

async function expectCleanAudit(server: Server): Promise<void> {
  const { code, stdout } = await cli(server, 'audit', '--json');
  expect([code, JSON.parse(stdout).ok]).toEqual([0, true]);
}

const sum = (numbers: Iterable<number>): number => [...numbers].reduce((a, b) => a + b, 0);

describe('a replay of a look-alike', () => {
  test('claims each pair once, answers repeats with the first coupon, and finds nothing new the second time', async () => {
    const { csv, users, usable, badRows } = lookAlike(seeded('replay'), ROWS);
    const server = await freshServer();
    const file = path.join(server.dataDir, 'receipts.csv');
    fs.writeFileSync(file, csv);
    const pairs = sum([...users.values()].map((set) => set.size));

    const first = await replay(server, file, '--create-templates', '--concurrency', '16');
    expect(first).toMatchObject({
      ok: true,
      claimed: pairs,
      alreadyClaimed: usable - pairs,
      refused: {},
      faultCount: 0,
    });
    expect(first.templates).toEqual({ made: users.size, reused: 0, withoutStock: 0 });
    expect(
      first.skipped.map(({ row }: { row: number }) => row).sort((a: number, b: number) => a - b),
    ).toEqual(badRows);

    const again = await replay(server, file, '--create-templates');
    expect(again).toMatchObject({ ok: true, claimed: 0, alreadyClaimed: usable, refused: {} });
    expect(again.templates).toEqual({ made: 0, reused: users.size, withoutStock: 0 });
    await expectCleanAudit(server);

    const told = await cli(server, 'template', 'list', '--q', 'coupon-1', '--json');
    const hot = JSON.parse(told.stdout).items.find(({ name }: { name: string }) => name === 'coupon-1');
    expect(hot).toMatchObject({
      stock: users.get('1')!.size,
      perUserLimit: 1,
      status: 'published',
      productLine: 1,
    });

    // Without --create-templates rows of unreadable discounts count too: the template is there.
    const plain = await cli(server, 'replay', file, '--rate', '20000');
    expect(plain.code).toBe(0);
    expect(plain.stdout).toMatch(/already claimed .*each with the coupon of the first time/);

    expect(await server.stop()).toBe(0);
    const offline = await runCli(['audit', '--offline'], { DATA_DIR: server.dataDir });
    expect([offline.code, offline.stdout]).toEqual([0, expect.stringContaining('all is well')]);
    const log = await runCli(['log', 'inspect', server.dataDir, '--entries', '--json']);
    expect(log.code).toBe(0);
    const lines = log.stdout
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line));
    const inLogs = lines.filter(({ claim }) => claim !== undefined);
    expect(inLogs).toHaveLength(sum(lines.map((line) => line.log?.claims ?? 0)));
    expect(inLogs.length).toBeGreaterThanOrEqual(pairs);
  });

  test('with half the stock sells exactly that of each coupon', async () => {
    const { csv, users, usable } = lookAlike(seeded('replay, half'), ROWS);
    const server = await freshServer();
    const file = path.join(server.dataDir, 'receipts.csv');
    fs.writeFileSync(file, csv);
    const stocks = [...users.values()].map((set) => Math.floor(set.size / 2));
    const result = await replay(server, file, '--create-templates', '--stock-share', '0.5');
    expect(result).toMatchObject({ ok: true, claimed: sum(stocks) });
    expect(Object.keys(result.refused)).toEqual(['sold_out']);
    expect(result.answered).toBe(usable);
    const { stdout } = await cli(server, 'template', 'list', '--json');
    for (const { id, stock } of JSON.parse(stdout).items) {
      const figures = await server.must(200, 'GET', `/v1/templates/${id}/stock`);
      expect(figures).toMatchObject({ total: stock, claimed: stock });
    }
    await expectCleanAudit(server);
  });

  test('fails on a coupon without a template, a wrong token, and a server that goes away', async () => {
    const { csv } = lookAlike(seeded('replay, failures'), ROWS);
    const server = await freshServer();
    const file = path.join(server.dataDir, 'receipts.csv');
    fs.writeFileSync(file, csv);
    const missing = await cli(server, 'replay', file);
    expect([missing.code, missing.stderr]).toEqual([
      1,
      expect.stringContaining('there is no template coupon-'),
    ]);
    const denied = await cli(server, 'replay', file, '--token', 'not-the-token-of-this-server');
    expect([denied.code, denied.stderr]).toEqual([1, expect.stringContaining('this token was not accepted')]);

    await replay(server, file, '--create-templates');
    const slow = cli(server, 'replay', file, '--rate', '500');
    setTimeout(() => server.kill(), 1500);
    const lost = await slow;
    expect([lost.code, lost.stderr]).toEqual([1, expect.stringContaining('closed the connection')]);
    expect(lost.stdout).toContain('already claimed');
  });

  test('an offline audit keeps away from a directory in use, and sees a row that was edited', async () => {
    const server = await freshServer();
    const file = path.join(server.dataDir, 'receipts.csv');
    fs.writeFileSync(file, 'User_id,Coupon_id,Discount_rate\n1,2,30:5\n2,2,30:5\n');
    await replay(server, file, '--create-templates');
    const offline = () => runCli(['audit', '--offline'], { DATA_DIR: server.dataDir });
    const inUse = await offline();
    expect([inUse.code, inUse.stderr]).toEqual([
      1,
      expect.stringContaining(`in use by process ${server.pid}`),
    ]);
    await server.stop();
    expect((await offline()).code).toBe(0);
    const { default: Database } = await import('libsql');
    const db = new Database(path.join(server.dataDir, 'records.db'));
    expect(db.prepare('DELETE FROM coupons WHERE user_id = 2').run().changes).toBe(1);
    db.close();
    const broken = await offline();
    expect([broken.code, broken.stdout, broken.stderr]).toEqual([
      1,
      expect.stringContaining('PROBLEM'),
      'error: the audit found problems\n',
    ]);
  });
});

/** Only defined when there is a file: a skipped test would look like one that was left undone. */
function describeRealReceipts(): void {
  const rows = fs.readFileSync(RECEIPTS, 'utf8').trim().split(/\r?\n/).slice(1);
  const users = new Map<string, Set<string>>();
  for (const row of rows) {
    const [userId, , couponId] = row.split(',') as [string, string, string];
    if (!users.has(couponId)) users.set(couponId, new Set());
    users.get(couponId)!.add(userId);
  }
  const sizes = [...users.values()].map((set) => set.size);

  test('with full stock', async () => {
    const server = await freshServer();
    const first = await replay(server, RECEIPTS, '--create-templates');
    const claimed = sum(sizes);
    expect(first).toMatchObject({
      ok: true,
      claimed,
      alreadyClaimed: rows.length - claimed,
      refused: {},
      skippedCount: 0,
    });
    await expectCleanAudit(server);
    const again = await replay(server, RECEIPTS, '--create-templates');
    expect(again).toMatchObject({ ok: true, claimed: 0, alreadyClaimed: rows.length, refused: {} });
    await expectCleanAudit(server);
  });

  test('with half of it', async () => {
    const server = await freshServer();
    const stocks = sizes.map((size) => Math.floor(size / 2));
    const result = await replay(server, RECEIPTS, '--create-templates', '--stock-share', '0.5');
    expect(result).toMatchObject({ ok: true, claimed: sum(stocks), answered: rows.length });
    expect(result.templates.withoutStock).toBe(stocks.filter((stock) => stock === 0).length);
    await expectCleanAudit(server);
  });
}

if (RECEIPTS !== '') describe('a replay of the real receipts', describeRealReceipts);
