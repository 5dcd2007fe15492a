/**
 * Prints rows a second of flushed batches, by LOAD DATA and by INSERT, beside LOAD DATA of a ready file into the same
 * table. Rounds take turns, each in a fresh database, and the medians are compared.
 */
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import mysql from 'mysql2/promise';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { ENTRY_WORDS, writeEntry } from '../../src/claimlog/entry.ts';
import { HEADER_BYTES } from '../../src/claimlog/frame.ts';
import { FLUSH_BATCH_ENTRIES_MAX } from '../../src/limits.ts';
import { type MysqlStore, openMysqlStore } from '../../src/records/mysql/mysql-store.ts';
import { type Database, type MysqlServer, newDatabase, startMysql } from '../services/mysql.ts';
import { template } from './samples.ts';

const BATCHES = Number(process.env.SPEED_BATCHES ?? 4);
const ROUNDS = Number(process.env.SPEED_ROUNDS ?? 1);
const ROWS = BATCHES * FLUSH_BATCH_ENTRIES_MAX;
const NOW_MS = 1_790_000_000_000;

let server: MysqlServer;
let dir: string;

beforeAll(async () => {
  server = await startMysql();
  dir = fs.mkdtempSync(path.join(os.tmpdir(), 'doorbuster-speed-'));
});

afterAll(async () => {
  await server.stop();
  fs.rmSync(dir, { recursive: true });
});

/** Users come in any order, serials nearly in theirs, as in a sale. */
function batch(number: number): Uint8Array {
  const words = new Uint32Array(FLUSH_BATCH_ENTRIES_MAX * ENTRY_WORDS);
  for (let i = 0; i < FLUSH_BATCH_ENTRIES_MAX; i++) {
    const serial = number * FLUSH_BATCH_ENTRIES_MAX + i;
    const user = Math.imul(serial + 1, 0x9e3779b1) >>> 0;
    const ms = NOW_MS + (serial >> 6);
    const at = i * ENTRY_WORDS;
    writeEntry(
      words,
      at,
      1,
      serial,
      user,
      serial & 0xffff,
      0,
      user % 99_999_999,
      0,
      ms >>> 0,
      Math.floor(ms / 2 ** 32),
      0,
      0,
    );
  }
  return new Uint8Array(words.buffer);
}

async function opened(url: string, loadData: boolean): Promise<MysqlStore> {
  const store = await openMysqlStore(url, { loadData });
  const extent = { firstSerial: 0, length: ROWS, spaces: [{ space: '0703101112', size: 10_000_000 }] };
  await store.saveTemplate(template({ total: ROWS }), extent, null);
  return store;
}

async function flushed({ url }: Database, loadData: boolean): Promise<number> {
  const store = await opened(url, loadData);
  const batches = Array.from({ length: BATCHES }, (_, i) => batch(i));
  let offset = 0;
  const startMs = performance.now();
  for (const entries of batches) {
    const toOffset = offset + HEADER_BYTES + entries.length;
    const outcome = await store.commitClaims({ logId: 1, fromOffset: offset, toOffset, entries });
    expect(outcome.kind).toBe('committed');
    offset = toOffset;
  }
  const rate = (ROWS / (performance.now() - startMs)) * 1000;
  await store.close();
  return rate;
}

/** The rows of the first flush, as a file that only has to be sent. */
async function readyFile({ url }: Database): Promise<string> {
  const connection = await mysql.createConnection({ uri: url, rowsAsArray: true, supportBigNumbers: true });
  const [rows] = await connection.query<mysql.RowDataPacket[]>(
    'SELECT id, CAST(user_id AS CHAR), template_id, activity_id, code, claimed_at, valid_from, valid_until FROM coupons ORDER BY id',
  );
  connection.destroy();
  const file = path.join(dir, 'rows');
  fs.writeFileSync(file, rows.map((row) => `${(row as unknown as unknown[]).join('\t')}\n`).join(''));
  return file;
}

async function loaded({ url }: Database, file: string): Promise<number> {
  await (await opened(url, true)).close();
  const connection = await mysql.createConnection(url);
  const startMs = performance.now();
  const [done] = await connection.query<mysql.ResultSetHeader>({
    sql: `LOAD DATA LOCAL INFILE 'rows' INTO TABLE coupons CHARACTER SET ascii
      (id, user_id, template_id, activity_id, code, claimed_at, valid_from, valid_until)`,
    infileStreamFactory: () => fs.createReadStream(file),
  });
  const rate = (ROWS / (performance.now() - startMs)) * 1000;
  expect(done.affectedRows).toBe(ROWS);
  connection.destroy();
  return rate;
}

const median = (values: number[]): number => values.sort((a, b) => a - b)[values.length >> 1];

test('flushing keeps up with loading a ready file', { timeout: 600_000 }, async () => {
  const rates = { load: [] as number[], insert: [] as number[], file: [] as number[] };
  let file: string | null = null;
  for (let round = 0; round < ROUNDS; round++) {
    for (const way of ['load', 'insert', 'file'] as const) {
      const database = await newDatabase(server.url);
      rates[way].push(
        way === 'file' ? await loaded(database, file!) : await flushed(database, way === 'load'),
      );
      file ??= await readyFile(database);
      await database.drop();
    }
  }
  const [load, insert, ready] = [median(rates.load), median(rates.insert), median(rates.file)];
  const told = (name: string, rate: number) =>
    `${name} ${Math.round(rate)} rows/s (${(rate / ready).toFixed(2)})`;
  console.log(
    [told('LOAD DATA', load), told('INSERT', insert), told('ready file', ready)].join(', '),
    `${ROWS} rows in batches of ${FLUSH_BATCH_ENTRIES_MAX}`,
  );
});
