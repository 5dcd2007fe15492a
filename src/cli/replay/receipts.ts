/** A receipts file: rows "this user received this coupon", found by the names in the header, in file order. */
import { userIdFromJson } from '../../domain/user-id.ts';
import { CommandFailed, messageOf } from '../failure.ts';
import { type CsvLine, readCsv } from './csv.ts';

export interface Receipt {
  readonly row: number;
  readonly userId: string;
  readonly couponId: string;
  /** As written; empty when the file has no such column. */
  readonly discount: string;
}

/** A row that is left out, and why. */
export interface SkippedRow {
  readonly row: number;
  readonly reason: string;
}

export interface ReceiptsOptions {
  readonly needsDiscount: boolean;
  readonly onSkipped: (skipped: SkippedRow) => void;
  readonly onBytes?: (bytesRead: number) => void;
}

interface Columns {
  readonly count: number;
  readonly user: number;
  readonly coupon: number;
  readonly discount: number;
}

/** Becomes a part of the template's name. */
const COUPON_ID = /^[\w.-]{1,100}$/;

/** Receipts in runs. Throws CommandFailed when the file can't be read or its header lacks a column. */
export async function* readReceipts(file: string, options: ReceiptsOptions): AsyncGenerator<Receipt[]> {
  let columns: Columns | null = null;
  const lines = readCsv(file, options.onBytes);
  for (;;) {
    const next = await lines.next().catch((error: unknown) => {
      throw new CommandFailed(`cannot read ${file}: ${messageOf(error)}`);
    });
    if (next.done) break;
    const receipts: Receipt[] = [];
    for (const line of next.value) {
      if (columns === null) columns = readHeader(file, line, options.needsDiscount);
      else {
        const read = readRow(line, columns);
        if ('reason' in read) options.onSkipped(read);
        else receipts.push(read);
      }
    }
    yield receipts;
  }
  if (columns === null) throw new CommandFailed(`${file} is empty; its first row must name the columns`);
}

function readHeader(file: string, { fields }: CsvLine, needsDiscount: boolean): Columns {
  const names = (fields ?? []).map((name) => name.toLowerCase());
  const needed = ['User_id', 'Coupon_id', ...(needsDiscount ? ['Discount_rate'] : [])];
  const missing = needed.filter((name) => !names.includes(name.toLowerCase()));
  if (missing.length > 0) {
    const found = names.length === 0 ? 'nothing readable' : (fields ?? []).join(', ');
    throw new CommandFailed(
      `${file}: no column ${missing.join(', ')} in its first row; found: ${found.slice(0, 200)}`,
    );
  }
  return {
    count: names.length,
    user: names.indexOf('user_id'),
    coupon: names.indexOf('coupon_id'),
    discount: names.indexOf('discount_rate'),
  };
}

function readRow({ row, fields }: CsvLine, { count, user, coupon, discount }: Columns): Receipt | SkippedRow {
  if (fields === null) return { row, reason: 'its quotes do not match' };
  if (fields.length !== count) return { row, reason: `${fields.length} fields instead of ${count}` };
  const userId = userIdFromJson(fields[user]);
  if (userId === null) return { row, reason: `User_id ${shown(fields[user]!)} is no user id` };
  const couponId = fields[coupon]!;
  // The publisher's way to write "bought without a coupon".
  if (couponId === 'null' || couponId === '') return { row, reason: 'no coupon' };
  if (!COUPON_ID.test(couponId)) return { row, reason: `Coupon_id ${shown(couponId)} is no coupon id` };
  return { row, userId, couponId, discount: fields[discount] ?? '' };
}

function shown(text: string): string {
  return JSON.stringify(text.length > 40 ? `${text.slice(0, 40)}…` : text);
}
