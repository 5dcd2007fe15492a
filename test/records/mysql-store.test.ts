/** The record stores' contract on a real MariaDB or MySQL, by both ways of inserting. */
import mysql from 'mysql2/promise';
import { expect, test } from 'vitest';
import { openMysqlStore } from '../../src/records/mysql/mysql-store.ts';
import type { MysqlOptions } from '../../src/records/mysql/pool.ts';
import { newDatabase } from '../services/mysql.ts';
import { recordStoreContract, type StoreHome } from './record-store-contract.ts';
import { template } from './samples.ts';

async function home(options: MysqlOptions = {}): Promise<StoreHome> {
  const database = await newDatabase();
  return { open: () => openMysqlStore(database.url, options), dispose: () => database.drop() };
}

recordStoreContract('MySQL, by LOAD DATA', () => home());
recordStoreContract('MySQL, by INSERT', () => home({ loadData: false }));

test('names of before they were compared in NFC get their keys, and those that were the same live on', async () => {
  const database = await newDatabase();
  await (await openMysqlStore(database.url)).close();
  const old = await mysql.createConnection(database.url);
  for (const [id, name, live] of [
    [1, 'E\u0301', true],
    [2, '\u00c9', true],
    [3, 'A\u0301', false],
    [4, 'A\u0301', true],
  ] as const) {
    const columns = 'id, live_name, status, sequence, body';
    const body = JSON.stringify(template({ id, name }));
    const values = [id, live ? name : null, live ? 'published' : 'deleted', id, body];
    await old.query(`INSERT INTO templates (${columns}) VALUES (?, ?, ?, ?, ?)`, values);
  }
  await old.query('UPDATE catalog_sequence SET sequence = 4, last_template_id = 4');
  await old.query('DELETE FROM schema_migrations WHERE version > 1');
  await old.end();
  const store = await openMysqlStore(database.url);
  for (const name of ['\u00c9', 'E\u0301', '\u00c1', 'A\u0301'])
    expect(await store.saveTemplate(template({ name }), null, null)).toEqual({ kind: 'name_taken' });
  for (const [id, name] of [
    [1, 'E\u0301'],
    [2, '\u00c9'],
    [4, 'A\u0301'],
  ] as const) {
    const next = template({ id, name, status: 'disabled', version: 2 });
    expect((await store.saveTemplate(next, null, null)).kind).toBe('saved');
  }
  await store.close();
  await database.drop();
});
