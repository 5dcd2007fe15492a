/**
 * Migrations of the embedded record store, in order; `PRAGMA user_version` counts those that were applied.
 * Never change one that was released: add another.
 */
import type Database from 'libsql';

const MIGRATIONS: readonly string[] = [
  `
  CREATE TABLE facts (name TEXT PRIMARY KEY, value TEXT NOT NULL) STRICT, WITHOUT ROWID;

  -- body: the template as JSON (domain/template.ts); the columns beside it are for uniqueness and lookups.
  CREATE TABLE templates (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    name TEXT NOT NULL,
    status TEXT NOT NULL,
    body TEXT NOT NULL
  ) STRICT;
  CREATE UNIQUE INDEX templates_name ON templates (name) WHERE status <> 'deleted';

  CREATE TABLE activities (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    template_id INTEGER NOT NULL REFERENCES templates (id),
    body TEXT NOT NULL
  ) STRICT;

  -- Which run of a code space belongs to which units.
  CREATE TABLE code_extents (
    space TEXT NOT NULL,
    first INTEGER NOT NULL,
    length INTEGER NOT NULL,
    template_id INTEGER NOT NULL REFERENCES templates (id),
    first_serial INTEGER NOT NULL,
    PRIMARY KEY (space, first)
  ) STRICT, WITHOUT ROWID;

  CREATE TABLE idempotency_marks (
    scope TEXT NOT NULL,
    key TEXT NOT NULL,
    fingerprint TEXT NOT NULL,
    entity_id INTEGER NOT NULL,
    PRIMARY KEY (scope, key)
  ) STRICT, WITHOUT ROWID;

  -- id = template_id * 2^32 + serial. state: 0 usable, 1 locked, 2 used; expiry is decided on read.
  CREATE TABLE coupons (
    id INTEGER PRIMARY KEY,
    user_id INTEGER NOT NULL,
    template_id INTEGER NOT NULL,
    activity_id INTEGER NOT NULL,
    code TEXT NOT NULL,
    claimed_at INTEGER NOT NULL,
    valid_from INTEGER NOT NULL,
    valid_until INTEGER NOT NULL,
    state INTEGER NOT NULL DEFAULT 0
  ) STRICT;
  CREATE INDEX coupons_user ON coupons (user_id, claimed_at);

  -- The flushed claims once more as the log wrote them (claimlog/entry.ts): memory is rebuilt from these in one
  -- sequential read, and the checker holds the rows against them.
  CREATE TABLE claim_blocks (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    log_id INTEGER NOT NULL,
    entries BLOB NOT NULL
  ) STRICT;

  -- Position up to which a log is in the tables above; moves in the transaction that stores the rows.
  CREATE TABLE watermarks (log_id INTEGER PRIMARY KEY, log_offset INTEGER NOT NULL) STRICT;
  `,
];

/** Opens the pragmas and brings the schema up to date. Throws when the file is from a newer version. */
export function migrate(db: Database.Database): void {
  db.exec('PRAGMA journal_mode = WAL');
  db.exec('PRAGMA synchronous = FULL');
  db.exec('PRAGMA foreign_keys = ON');
  const row = db.prepare('PRAGMA user_version').get() as { user_version: number };
  if (row.user_version > MIGRATIONS.length) {
    throw new Error(
      `the database is at schema ${row.user_version}, this version knows ${MIGRATIONS.length}: use a newer Doorbuster`,
    );
  }
  for (let version = row.user_version; version < MIGRATIONS.length; version++) {
    db.exec('BEGIN IMMEDIATE');
    try {
      db.exec(MIGRATIONS[version]);
      db.exec(`PRAGMA user_version = ${version + 1}`);
      db.exec('COMMIT');
    } catch (error) {
      db.exec('ROLLBACK');
      throw error;
    }
  }
}
