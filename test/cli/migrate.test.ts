/** `doorbuster migrate` as a process, against a fresh database and none. */
import mysql from 'mysql2/promise';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { openMysqlStore } from '../../src/records/mysql/mysql-store.ts';
import { MIGRATIONS } from '../../src/records/mysql/schema.ts';
import { type Database, newDatabase } from '../services/mysql.ts';
import { runCli } from '../support/server.ts';

const LATEST = MIGRATIONS.length;

let database: Database;

beforeAll(async () => {
  database = await newDatabase();
});

afterAll(() => database.drop());

test('makes the schema, and the second time nothing', async () => {
  const first = await runCli(['migrate', '--mysql-url', database.url]);
  expect(first).toEqual({ code: 0, stdout: `the schema went from 0 to ${LATEST}\n`, stderr: '' });
  const second = await runCli(['migrate'], { MYSQL_URL: database.url });
  expect(second).toEqual({ code: 0, stdout: `the schema is up to date at ${LATEST}\n`, stderr: '' });
  const store = await openMysqlStore(database.url);
  expect(await store.templates()).toEqual([]);
  await store.close();
});

test('prints SQL that makes the same schema', async () => {
  const { code, stdout } = await runCli(['migrate', '--print']);
  expect(code).toBe(0);
  const other = await newDatabase();
  const connection = await mysql.createConnection({ uri: other.url, multipleStatements: true });
  await connection.query(stdout);
  await connection.query(stdout);
  const again = await runCli(['migrate', '--mysql-url', other.url]);
  expect(again.stdout).toBe(`the schema is up to date at ${LATEST}\n`);
  const tables = async (url: string): Promise<unknown> => {
    const [rows] = await connection.query(
      'SELECT table_name, column_name, column_type, collation_name FROM information_schema.columns WHERE table_schema = ? ORDER BY 1, 2',
      [new URL(url).pathname.slice(1)],
    );
    return rows;
  };
  expect(await tables(other.url)).toEqual(await tables(database.url));
  connection.destroy();
  await other.drop();
});

test('says what is wrong, without the password', async () => {
  const bad = await runCli(['migrate', '--mysql-url', 'redis://user:secret@host']);
  expect([bad.code, bad.stdout]).toEqual([2, '']);
  expect(bad.stderr).toContain('MYSQL_URL');
  expect(bad.stderr).not.toContain('secret');
  const gone = await runCli(['migrate', '--mysql-url', 'mysql://user:secret@127.0.0.1:1/none']);
  expect([gone.code, gone.stdout]).toEqual([1, '']);
  expect(gone.stderr).toContain('cannot bring the schema up to date');
  expect(gone.stderr).not.toContain('secret');
});

test('has nothing to do for the embedded profile', async () => {
  const { code, stdout } = await runCli(['migrate']);
  expect([code, stdout]).toEqual([0, expect.stringContaining('embedded')]);
});
