import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import Database from 'libsql';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { MIGRATIONS } from '../../src/records/sqlite-schema.ts';
import { SqliteStore } from '../../src/records/sqlite-store.ts';
import { batchOf } from './batches.ts';
import { recordStoreContract } from './record-store-contract.ts';
import { template } from './samples.ts';

let dir: string;

beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), 'doorbuster-records-'));
});

afterEach(() => rmSync(dir, { recursive: true }));

recordStoreContract('SQLite in a file', async () => {
  const home = mkdtempSync(join(tmpdir(), 'doorbuster-records-'));
  return {
    open: async () => new SqliteStore(join(home, 'records.db')),
    dispose: async () => rmSync(home, { recursive: true }),
  };
});

test('a database of a newer version is not opened', async () => {
  const file = join(dir, 'records.db');
  await new SqliteStore(file).close();
  const db = new Database(file);
  db.exec('PRAGMA user_version = 1000');
  db.close();
  expect(() => new SqliteStore(file)).toThrow('use a newer Doorbuster');
});

test('names of before they were compared in NFC get their keys, and those that were the same live on', async () => {
  const file = join(dir, 'records.db');
  const old = new Database(file);
  old.exec(MIGRATIONS[0] as string);
  for (const [id, name, status] of [
    [1, 'E\u0301', 'published'],
    [2, '\u00c9', 'published'],
    [3, 'A\u0301', 'deleted'],
    [4, 'A\u0301', 'published'],
  ]) {
    const body = JSON.stringify(template({ id: id as number, name: name as string }));
    old
      .prepare('INSERT INTO templates (id, name, status, body) VALUES (?, ?, ?, ?)')
      .run(id, name, status, body);
  }
  old.exec('PRAGMA user_version = 1');
  old.close();
  const store = new SqliteStore(file);
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
});

test('marks of a database that did not know their age count from the day it was brought up to date', async () => {
  const file = join(dir, 'records.db');
  const before = new Database(file);
  before.exec(MIGRATIONS[0] as string);
  before.exec("INSERT INTO templates (id, name, status, body) VALUES (9, 'A', 'draft', '{}')");
  before.exec("INSERT INTO idempotency_marks VALUES ('templates', 'k', 'f', 9)");
  before.exec('PRAGMA user_version = 1');
  before.close();
  const store = new SqliteStore(file);
  expect(await store.forgetMarks(60_000, 10)).toBe(0);
  const mark = { scope: 'templates', key: 'k', fingerprint: 'f' };
  expect(await store.saveTemplate(template(), null, mark)).toEqual({ kind: 'repeated', id: 9, same: true });
  expect(await store.forgetMarks(-60_000, 10)).toBe(1);
  await store.close();
});

test('small batches of one log share a block, up to its size', async () => {
  const store = new SqliteStore(join(dir, 'records.db'));
  const extent = { firstSerial: 0, length: 5000, spaces: [{ space: '0703101112', size: 10_000 }] };
  const saved = await store.saveTemplate(template(), extent, null);
  const templateId = saved.kind === 'saved' ? saved.value.id : 0;
  let [offset, serial] = [0, 0];
  async function commit(claims: number): Promise<void> {
    const batch = batchOf(
      1,
      offset,
      Array.from({ length: claims }, () => ({ templateId, serial: serial++, user: '5', atMs: 1000 })),
    );
    offset = batch.toOffset;
    expect(await store.commitClaims(batch)).toEqual({ kind: 'committed' });
  }
  for (let i = 0; i < 10; i++) await commit(1);
  expect((await store.claimBlocks(0)).entries.map((block) => block.length)).toEqual([400]);
  await commit(805);
  await commit(5);
  expect((await store.claimBlocks(0)).entries.map((block) => block.length)).toEqual([400 + 805 * 40, 200]);
  await store.close();
});
