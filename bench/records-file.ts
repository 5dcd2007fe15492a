/**
 * The embedded database read past the server: a count that does not believe the program's own counters. Opening a
 * WAL database from a second process is safe while the server runs.
 */
import path from 'node:path';
import Database from 'libsql';
import { RECORDS_FILE } from './processes/data-dir.ts';

const SERIALS = 2 ** 32;
const BUSY_MS_MAX = 10_000;

function withRecords<T>(dataDir: string, use: (database: Database.Database, key: string) => T): T {
  const database = new Database(path.join(dataDir, RECORDS_FILE));
  try {
    database.exec(`PRAGMA busy_timeout = ${BUSY_MS_MAX}`);
    const columns = database.prepare('PRAGMA table_info(coupons)').all() as { name: string; pk: number }[];
    const key = columns.find((column) => column.pk === 1)?.name;
    if (key === undefined) throw new Error(`${RECORDS_FILE} holds no table coupons`);
    return use(database, key);
  } finally {
    database.close();
  }
}

/** Rows of a template: coupon ids of one template are one range. */
export function countRows(dataDir: string, templateId: string): number {
  return count(dataDir, templateId, 'count(*)');
}

/** Users who hold one. */
export function countUsers(dataDir: string, templateId: string): number {
  return count(dataDir, templateId, 'count(DISTINCT user_id)');
}

/** Usage records, of all templates. */
export function countUsages(dataDir: string): number {
  return withRecords(dataDir, (database) => {
    const sql = 'SELECT count(*) AS number FROM usages';
    return Number((database.prepare(sql).get() as { number: number }).number);
  });
}

function count(dataDir: string, templateId: string, what: string): number {
  const from = Number(templateId) * SERIALS;
  return withRecords(dataDir, (database, key) => {
    const sql = `SELECT ${what} AS number FROM coupons WHERE ${key} >= ${from} AND ${key} < ${from + SERIALS}`;
    return Number((database.prepare(sql).get() as { number: number }).number);
  });
}

/** The fault the bench must notice. */
export function deleteOneRow(dataDir: string, templateId: string): void {
  const from = Number(templateId) * SERIALS;
  withRecords(dataDir, (database, key) => {
    const { changes } = database
      .prepare(
        `DELETE FROM coupons WHERE ${key} = (SELECT min(${key}) FROM coupons WHERE ${key} >= ${from} AND ${key} < ${from + SERIALS})`,
      )
      .run();
    if (changes !== 1) throw new Error('no row to lose');
  });
}
