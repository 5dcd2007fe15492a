/** What a failed statement of SQLite means for whoever sent it. */

/** Result codes (https://sqlite.org/rescode.html), with all their extended ones. */
const OUTAGES = [
  'SQLITE_BUSY',
  'SQLITE_LOCKED',
  'SQLITE_FULL',
  'SQLITE_IOERR',
  'SQLITE_CANTOPEN',
  'SQLITE_READONLY',
  'SQLITE_NOMEM',
];

/** Whether the file cannot be used right now. Anything else is a fault of this program or of its data. */
export function isSqliteOutage(error: unknown): boolean {
  const { code } = error as { readonly code?: unknown };
  if (typeof code !== 'string') return false;
  return OUTAGES.some((outage) => code === outage || code.startsWith(`${outage}_`));
}
