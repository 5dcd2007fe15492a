/** What a failed statement means for whoever sent it. */

/**
 * deadlock: the transaction is gone, begin it again. lockWait: only the statement is. lost: nobody knows how far it
 * came. timeout: the same, and the server does not answer, so asking again at once would only wait again.
 */
export type Failure = 'deadlock' | 'lockWait' | 'duplicate' | 'lost' | 'timeout' | 'other';

interface SqlError extends Error {
  readonly code?: string;
  readonly errno?: number;
  readonly fatal?: boolean;
}

/** 1020: MariaDB with innodb_snapshot_isolation; 9007: TiDB, written by another meanwhile. */
const DEADLOCKS = new Set([1213, 1020, 9007]);
/** Shutting down, connection killed (MariaDB), connection gone, statement interrupted. */
const LOST = new Set([1053, 1927, 2006, 2013, 1317]);
const LOST_CODES = new Set([
  'PROTOCOL_CONNECTION_LOST',
  'ECONNRESET',
  'ECONNREFUSED',
  'ECONNABORTED',
  'EPIPE',
  'ETIMEDOUT',
]);
/** Not allowed, disabled on the server, by the capability, unknown to this database. */
const NO_LOAD_DATA = new Set([1148, 3948, 4166, 1235]);

export class StatementTimeout extends Error {
  override name = 'StatementTimeout';
}

export function failureOf(error: unknown): Failure {
  if (error instanceof StatementTimeout) return 'timeout';
  const { errno, code, fatal } = error as SqlError;
  if (errno !== undefined) {
    if (DEADLOCKS.has(errno)) return 'deadlock';
    if (errno === 1205) return 'lockWait';
    if (errno === 1062) return 'duplicate';
    if (LOST.has(errno)) return 'lost';
  }
  if (fatal === true || (code !== undefined && LOST_CODES.has(code))) return 'lost';
  return 'other';
}

export function isDuplicate(error: unknown): boolean {
  return failureOf(error) === 'duplicate';
}

/** Another transaction holds the lock; 3572: and the statement was not to wait (MySQL). */
export function isLocked(error: unknown): boolean {
  return failureOf(error) === 'lockWait' || (error as SqlError).errno === 3572;
}

/** The server refuses LOAD DATA LOCAL and always will. */
export function refusesLoadData(error: unknown): boolean {
  return NO_LOAD_DATA.has((error as SqlError).errno ?? 0);
}

/** Beyond what `failureOf` knows: what passes without this program being changed. */
const OUTAGES = new Set([
  // Too many connections, of this user, or the host is blocked.
  1040, 1203, 1226, 1129,
  // Read-only: being replaced by another server.
  1290, 1792, 1836,
  // The disk or a table is full; a statement was cut off.
  1021, 1114, 1969, 3024,
  // The credentials were changed, or the database is not there.
  1044, 1045, 1049,
]);
const OUTAGE_CODES = new Set(['ENOTFOUND', 'EAI_AGAIN', 'EHOSTUNREACH', 'ENETUNREACH']);
/** Of the driver's pool; these have no code. */
const OUTAGE_MESSAGES = new Set(['Queue limit reached.', 'No connections available.', 'Pool is closed.']);

/** Whether the database cannot do this right now. Anything else is a fault of this program or of its data. */
export function isMysqlOutage(error: unknown): boolean {
  const failure = failureOf(error);
  if (failure !== 'other') return failure !== 'duplicate';
  const { errno = 0, code = '', message } = error as SqlError;
  return OUTAGES.has(errno) || OUTAGE_CODES.has(code) || OUTAGE_MESSAGES.has(message);
}
