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

/** The server refuses LOAD DATA LOCAL and always will. */
export function refusesLoadData(error: unknown): boolean {
  return NO_LOAD_DATA.has((error as SqlError).errno ?? 0);
}
