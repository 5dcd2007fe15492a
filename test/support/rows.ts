/**
 * The database's own word, read past the server: every coupon a client was promised is one row, of that user and with
 * that code, and stands in the blocks exactly once; nobody is over a limit, nothing is sold that was not there.
 */
import mysql from 'mysql2/promise';
import { expect } from 'vitest';
import { blankEntry, ENTRY_WORDS, entryWords, readEntry } from '../../src/claimlog/entry.ts';
import type { ClaimsBook, Sale } from './book.ts';

const UNITS = 2 ** 32;
const CONNECT_MS = 10_000;

export async function query(mysqlUrl: string, sql: string): Promise<Record<string, string>[]> {
  const connection = await mysql.createConnection({
    uri: mysqlUrl,
    connectTimeout: CONNECT_MS,
    supportBigNumbers: true,
    bigNumberStrings: true,
  });
  try {
    const [rows] = await connection.query<mysql.RowDataPacket[]>(sql);
    return rows as Record<string, string>[];
  } finally {
    connection.destroy();
  }
}

/** Coupon ids in the blocks, each as often as it stands there. */
export async function idsInBlocks(mysqlUrl: string): Promise<string[]> {
  const ids: string[] = [];
  const entry = blankEntry();
  for (const { entries } of await query(mysqlUrl, 'SELECT entries FROM claim_blocks ORDER BY id')) {
    const words = entryWords(new Uint8Array(entries as unknown as Buffer));
    for (let at = 0; at < words.length; at += ENTRY_WORDS) {
      const { templateId, serial } = readEntry(words, at, entry);
      ids.push(String(templateId * UNITS + serial));
    }
  }
  return ids;
}

export interface RowsExpected {
  /** By template id, with its activities: rows there must be exactly so many. */
  readonly sold?: ReadonlyMap<string, number>;
}

/** For nodes at rest that have flushed everything. */
export async function checkRows(
  mysqlUrl: string,
  book: ClaimsBook,
  sales: readonly Sale[],
  { sold }: RowsExpected = {},
): Promise<void> {
  const faults = [...book.faults];
  const rows = await query(
    mysqlUrl,
    'SELECT id, user_id AS userId, template_id AS templateId, activity_id AS activityId, code FROM coupons',
  );
  const byId = new Map(rows.map((row) => [String(row.id), row]));
  for (const [couponId, { userId, code, sale }] of book.coupons) {
    const row = byId.get(couponId);
    if (row === undefined) faults.push(`coupon ${couponId} promised to ${userId} is no row`);
    else if (String(row.userId) !== userId || row.code !== code)
      faults.push(
        `coupon ${couponId}: promised to ${userId} with ${code}, the row says ${row.userId}, ${row.code}`,
      );
    else if (`${row.templateId}/${row.activityId}` !== `${sale.templateId}/${sale.activityId ?? 0}`)
      faults.push(`coupon ${couponId} is a row of ${row.templateId}/${row.activityId}`);
  }
  const held = new Map<string, number>();
  const ours = new Set(sales.map(({ templateId }) => templateId));
  const perTemplate = new Map<string, number>();
  for (const { userId, templateId, activityId } of rows) {
    // Others may have sold theirs on the same nodes before.
    if (ours.has(String(templateId)) && !book.users.has(String(userId)))
      faults.push(`a row of user ${userId}, who never claimed`);
    perTemplate.set(String(templateId), (perTemplate.get(String(templateId)) ?? 0) + 1);
    for (const place of [`${templateId}`, ...(Number(activityId) > 0 ? [`${templateId}/${activityId}`] : [])])
      held.set(`${place} ${userId}`, (held.get(`${place} ${userId}`) ?? 0) + 1);
  }
  const limits = new Map(
    sales.map((sale) => [
      sale.activityId === undefined ? sale.templateId : `${sale.templateId}/${sale.activityId}`,
      sale.perUserLimit,
    ]),
  );
  for (const [place, count] of held) {
    const limit = limits.get(place.split(' ')[0]);
    if (limit !== undefined && count > limit) faults.push(`${place} has ${count} rows, limit ${limit}`);
  }
  const inBlocks = await idsInBlocks(mysqlUrl);
  const distinct = new Set(inBlocks);
  if (distinct.size !== inBlocks.length)
    faults.push(`${inBlocks.length - distinct.size} claims stand in the blocks more than once`);
  for (const id of byId.keys()) if (!distinct.has(id)) faults.push(`row ${id} stands in no block`);
  for (const id of distinct) if (!byId.has(id)) faults.push(`claim ${id} of a block is no row`);
  // A template takes up to a second to be known on every node; who asks there sooner is told so, and that is no fault.
  const grave = faults.filter((fault) => !fault.includes('"code":"not_found"'));
  expect(grave.slice(0, 10)).toEqual([]);
  for (const [templateId, count] of sold ?? [])
    expect({ templateId, rows: perTemplate.get(templateId) ?? 0 }).toEqual({ templateId, rows: count });
}
