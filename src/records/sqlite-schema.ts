/**
 * Migrations of the embedded record store, in order; `PRAGMA user_version` counts those that were applied.
 * Never change one that was released: add another.
 */
import type Database from 'libsql';
import { catchUp } from './catalog-events/catch-up.ts';
import { keyNames } from './name-keys.ts';
import { SQLITE, SqliteSteps } from './redemptions/sqlite-steps.ts';

export const MIGRATIONS: readonly (string | ((db: Database.Database) => void))[] = [
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
  // templates.name: from now on the key names are compared by.
  (db) => {
    const rows = db.prepare("SELECT id, name FROM templates WHERE status <> 'deleted' ORDER BY id").all();
    const update = db.prepare('UPDATE templates SET name = ? WHERE id = ?');
    for (const { id, name } of keyNames(rows as { id: number; name: string }[])) update.run(name, id);
  },
  `
  -- Milliseconds. Marks that are there already count from now on.
  ALTER TABLE idempotency_marks ADD COLUMN kept_at INTEGER NOT NULL DEFAULT 0;
  UPDATE idempotency_marks SET kept_at = CAST(strftime('%s', 'now') AS INTEGER) * 1000;
  CREATE INDEX idempotency_marks_kept ON idempotency_marks (kept_at);
  `,
  `
  -- redemption_id: the last one that has touched it. sequence: of its last event; 1 is the claim, this row itself.
  -- state also 3 expired, 4 voided (coupons/states.ts).
  ALTER TABLE coupons ADD COLUMN redemption_id INTEGER NOT NULL DEFAULT 0;
  ALTER TABLE coupons ADD COLUMN sequence INTEGER NOT NULL DEFAULT 1;
  CREATE INDEX coupons_due ON coupons (valid_until) WHERE state = 0;

  -- live_order: its order while it is locked or used. state: records/redemptions/redemption-rows.ts. frozen: what the
  -- lock froze, as JSON; returned: what has come back.
  CREATE TABLE redemptions (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    user_id INTEGER NOT NULL,
    order_id TEXT NOT NULL,
    live_order TEXT,
    state INTEGER NOT NULL,
    locked_at INTEGER NOT NULL,
    locked_until INTEGER NOT NULL,
    used_at INTEGER,
    ended_at INTEGER,
    is_verified INTEGER NOT NULL,
    is_of_service INTEGER NOT NULL,
    frozen TEXT NOT NULL,
    returned TEXT NOT NULL,
    idempotency_key TEXT,
    fingerprint TEXT NOT NULL
  ) STRICT;
  CREATE UNIQUE INDEX redemptions_live ON redemptions (user_id, live_order);
  CREATE UNIQUE INDEX redemptions_key ON redemptions (user_id, idempotency_key) WHERE idempotency_key IS NOT NULL;
  CREATE INDEX redemptions_order ON redemptions (order_id);
  CREATE INDEX redemptions_due ON redemptions (locked_until) WHERE state = 0;

  CREATE TABLE usages (
    redemption_id INTEGER NOT NULL,
    coupon_id INTEGER NOT NULL,
    user_id INTEGER NOT NULL,
    template_id INTEGER NOT NULL,
    order_id TEXT NOT NULL,
    original INTEGER NOT NULL,
    discount INTEGER NOT NULL,
    final INTEGER NOT NULL,
    used_at INTEGER NOT NULL,
    reverted_at INTEGER,
    PRIMARY KEY (redemption_id, coupon_id)
  ) STRICT, WITHOUT ROWID;
  CREATE INDEX usages_time ON usages (used_at);
  CREATE INDEX usages_user ON usages (user_id, used_at);
  CREATE INDEX usages_order ON usages (order_id);
  CREATE INDEX usages_template ON usages (template_id, used_at);

  CREATE TABLE returns (
    redemption_id INTEGER NOT NULL,
    return_id TEXT NOT NULL,
    fingerprint TEXT NOT NULL,
    receipt TEXT NOT NULL,
    returned_at INTEGER NOT NULL,
    PRIMARY KEY (redemption_id, return_id)
  ) STRICT, WITHOUT ROWID;

  -- The outbox: what became of coupons after their claims, written in the transaction that makes it true.
  CREATE TABLE coupon_events (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    coupon_id INTEGER NOT NULL,
    sequence INTEGER NOT NULL,
    kind INTEGER NOT NULL,
    at INTEGER NOT NULL,
    redemption_id INTEGER,
    detail TEXT
  ) STRICT;
  CREATE UNIQUE INDEX coupon_events_coupon ON coupon_events (coupon_id, sequence);
  `,
  `
  -- gid: of the saga that made it.
  ALTER TABLE redemptions ADD COLUMN gid TEXT;
  CREATE INDEX redemptions_gid ON redemptions (user_id, gid) WHERE gid IS NOT NULL;

  -- DTM's sub-transaction barrier (records/redemptions/barrier.ts). at: milliseconds.
  CREATE TABLE barrier (
    user_id INTEGER NOT NULL,
    gid TEXT NOT NULL,
    branch_id TEXT NOT NULL,
    op TEXT NOT NULL,
    barrier_id TEXT NOT NULL,
    trans_type TEXT NOT NULL,
    reason TEXT NOT NULL,
    at INTEGER NOT NULL,
    PRIMARY KEY (user_id, gid, branch_id, op, barrier_id)
  ) STRICT, WITHOUT ROWID;
  `,
  `
  -- Who passes events on: up to which position (domain/event-position.ts), and which node does it until when.
  CREATE TABLE event_readers (
    name TEXT PRIMARY KEY,
    position TEXT,
    updated_at INTEGER NOT NULL,
    holder TEXT NOT NULL,
    held_until INTEGER NOT NULL
  ) STRICT, WITHOUT ROWID;
  `,
  `
  -- The outbox of templates (subject 0) and activities (1), beside that of coupons. Numbers: domain/lifecycle.ts.
  CREATE TABLE catalog_events (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    subject INTEGER NOT NULL,
    subject_id INTEGER NOT NULL,
    template_id INTEGER NOT NULL,
    sequence INTEGER NOT NULL,
    kind INTEGER NOT NULL,
    at INTEGER NOT NULL,
    stock INTEGER
  ) STRICT;
  CREATE UNIQUE INDEX catalog_events_subject ON catalog_events (subject, subject_id, sequence);

  -- What was told of each (records/catalog-events/subject-rows.ts). due_at: when the clock brings the next event.
  CREATE TABLE event_subjects (
    subject INTEGER NOT NULL,
    subject_id INTEGER NOT NULL,
    template_id INTEGER NOT NULL,
    sequence INTEGER NOT NULL,
    began_as INTEGER NOT NULL,
    phase INTEGER NOT NULL,
    told_at INTEGER NOT NULL,
    stock INTEGER NOT NULL,
    due_at INTEGER,
    PRIMARY KEY (subject, subject_id)
  ) STRICT, WITHOUT ROWID;
  CREATE INDEX event_subjects_due ON event_subjects (due_at) WHERE due_at IS NOT NULL;
  `,
  (db) => {
    new SqliteSteps(db).within(catchUp(SQLITE));
  },
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
      const migration = MIGRATIONS[version];
      if (typeof migration === 'string') db.exec(migration);
      else migration(db);
      db.exec(`PRAGMA user_version = ${version + 1}`);
      db.exec('COMMIT');
    } catch (error) {
      db.exec('ROLLBACK');
      throw error;
    }
  }
}
