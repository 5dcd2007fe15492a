/**
 * Brings the MySQL schema up to date: at every start, and by `doorbuster migrate`. `schema_migrations` has a row for each
 * migration that was applied. DDL commits by itself, so nothing is rolled back: what was cut off runs again.
 */
import type { MysqlPool } from './pool.ts';
import { MIGRATIONS, MIGRATIONS_TABLE } from './schema.ts';
import type { Session } from './session.ts';

const DDL_TIMEOUT_MS = 30 * 60 * 1000;
/** Another node may be at it. */
const LOCK_WAIT_SECONDS = 5;
const LOCK_TIMEOUT_MS = 15_000;
const LOCK_TRIES = 24;
const LOCK_NAME_CHARS_MAX = 64;
const NO_SUCH_TABLE = 1146;

export interface Migrated {
  readonly from: number;
  readonly to: number;
}

/** Brings the schema up to date; one node at a time, the others wait. Throws when it is from a newer version. */
export async function migrate(pool: MysqlPool): Promise<Migrated> {
  const current = await pool.read(versionOf);
  refuseNewer(current);
  if (current === MIGRATIONS.length) return { from: current, to: current };
  return pool.withSession(async (session) => {
    const lock = lockName(String((await session.row('SELECT DATABASE()'))?.[0]));
    await takeLock(session, lock);
    try {
      return await apply(session);
    } finally {
      // The lock is the connection's: thrown away, it is free, whatever state the connection was left in.
      session.isBroken = true;
    }
  });
}

async function apply(session: Session): Promise<Migrated> {
  await session.run(MIGRATIONS_TABLE);
  const from = await versionOf(session);
  refuseNewer(from);
  for (let version = from + 1; version <= MIGRATIONS.length; version++) {
    const migration = MIGRATIONS[version - 1];
    if (typeof migration === 'function') await migration(session);
    else for (const statement of migration) await session.run(statement, [], undefined, DDL_TIMEOUT_MS);
    await session.run('INSERT INTO schema_migrations (version, applied_at) VALUES (?, ?)', [
      version,
      Date.now(),
    ]);
  }
  return { from, to: MIGRATIONS.length };
}

async function versionOf(session: Session): Promise<number> {
  try {
    return Number((await session.row('SELECT MAX(version) FROM schema_migrations'))?.[0] ?? 0);
  } catch (error) {
    if ((error as { errno?: number }).errno === NO_SUCH_TABLE) return 0;
    throw error;
  }
}

function refuseNewer(version: number): void {
  if (version <= MIGRATIONS.length) return;
  throw new Error(
    `the database is at schema ${version}, this version knows ${MIGRATIONS.length}: use a newer Doorbuster`,
  );
}

async function takeLock(session: Session, name: string): Promise<void> {
  for (let tries = 1; tries <= LOCK_TRIES; tries++) {
    const rows = await session.rows('SELECT GET_LOCK(?, ?)', [name, LOCK_WAIT_SECONDS], LOCK_TIMEOUT_MS);
    if (Number(rows[0]?.[0]) === 1) return;
  }
  throw new Error(`another node has been changing the schema for ${LOCK_TRIES * LOCK_WAIT_SECONDS} s`);
}

/** Names of locks are the whole server's, so the database is part of it; its end tells more than its beginning. */
function lockName(database: string): string {
  return `doorbuster.${database}`.slice(-LOCK_NAME_CHARS_MAX);
}
