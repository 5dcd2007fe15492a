/** The audits of a shop whose records are in MySQL: right as it was left, and what an operator's hand does is named. */
import mysql from 'mysql2/promise';
import { afterEach, beforeEach, expect, test } from 'vitest';
import type { PoolFact } from '../../src/audit/facts.ts';
import { liveAudit } from '../../src/audit/live-audit.ts';
import { offlineAudit } from '../../src/audit/offline-audit.ts';
import { openStoreFacts } from '../../src/audit/open-store.ts';
import type { Report } from '../../src/audit/report.ts';
import { ENTRY_BYTES } from '../../src/claimlog/entry.ts';
import { openMysqlStore } from '../../src/records/mysql/mysql-store.ts';
import { LOG_POSITION_BYTES, LogPosition } from '../../src/rings/layout.ts';
import { audit as liveTask } from '../../src/workers/audit-entry.ts';
import { type Database, newDatabase } from '../services/mysql.ts';
import { allProblems, CODE_KEY, coupon, filledShop, problemsOf, type Shop } from './shop.ts';

let database: Database;
let shop: Shop;
let hand: mysql.Connection;
const victim = coupon(1, 17);

beforeEach(async () => {
  database = await newDatabase();
  shop = await filledShop(await openMysqlStore(database.url));
  hand = await mysql.createConnection(database.url);
});

afterEach(async () => {
  hand.destroy();
  await shop.close();
  await database.drop();
});

const audit = () => offlineAudit(shop.dataDir, CODE_KEY, database.url);

async function edit(sql: string, ...values: unknown[]): Promise<void> {
  const [done] = await hand.query<mysql.ResultSetHeader>(sql, values);
  expect(done.affectedRows).toBeGreaterThan(0);
}

test('a shop as the server left it is right', async () => {
  const report = await audit();
  expect(allProblems(report)).toEqual([]);
  const checked = Object.fromEntries(report.checks.map(({ name, checked }) => [name, checked]));
  expect(checked).toMatchObject({ units: 70, limits: 65, activities: 1, rows: 60, codes: 70, watermarks: 1 });
});

test.each([
  ['user_id', 'user'],
  ['template_id', 'template'],
  ['activity_id', 'activity'],
  ['claimed_at', 'claimedAt'],
  ['valid_from', 'validFrom'],
  ['valid_until', 'validUntil'],
])('an edited %s is named', async (column, field) => {
  await edit(`UPDATE coupons SET ${column} = ${column} + 1 WHERE id = ?`, victim);
  expect(allProblems(await audit())).toEqual([
    `rows: coupon ${victim} (template 1, serial 17): edited: ${field}`,
  ]);
});

test('a dropped row, a doubled one and one with an id beyond all numbers are named', async () => {
  const copy = coupon(1, 90);
  const columns = 'user_id, template_id, activity_id, code, claimed_at, valid_from, valid_until, state';
  await edit(
    `INSERT INTO coupons (id, ${columns}) SELECT ?, ${columns} FROM coupons WHERE id = ?`,
    copy,
    victim,
  );
  await edit(
    `INSERT INTO coupons (id, ${columns}) SELECT 9223372036854775807, ${columns} FROM coupons WHERE id = ?`,
    victim,
  );
  await edit('DELETE FROM coupons WHERE id = ?', victim + 1);
  const problems = problemsOf(await audit(), 'rows');
  expect(problems).toHaveLength(3);
  expect(problems.join()).toMatch(`coupon ${copy} `);
  expect(problems.join()).toMatch(new RegExp(`coupon ${victim + 1}: missing: user \\d+ claimed it`));
});

test("a code that is nobody's is named", async () => {
  await edit("UPDATE coupons SET code = 'SPRING' WHERE id = ?", victim);
  expect(problemsOf(await audit(), 'codes')).toEqual([
    `coupon ${victim} (template 1, serial 17): its code SPRING is no code of this installation`,
  ]);
});

test('a block that was edited or cut is named', async () => {
  await edit(
    'UPDATE claim_blocks SET entries = CONCAT(LEFT(entries, 208), CHAR(90), SUBSTR(entries, 210)) LIMIT 1',
  );
  expect(problemsOf(await audit(), 'watermarks').join()).toMatch(
    new RegExp(`coupon ${coupon(1, 5)}.*differs from the log in user`),
  );
  await edit('UPDATE claim_blocks SET entries = LEFT(entries, 210) LIMIT 1');
  expect(problemsOf(await audit(), 'watermarks').join()).toMatch(/not in the records/);
});

test('a watermark beyond the end of its log is named', async () => {
  await edit('UPDATE watermarks SET log_offset = log_offset + 1000000');
  expect(problemsOf(await audit(), 'watermarks')[0]).toMatch(
    /^log 1: the watermark \d+ is beyond its end \d+$/,
  );
});

test('what is stored while it reads is not seen', async () => {
  const facts = await openStoreFacts({ mysqlUrl: database.url });
  await shop.flush();
  await edit('DELETE FROM coupons WHERE id = ?', victim);
  let rows = 0;
  for await (const page of facts.rows()) rows += page.length;
  expect(rows).toBe(60);
  expect((await facts.blocks()).reduce((sum, { length }) => sum + length / 40, 0)).toBe(60);
  await facts.close();
});

test('a live audit is right, and names an edited row', async () => {
  const positions = new SharedArrayBuffer(LOG_POSITION_BYTES);
  Atomics.store(new Int32Array(positions), LogPosition.synced, shop.log.synced / ENTRY_BYTES);
  const pool = (templateId: number, activityId: number, from: number, to: number): PoolFact => ({
    ref: { templateId, activityId },
    leases: [],
    free: [{ from, to }],
    bare: [],
  });
  const pools = [pool(1, 0, 60, 100), pool(2, 1, 10, 20), pool(2, 0, 20, 50)];
  const run = (): Promise<Report> =>
    liveAudit({
      mysqlUrl: database.url,
      logRoot: shop.root,
      codeKey: CODE_KEY,
      liveLogs: () => [{ logId: 1, positions }],
      snapshot: () => ({ ...shop, pools }),
      run: liveTask,
    })();
  expect(allProblems(await run())).toEqual([]);
  await edit('UPDATE coupons SET user_id = 1 WHERE id = ?', victim);
  expect(allProblems(await run())).toEqual([`rows: coupon ${victim} (template 1, serial 17): edited: user`]);
});

test('a database that is not there says so', async () => {
  const url = new URL(database.url);
  url.pathname = '/nothing_here';
  await expect(offlineAudit(shop.dataDir, CODE_KEY, url.href)).rejects.toThrow(/nothing_here/);
});
