/** Which errors of a database pass without this program being changed: those are worth a retry, all others are faults. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import Database from 'libsql';
import { expect, test } from 'vitest';
import { isMysqlOutage, StatementTimeout } from '../../src/records/mysql/failures.ts';
import { isSqliteOutage } from '../../src/records/sqlite-failures.ts';

function sqlError(members: object): Error {
  return Object.assign(new Error('told by the driver'), members);
}

test.each<[string, Error, boolean]>([
  ['a lost connection', sqlError({ code: 'PROTOCOL_CONNECTION_LOST', fatal: true }), true],
  ['a refused connection', sqlError({ code: 'ECONNREFUSED', errno: -111 }), true],
  ['a host that is not known', sqlError({ code: 'ENOTFOUND', errno: -3008 }), true],
  ['a silent server', new StatementTimeout('the database has not answered'), true],
  ['deadlocks again and again', sqlError({ errno: 1213 }), true],
  ['a lock waited for in vain', sqlError({ errno: 1205 }), true],
  ['too many connections', sqlError({ errno: 1040 }), true],
  ['a server that only reads', sqlError({ errno: 1290 }), true],
  ['a full table', sqlError({ errno: 1114 }), true],
  ['a full queue of the pool', new Error('Queue limit reached.'), true],
  ['a duplicate key nobody expected', sqlError({ errno: 1062 }), false],
  ['an unknown column', sqlError({ errno: 1054 }), false],
  ['bad SQL', sqlError({ errno: 1064 }), false],
  ['a value out of range', sqlError({ errno: 1264 }), false],
  ['a broken program', new TypeError('x is not a function'), false],
])('MySQL: %s', (_, error, isOutage) => expect(isMysqlOutage(error)).toBe(isOutage));

function errorOf(run: () => unknown): unknown {
  try {
    run();
  } catch (error) {
    return error;
  }
  throw new Error('nothing went wrong');
}

test('SQLite: a file locked by another, and bad SQL, as the library tells them', () => {
  const dir = mkdtempSync(join(tmpdir(), 'doorbuster-outages-'));
  const file = join(dir, 'records.db');
  const [one, other] = [new Database(file), new Database(file)];
  one.exec('CREATE TABLE t (a INTEGER PRIMARY KEY)');
  one.exec('INSERT INTO t VALUES (1)');
  one.exec('BEGIN IMMEDIATE');
  expect(isSqliteOutage(errorOf(() => other.exec('BEGIN IMMEDIATE')))).toBe(true);
  one.exec('COMMIT');
  expect(isSqliteOutage(errorOf(() => one.exec('SELECT nonsense')))).toBe(false);
  expect(isSqliteOutage(errorOf(() => one.prepare('INSERT INTO t VALUES (1)').run()))).toBe(false);
  expect(isSqliteOutage(new TypeError('x is not a function'))).toBe(false);
  for (const db of [one, other]) db.close();
  rmSync(dir, { recursive: true });
});

test.each([
  ['SQLITE_FULL', true],
  ['SQLITE_IOERR_FSYNC', true],
  ['SQLITE_READONLY_DBMOVED', true],
  ['SQLITE_CONSTRAINT_UNIQUE', false],
  ['SQLITE_FULLER', false],
  ['SQLITE_CORRUPT', false],
])('SQLite: %s', (code, isOutage) => expect(isSqliteOutage(sqlError({ code }))).toBe(isOutage));
