import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import Database from 'libsql';
import { afterEach, beforeEach, expect, test } from 'vitest';
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
