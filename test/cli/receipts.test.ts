import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { afterAll, describe, expect, test } from 'vitest';
import { isPlanned, planCoupons } from '../../src/cli/replay/coupon-plans.ts';
import { readCsv } from '../../src/cli/replay/csv.ts';
import { type Receipt, readReceipts, type SkippedRow } from '../../src/cli/replay/receipts.ts';

const directory = fs.mkdtempSync(path.join(os.tmpdir(), 'doorbuster-receipts-'));
afterAll(() => fs.rmSync(directory, { recursive: true }));
let files = 0;

function fileOf(text: string | Uint8Array): string {
  const file = path.join(directory, `${files++}.csv`);
  fs.writeFileSync(file, text);
  return file;
}

async function read(
  text: string,
  needsDiscount = true,
): Promise<{ receipts: Receipt[]; skipped: SkippedRow[] }> {
  const receipts: Receipt[] = [];
  const skipped: SkippedRow[] = [];
  const onSkipped = (row: SkippedRow) => void skipped.push(row);
  for await (const run of readReceipts(fileOf(text), { needsDiscount, onSkipped })) receipts.push(...run);
  return { receipts, skipped };
}

const HEADER = 'User_id,Merchant_id,Coupon_id,Discount_rate,Distance,Date_received';

describe('a CSV file', () => {
  test('keeps rows whole that lie across chunks, in any line ending, with the editor’s row numbers', async () => {
    const value = 'é'.repeat(1000);
    const text = `\ufeffa,b\r\n${`x,"${value}"\r\n`.repeat(500)}\n\nlast,line`;
    let rows = 0;
    let last = { row: 0, fields: [] as readonly string[] | null };
    for await (const run of readCsv(fileOf(text))) {
      for (const line of run) {
        rows++;
        last = line;
        if (line.row === 1) expect(line.fields).toEqual(['a', 'b']);
        else if (line.row <= 501) expect(line.fields).toEqual(['x', value]);
      }
    }
    expect(rows).toBe(502);
    expect(last).toEqual({ row: 504, fields: ['last', 'line'] });
  });
});

describe('a receipts file', () => {
  test('is read by its header, in any order and case of columns', async () => {
    const { receipts } = await read('date,COUPON_ID,User_id,discount_rate\r\n20160701,c-1,42,0.9\r\n');
    expect(receipts).toEqual([{ row: 2, userId: '42', couponId: 'c-1', discount: '0.9' }]);
  });

  test('needs no discount unless templates are made from it', async () => {
    const text = 'User_id,Coupon_id\n42,7\n';
    expect((await read(text, false)).receipts).toHaveLength(1);
    await expect(read(text, true)).rejects.toThrow(/no column Discount_rate.*found: User_id, Coupon_id/);
  });

  test('reports bad rows by number and reads on', async () => {
    const { receipts, skipped } = await read(
      [
        HEADER,
        '1,2,3,150:20,null,20160701',
        '01,2,3,150:20,0,20160701',
        '9223372036854775808,2,3,150:20,0,20160701',
        '1,2,3,150:20,0',
        '1,2,null,null,0,null',
        '"1,2,3,150:20,0,20160701',
        '1,2,a b,150:20,0,20160701',
        '"5",2,"3","150:20",0,20160701',
      ].join('\n'),
    );
    expect(receipts.map(({ row, userId }) => [row, userId])).toEqual([
      [2, '1'],
      [9, '5'],
    ]);
    expect(skipped).toEqual([
      { row: 3, reason: 'User_id "01" is no user id' },
      { row: 4, reason: 'User_id "9223372036854775808" is no user id' },
      { row: 5, reason: '5 fields instead of 6' },
      { row: 6, reason: 'no coupon' },
      { row: 7, reason: 'its quotes do not match' },
      { row: 8, reason: 'Coupon_id "a b" is no coupon id' },
    ]);
  });

  test('that is empty, missing or a directory is refused', async () => {
    await expect(read('')).rejects.toThrow('is empty');
    const options = { needsDiscount: false, onSkipped: () => {} };
    await expect(readReceipts(path.join(directory, 'none'), options).next()).rejects.toThrow(
      /cannot read.*ENOENT/,
    );
    await expect(readReceipts(directory, options).next()).rejects.toThrow(/cannot read.*EISDIR/);
  });
});

describe('the plan of templates', () => {
  test('counts distinct users, leaves out what it cannot read or what contradicts, and knows it again', async () => {
    const rows: [string, string, string][] = [
      ['1', '7', 'fixed'],
      ['1', '7', '150:20'],
      ['2', '7', '150:20'],
      ['2', '7', '150.00:20'],
      ['3', '7', '150:30'],
      ['1', '8', '0.9'],
      ['1', '9', 'fixed'],
      ['1', '10', '150:200'],
      ['1', '10', '20:20'],
    ];
    const receipts = rows.map(([userId, couponId, discount], i) => ({
      row: i + 2,
      userId,
      couponId,
      discount,
    }));
    const skipped: SkippedRow[] = [];
    async function* runs() {
      yield receipts;
    }
    const plans = await planCoupons(runs(), (row) => void skipped.push(row));
    expect([...plans]).toEqual([
      ['7', { discount: { kind: 'threshold', tiers: [{ spend: 15_000, off: 2_000 }] }, users: 2 }],
      ['8', { discount: { kind: 'percent', rate: 9_000 }, users: 1 }],
    ]);
    const allowed = 'allowed: "spend:off" with off below spend, or a rate between 0 and 1';
    const fixed = 'names neither amounts nor a rate';
    const tooMuch = 'has an off that is not below its spend';
    expect(skipped).toEqual([
      { row: 2, reason: `Discount_rate "fixed" ${fixed}; ${allowed}` },
      { row: 6, reason: 'Discount_rate 150:30 is not that of the same coupon in row 3' },
      { row: 8, reason: `Discount_rate "fixed" ${fixed}; ${allowed}` },
      { row: 9, reason: `Discount_rate "150:200" ${tooMuch}; ${allowed}` },
      { row: 10, reason: `Discount_rate "20:20" ${tooMuch}; ${allowed}` },
    ]);
    const left = new Set(skipped.map(({ row }) => row));
    for (const receipt of receipts) expect(isPlanned(plans, receipt)).toBe(!left.has(receipt.row));
  });
});
