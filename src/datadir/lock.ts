/**
 * One process per data directory, for as long as it lives.
 *
 * The lock is SQLite's write lock on an empty database. Underneath it is an fcntl lock, so the kernel frees it
 * however the process ends, SIGKILL included, and there is never a stale lock to clear. Node offers no such lock.
 *
 * BEGIN IMMEDIATE and not EXCLUSIVE: the first takes one byte that exactly one process can have. The second also
 * waits for readers, and two processes starting together, each holding the shared lock for a moment, would both be
 * refused.
 *
 * POSIX drops every lock of a process on a file when the process closes any descriptor of it: nothing here may
 * open lock.db a second time (copying the directory, for example).
 */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import Database from 'libsql';
import { makeDataDir, replaceFile } from './directory.ts';

export type LockResult =
  | { readonly ok: true; readonly release: () => void }
  | { readonly ok: false; readonly error: string };

/** Keeps them from the garbage collector, which would close the database and so free the lock. */
const locks = new Set<Database.Database>();

/** Makes the directory when it is not there. The lock ends with `release` or with the process. */
export function lockDataDir(dataDir: string): LockResult {
  const file = join(dataDir, 'lock.db');
  let database: Database.Database | null = null;
  try {
    makeDataDir(dataDir);
    database = new Database(file);
    database.pragma('journal_mode = DELETE');
    database.exec('BEGIN IMMEDIATE');
  } catch (error) {
    if (database !== null) close(database);
    return { ok: false, error: isBusy(error) ? takenBy(dataDir) : `cannot lock ${dataDir}: ${text(error)}` };
  }
  writePid(dataDir);
  const held = database;
  locks.add(held);
  return {
    ok: true,
    release: () => {
      if (locks.delete(held)) close(held);
    },
  };
}

/** libsql closes late, when its statements are collected: the rollback is what frees the lock. */
function close(database: Database.Database): void {
  if (database.inTransaction) database.exec('ROLLBACK');
  database.close();
}

/** Information for the refusal of others, so a full disk is no reason to fail; the lock itself is in the kernel. */
function writePid(dataDir: string): void {
  try {
    replaceFile(dataDir, 'lock.pid', `${process.pid}\n`);
  } catch {}
}

function isBusy(error: unknown): boolean {
  const code = String((error as { code?: unknown }).code);
  return code.startsWith('SQLITE_BUSY') || code.startsWith('SQLITE_LOCKED');
}

function takenBy(dataDir: string): string {
  const holder = readHolder(dataDir);
  const who = holder === null ? 'another process' : `process ${holder}`;
  return `the data directory ${dataDir} is in use by ${who}; stop it, or set DATA_DIR to another directory`;
}

/** Null when unknown: a holder that is just starting has not written its pid yet, the one before may be gone. */
function readHolder(dataDir: string): number | null {
  try {
    const pid = Number(readFileSync(join(dataDir, 'lock.pid'), 'utf8').trim());
    return Number.isSafeInteger(pid) && pid > 0 && isAlive(pid) ? pid : null;
  } catch {
    return null;
  }
}

function isAlive(pid: number): boolean {
  try {
    return process.kill(pid, 0);
  } catch (error) {
    // It belongs to another user.
    return (error as NodeJS.ErrnoException).code === 'EPERM';
  }
}

function text(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
