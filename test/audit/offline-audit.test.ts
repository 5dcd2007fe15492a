/** What an operator's hand, or a fault, does to a stopped shop's files is named in the report. */
import fs from 'node:fs';
import path from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { offlineAudit } from '../../src/audit/offline-audit.ts';
import { logDir } from '../../src/claimlog/segment.ts';
import { allProblems, CODE_KEY, coupon, filledShop, problemsOf, type Shop } from './shop.ts';

let shop: Shop;
const victim = coupon(1, 17);

beforeEach(async () => {
  shop = await filledShop();
});
afterEach(async () => {
  await shop.close();
});

const audit = () => offlineAudit(shop.dataDir, CODE_KEY);

test('a shop as the server left it is right', async () => {
  const report = await audit();
  expect(allProblems(report)).toEqual([]);
  expect(report.ok).toBe(true);
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
  shop.edit(`UPDATE coupons SET ${column} = ${column} + 1 WHERE id = ?`, victim);
  const report = await audit();
  expect(report.ok).toBe(false);
  expect(allProblems(report)).toEqual([`rows: coupon ${victim} (template 1, serial 17): edited: ${field}`]);
});

test('a dropped row is named', async () => {
  shop.edit('DELETE FROM coupons WHERE id = ?', victim);
  expect(allProblems(await audit())).toEqual([
    expect.stringMatching(`^rows: coupon ${victim}: missing: user \\d+ claimed it`),
  ]);
});

test('a doubled row is named, with the coupon it is a double of', async () => {
  const copy = coupon(1, 90);
  const columns = 'user_id, template_id, activity_id, code, claimed_at, valid_from, valid_until, state';
  shop.edit(
    `INSERT INTO coupons (id, ${columns}) SELECT ?, ${columns} FROM coupons WHERE id = ?`,
    copy,
    victim,
  );
  const report = await audit();
  expect(problemsOf(report, 'rows')).toEqual([
    expect.stringMatching(`^coupon ${copy} .*without a claim.*code of coupon ${victim}: a double`),
  ]);
  expect(problemsOf(report, 'codes')).toEqual([
    expect.stringMatching(`that of coupon ${victim}: not unique`),
  ]);
});

test("a changed code is named, whether it is nobody's or another's", async () => {
  shop.edit("UPDATE coupons SET code = 'SPRING' WHERE id = ?", victim);
  shop.edit(
    'UPDATE coupons SET code = (SELECT code FROM coupons WHERE id = ?) WHERE id = ?',
    victim + 1,
    victim + 2,
  );
  const report = await audit();
  expect(problemsOf(report, 'codes')).toEqual([
    `coupon ${victim} (template 1, serial 17): its code SPRING is no code of this installation`,
    expect.stringMatching(`^coupon ${victim + 2} .*is that of coupon ${victim + 1}: not unique$`),
  ]);
  expect(problemsOf(report, 'rows')).toEqual([
    `coupon ${victim} (template 1, serial 17): edited: code`,
    `coupon ${victim + 2} (template 1, serial 19): edited: code`,
  ]);
});

test.each([
  [8, 'user'],
  [16, 'activity'],
  [20, 'code'],
  [28, 'time'],
])('an edited block is named (byte %i: %s)', async (byte, field) => {
  // Blocks begin with template 1, serial 0: the sixth entry is serial 5.
  const at = 5 * 40 + byte;
  shop.edit(
    `UPDATE claim_blocks SET entries = CAST(substr(entries, 1, ?) || x'5a' || substr(entries, ?) AS BLOB) WHERE id = 1`,
    at,
    at + 2,
  );
  const report = await audit();
  expect(problemsOf(report, 'rows').concat(problemsOf(report, 'codes')).join()).toContain(
    `coupon ${coupon(1, 5)}`,
  );
  expect(problemsOf(report, 'watermarks').join()).toMatch(
    new RegExp(`coupon ${coupon(1, 5)}.*differs from the log in .*${field}`),
  );
});

test('a claim deleted with its block is missing from what the log still keeps', async () => {
  shop.edit('DELETE FROM coupons WHERE id = ?', victim);
  shop.edit("UPDATE claim_blocks SET entries = x'' WHERE id = 1");
  const report = await audit();
  expect(problemsOf(report, 'watermarks').join()).toMatch(
    new RegExp(`coupon ${victim} .*not in the records`),
  );
});

test('a unit sold to a second user in another block is named', async () => {
  shop.edit(
    `INSERT INTO claim_blocks (log_id, entries) SELECT 1, CAST(substr(entries, 1, 8) || x'01000000' || substr(entries, 13, 28) AS BLOB) FROM claim_blocks WHERE id = 1`,
  );
  expect(problemsOf(await audit(), 'units')).toEqual([
    expect.stringMatching(`^coupon ${coupon(1, 0)} .*claimed by user 12884902888 and by user 12884901889`),
  ]);
});

test('a watermark beyond the end of its log is named, and so is one that skips claims', async () => {
  shop.edit('UPDATE watermarks SET log_offset = log_offset + 1000000 WHERE log_id = 1');
  const report = await audit();
  expect(problemsOf(report, 'watermarks')[0]).toMatch(/^log 1: the watermark \d+ is beyond its end \d+$/);
});

test('a watermark moved over claims that were never flushed is named', async () => {
  shop.edit('UPDATE watermarks SET log_offset = ? WHERE log_id = 1', shop.log.end);
  const problems = problemsOf(await audit(), 'watermarks');
  expect(problems).toHaveLength(10);
  expect(problems[0]).toMatch(`coupon ${coupon(1, 50)}`);
});

test('a watermark behind the first segment is named', async () => {
  shop.edit('UPDATE watermarks SET log_offset = 0 WHERE log_id = 1');
  const directory = logDir(shop.root, 1);
  fs.unlinkSync(path.join(directory, fs.readdirSync(directory).sort()[0]!));
  expect(problemsOf(await audit(), 'watermarks').join()).toMatch(
    /log 1: begins at \d+, but the records have it only up to 0/,
  );
});

test('the wrong key and an empty directory are told apart from damage', async () => {
  const report = await offlineAudit(shop.dataDir, new Uint8Array(32).fill(8));
  expect(report.checks.find(({ name }) => name === 'codes')!.problemCount).toBe(131);
  const elsewhere = path.join(shop.dataDir, 'elsewhere');
  await expect(offlineAudit(elsewhere, CODE_KEY)).rejects.toThrow(/no record store/);
});
