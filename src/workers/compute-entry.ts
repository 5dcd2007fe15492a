/** Heavy, stateless work on Piscina threads: codes for the units ahead of the crowd, the best coupons of large wallets. */

import { UnitTable } from '../actors/unit-table.ts';
import { CodeBook } from '../domain/codes.ts';
import { type Best, best } from '../domain/quote/best.ts';
import type { Order, QuoteCoupon } from '../domain/quote/order.ts';
import type { CodeExtent } from '../domain/template.ts';
import { stepBehindClaims } from './background-priority.ts';

export interface CodesTask {
  readonly key: Uint8Array;
  readonly extent: CodeExtent;
  readonly firstSerial: number;
  readonly count: number;
  readonly units: readonly SharedArrayBuffer[];
}

stepBehindClaims();
const CHUNK = 4096;
const lo = new Uint32Array(CHUNK);
const hi = new Uint16Array(CHUNK);
let book: { readonly keyHex: string; readonly codes: CodeBook } | null = null;

function bookOf(key: Uint8Array): CodeBook {
  const keyHex = Buffer.from(key).toString('hex');
  if (book?.keyHex !== keyHex) book = { keyHex, codes: new CodeBook(key) };
  return book.codes;
}

/** Writes the codes of a run of units into their shared memory. Nobody reads them before the ledger grants the units. */
export function makeCodes(task: CodesTask): void {
  const codes = bookOf(task.key);
  const units = new UnitTable(task.units);
  for (let done = 0; done < task.count; done += CHUNK) {
    const n = Math.min(CHUNK, task.count - done);
    codes.fill(task.extent, task.firstSerial + done, n, lo, hi, 0);
    for (let i = 0; i < n; i++) units.setCode(task.firstSerial + done + i, lo[i], hi[i]);
  }
}

export interface BestTask {
  readonly order: Order;
  readonly coupons: readonly QuoteCoupon[];
  readonly nowMs: number;
}

/** For wallets that are too heavy for the thread that answers claims. */
export function findBest({ order, coupons, nowMs }: BestTask): Best {
  return best(order, coupons, nowMs);
}
