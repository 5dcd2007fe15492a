import { mkdtempSync, rmSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import Database from 'libsql';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { countRows, countUsages, countUsers, deleteOneRow } from '../../bench/records-file.ts';

describe('the database file, read past the server', () => {
  let dataDir: string;
  let database: Database.Database;

  beforeEach(() => {
    dataDir = mkdtempSync(path.join(os.tmpdir(), 'doorbuster-records-'));
    database = new Database(path.join(dataDir, 'records.db'));
    database.exec('PRAGMA journal_mode = WAL');
    database.exec('CREATE TABLE coupons (id INTEGER PRIMARY KEY, user_id INTEGER NOT NULL) STRICT');
    const insert = database.prepare('INSERT INTO coupons VALUES (?, ?)');
    for (const [templateId, rows] of [
      [6, 1],
      [7, 3],
      [8, 2],
    ] as const) {
      for (let serial = 0; serial < rows; serial++) insert.run(templateId * 2 ** 32 + serial, serial);
    }
  });
  afterEach(() => {
    database.close();
    rmSync(dataDir, { recursive: true });
  });

  it('counts one template and not its neighbours', () => {
    expect([6, 7, 8, 9].map((id) => countRows(dataDir, String(id)))).toEqual([1, 3, 2, 0]);
  });

  it('counts a user once, however many rows are theirs', () => {
    database.exec(`UPDATE coupons SET user_id = 1 WHERE id >= ${7 * 2 ** 32} AND id < ${8 * 2 ** 32}`);
    expect([6, 7, 8, 9].map((id) => countUsers(dataDir, String(id)))).toEqual([1, 1, 2, 0]);
  });

  it('counts usage records', () => {
    database.exec('CREATE TABLE usages (redemption_id INTEGER NOT NULL, coupon_id INTEGER NOT NULL)');
    expect(countUsages(dataDir)).toBe(0);
    database.exec('INSERT INTO usages VALUES (1, 7), (1, 8)');
    expect(countUsages(dataDir)).toBe(2);
  });

  it('loses exactly one row, beside an open server', () => {
    deleteOneRow(dataDir, '7');
    expect([6, 7, 8].map((id) => countRows(dataDir, String(id)))).toEqual([1, 2, 2]);
    expect(() => deleteOneRow(dataDir, '5')).toThrow('no row');
  });
});
