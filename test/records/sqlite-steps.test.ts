/** Transactions that wait together share one: each is kept or undone for itself, and is answered once all is written. */
import Database from 'libsql';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { SqliteSteps } from '../../src/records/redemptions/sqlite-steps.ts';
import { row, run, type Steps } from '../../src/records/redemptions/steps.ts';

let db: Database.Database;
let steps: SqliteSteps;
/** Names of those that were run, again each time they were. */
let runs: string[];

beforeEach(() => {
  db = new Database(':memory:');
  db.exec('CREATE TABLE names (name TEXT PRIMARY KEY) STRICT');
  steps = new SqliteSteps(db);
  runs = [];
});

afterEach(() => db.close());

function* write(name: string, outcome: unknown): Steps<unknown> {
  runs.push(name);
  yield* run('INSERT INTO names VALUES (?)', [name]);
  if (outcome instanceof Error) throw outcome;
  return outcome;
}

function* look(name: string): Steps<unknown> {
  runs.push(name);
  return { kind: 'refused', found: yield* row('SELECT name FROM names WHERE name = ?', [name]) };
}

function names(): string[] {
  return (db.prepare('SELECT name FROM names ORDER BY name').all() as { name: string }[]).map(
    ({ name }) => name,
  );
}

const KEPT = { kind: 'kept' };
const REFUSED = { kind: 'refused' };

test('many are run once each, and so are those that are refused before they write', async () => {
  const outcomes = await Promise.all([
    steps.transact(() => write('a', KEPT)),
    steps.transact(() => look('a')),
    steps.transact(() => look('z')),
    steps.transact(() => write('b', KEPT)),
  ]);
  // Each sees what those before it have done.
  expect(outcomes).toEqual([KEPT, { kind: 'refused', found: ['a'] }, { kind: 'refused', found: null }, KEPT]);
  expect(runs).toEqual(['a', 'a', 'z', 'b']);
  expect(names()).toEqual(['a', 'b']);
});

test('one that is refused after it wrote, or fails, is undone alone', async () => {
  const fault = new Error('a bug');
  const outcomes = await Promise.allSettled([
    steps.transact(() => write('a', KEPT)),
    steps.transact(() => write('b', REFUSED)),
    steps.transact(() => look('b')),
    steps.transact(() => write('c', fault)),
    // Its name is there already: the statement fails, and with it this one.
    steps.transact(() => write('a', KEPT)),
    steps.transact(() => write('b', KEPT)),
  ]);
  expect(outcomes).toEqual([
    { status: 'fulfilled', value: KEPT },
    { status: 'fulfilled', value: REFUSED },
    { status: 'fulfilled', value: { kind: 'refused', found: null } },
    { status: 'rejected', reason: fault },
    { status: 'rejected', reason: expect.objectContaining({ code: 'SQLITE_CONSTRAINT_PRIMARYKEY' }) },
    { status: 'fulfilled', value: KEPT },
  ]);
  expect(names()).toEqual(['a', 'b']);
});

test('one that waits alone and is refused is undone, and not run again', async () => {
  expect(await steps.transact(() => write('a', REFUSED))).toBe(REFUSED);
  expect(runs).toEqual(['a']);
  expect(names()).toEqual([]);
  await expect(steps.transact(() => write('b', new Error('a bug')))).rejects.toThrow('a bug');
  expect(names()).toEqual([]);
  expect(db.inTransaction).toBe(false);
});

test('when the database ends the transaction by itself all of it has failed, also where each is apart', async () => {
  for (const first of [KEPT, REFUSED]) {
    const outcomes = await Promise.allSettled([
      steps.transact(() => write('a', first)),
      steps.transact(function* () {
        yield* run('INSERT INTO names VALUES (?)', ['b']);
        yield* run('INSERT OR ROLLBACK INTO names VALUES (?)', ['b']);
      }),
      steps.transact(() => write('c', KEPT)),
    ]);
    expect(outcomes.map(({ status }) => status)).toEqual(['rejected', 'rejected', 'rejected']);
    expect(names()).toEqual([]);
    expect(db.inTransaction).toBe(false);
  }
  expect(await steps.transact(() => write('d', KEPT))).toBe(KEPT);
  expect(names()).toEqual(['d']);
});
