/**
 * Migrations of the MySQL record store, in order. Never change one that was released: add another.
 *
 * DDL commits by itself, so a migration may be cut off half-way: every statement must do no harm when it runs again.
 * There are no foreign keys (sharded databases have none), and what is compared byte by byte is VARBINARY, because the
 * text collations that MariaDB and MySQL have in common ignore blanks at the end.
 */
import { catchUp } from '../catalog-events/catch-up.ts';
import { keyNames } from '../name-keys.ts';
import { MYSQL, within } from '../redemptions/mysql-steps.ts';
import type { Session } from './session.ts';

/** What the server's defaults must not decide. */
const TABLE = 'ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_bin';

/** Made before the first migration. */
export const MIGRATIONS_TABLE = `CREATE TABLE IF NOT EXISTS schema_migrations (
  version INT NOT NULL PRIMARY KEY,
  applied_at BIGINT NOT NULL
) ${TABLE}`;

/** Statements, or what must be computed. An empty database has nothing to compute. */
export type Migration = readonly string[] | ((session: Session) => Promise<void>);

export const MIGRATIONS: readonly Migration[] = [
  [
    `CREATE TABLE IF NOT EXISTS facts (
      name VARBINARY(255) NOT NULL PRIMARY KEY,
      value TEXT NOT NULL
    ) ${TABLE}`,

    // One row. Its lock makes saves one after the other, so that whoever has read up to a sequence missed nothing.
    // The last ids are kept here: AUTO_INCREMENT leaves gaps, on some databases of thousands, and ids are 21 bits.
    `CREATE TABLE IF NOT EXISTS catalog_sequence (
      id TINYINT NOT NULL PRIMARY KEY,
      sequence BIGINT NOT NULL,
      last_template_id BIGINT NOT NULL,
      last_activity_id BIGINT NOT NULL
    ) ${TABLE}`,

    // body: the template as JSON (domain/template.ts). live_name: its name while it is not deleted.
    `CREATE TABLE IF NOT EXISTS templates (
      id BIGINT NOT NULL PRIMARY KEY,
      live_name VARBINARY(1020) NULL,
      status VARCHAR(16) NOT NULL,
      sequence BIGINT NOT NULL,
      body LONGTEXT NOT NULL,
      UNIQUE KEY templates_live_name (live_name),
      KEY templates_sequence (sequence)
    ) ${TABLE}`,
    `CREATE TABLE IF NOT EXISTS activities (
      id BIGINT NOT NULL PRIMARY KEY,
      template_id BIGINT NOT NULL,
      sequence BIGINT NOT NULL,
      body LONGTEXT NOT NULL,
      KEY activities_sequence (sequence)
    ) ${TABLE}`,

    // Which run of a code space belongs to which units.
    `CREATE TABLE IF NOT EXISTS code_extents (
      space VARBINARY(255) NOT NULL,
      first_place BIGINT NOT NULL,
      units BIGINT NOT NULL,
      template_id BIGINT NOT NULL,
      first_serial BIGINT NOT NULL,
      sequence BIGINT NOT NULL,
      PRIMARY KEY (space, first_place),
      KEY code_extents_template (template_id),
      KEY code_extents_sequence (sequence)
    ) ${TABLE}`,

    `CREATE TABLE IF NOT EXISTS idempotency_marks (
      scope VARBINARY(510) NOT NULL,
      mark VARBINARY(1020) NOT NULL,
      fingerprint VARBINARY(255) NOT NULL,
      entity_id BIGINT NOT NULL,
      PRIMARY KEY (scope, mark)
    ) ${TABLE}`,

    // id = template_id * 2^32 + serial. state: 0 usable, 1 locked, 2 used; expiry is decided on read.
    `CREATE TABLE IF NOT EXISTS coupons (
      id BIGINT NOT NULL PRIMARY KEY,
      user_id BIGINT NOT NULL,
      template_id INT NOT NULL,
      activity_id INT NOT NULL,
      code VARCHAR(64) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
      claimed_at BIGINT NOT NULL,
      valid_from BIGINT NOT NULL,
      valid_until BIGINT NOT NULL,
      state TINYINT NOT NULL DEFAULT 0,
      KEY coupons_user (user_id, claimed_at)
    ) ${TABLE}`,

    // The flushed claims once more as the log wrote them (claimlog/entry.ts). to_offset: where in the log the block
    // ends; none for claims that were filled in beside the log's order. Ids of one log must rise.
    `CREATE TABLE IF NOT EXISTS claim_blocks (
      id BIGINT NOT NULL AUTO_INCREMENT PRIMARY KEY,
      log_id BIGINT NOT NULL,
      to_offset BIGINT NULL,
      entry_bytes INT NOT NULL,
      entries MEDIUMBLOB NOT NULL,
      KEY claim_blocks_log (log_id, to_offset)
    ) ${TABLE} /*T![auto_id_cache] AUTO_ID_CACHE=1 */`,

    // Position up to which a log is in the tables above, and who may move it.
    `CREATE TABLE IF NOT EXISTS watermarks (
      log_id BIGINT NOT NULL PRIMARY KEY,
      log_offset BIGINT NOT NULL,
      fence BIGINT NOT NULL
    ) ${TABLE}`,

    // Times are milliseconds by the database's clock.
    `CREATE TABLE IF NOT EXISTS nodes (
      node_id VARBINARY(255) NOT NULL PRIMARY KEY,
      start_id VARBINARY(255) NOT NULL,
      host VARCHAR(255) NOT NULL,
      started_at BIGINT NOT NULL,
      seen_at BIGINT NOT NULL,
      state VARCHAR(16) NOT NULL
    ) ${TABLE}`,

    // incarnation: the open one, or the one that was lost. last_incarnation: the highest number ever given out.
    `CREATE TABLE IF NOT EXISTS shards (
      shard INT NOT NULL PRIMARY KEY,
      state VARCHAR(16) NOT NULL,
      incarnation BIGINT NOT NULL,
      last_incarnation BIGINT NOT NULL,
      rebuilder VARBINARY(255) NULL,
      rebuild_until BIGINT NOT NULL
    ) ${TABLE}`,
    `CREATE TABLE IF NOT EXISTS shard_members (
      shard INT NOT NULL,
      node_id VARBINARY(255) NOT NULL,
      contributed BIGINT NOT NULL,
      PRIMARY KEY (shard, node_id),
      KEY shard_members_node (node_id)
    ) ${TABLE}`,
    `INSERT INTO catalog_sequence (id, sequence, last_template_id, last_activity_id)
      SELECT 1, 0, 0, 0 FROM (SELECT 1) AS one WHERE NOT EXISTS (SELECT 1 FROM catalog_sequence)`,
  ],
  // templates.live_name: from now on the key names are compared by.
  async (session) => {
    const rows = await session.rows(
      'SELECT id, live_name FROM templates WHERE live_name IS NOT NULL ORDER BY id',
    );
    for (const { id, name } of keyNames(rows.map(([id, name]) => ({ id: String(id), name: String(name) }))))
      await session.run('UPDATE templates SET live_name = ? WHERE id = ?', [name, id]);
  },
  // Marks that are there already count from now on. The default is for nodes of the version before, which may still run.
  addColumn(
    'idempotency_marks',
    'kept_at',
    'ADD COLUMN kept_at TIMESTAMP(3) NOT NULL DEFAULT CURRENT_TIMESTAMP(3), ADD KEY idempotency_marks_kept (kept_at)',
  ),
  addColumn(
    'coupons',
    'redemption_id',
    'ADD COLUMN redemption_id BIGINT NOT NULL DEFAULT 0, ADD COLUMN sequence INT NOT NULL DEFAULT 1, ADD KEY coupons_due (state, valid_until)',
  ),
  [
    // live_order: its order while it is locked or used. state: records/redemptions/redemption-rows.ts. frozen: what the
    // lock froze, as JSON; returned: what has come back.
    `CREATE TABLE IF NOT EXISTS redemptions (
      id BIGINT NOT NULL AUTO_INCREMENT PRIMARY KEY,
      user_id BIGINT NOT NULL,
      order_id VARBINARY(255) NOT NULL,
      live_order VARBINARY(255) NULL,
      state TINYINT NOT NULL,
      locked_at BIGINT NOT NULL,
      locked_until BIGINT NOT NULL,
      used_at BIGINT NULL,
      ended_at BIGINT NULL,
      is_verified TINYINT NOT NULL,
      is_of_service TINYINT NOT NULL,
      frozen LONGTEXT NOT NULL,
      returned TEXT NOT NULL,
      idempotency_key VARBINARY(1020) NULL,
      fingerprint VARBINARY(255) NOT NULL,
      UNIQUE KEY redemptions_live (user_id, live_order),
      UNIQUE KEY redemptions_key (user_id, idempotency_key),
      KEY redemptions_order (order_id),
      KEY redemptions_due (state, locked_until)
    ) ${TABLE} /*T![auto_id_cache] AUTO_ID_CACHE=1 */`,
    `CREATE TABLE IF NOT EXISTS usages (
      redemption_id BIGINT NOT NULL,
      coupon_id BIGINT NOT NULL,
      user_id BIGINT NOT NULL,
      template_id INT NOT NULL,
      order_id VARBINARY(255) NOT NULL,
      original BIGINT NOT NULL,
      discount BIGINT NOT NULL,
      final BIGINT NOT NULL,
      used_at BIGINT NOT NULL,
      reverted_at BIGINT NULL,
      PRIMARY KEY (redemption_id, coupon_id),
      KEY usages_time (used_at),
      KEY usages_user (user_id, used_at),
      KEY usages_order (order_id),
      KEY usages_template (template_id, used_at)
    ) ${TABLE}`,
    `CREATE TABLE IF NOT EXISTS returns (
      redemption_id BIGINT NOT NULL,
      return_id VARBINARY(255) NOT NULL,
      fingerprint VARBINARY(255) NOT NULL,
      receipt TEXT NOT NULL,
      returned_at BIGINT NOT NULL,
      PRIMARY KEY (redemption_id, return_id)
    ) ${TABLE}`,
    // The outbox: what became of coupons after their claims, written in the transaction that makes it true.
    `CREATE TABLE IF NOT EXISTS coupon_events (
      id BIGINT NOT NULL AUTO_INCREMENT PRIMARY KEY,
      coupon_id BIGINT NOT NULL,
      sequence INT NOT NULL,
      kind TINYINT NOT NULL,
      at BIGINT NOT NULL,
      redemption_id BIGINT NULL,
      detail TEXT NULL,
      UNIQUE KEY coupon_events_coupon (coupon_id, sequence)
    ) ${TABLE} /*T![auto_id_cache] AUTO_ID_CACHE=1 */`,
  ],
  [
    // gid: of the saga that made it.
    ...addColumn(
      'redemptions',
      'gid',
      'ADD COLUMN gid VARBINARY(512) NULL, ADD KEY redemptions_gid (user_id, gid)',
    ),
    // DTM's sub-transaction barrier (records/redemptions/barrier.ts). at: milliseconds.
    `CREATE TABLE IF NOT EXISTS barrier (
      user_id BIGINT NOT NULL,
      gid VARBINARY(512) NOT NULL,
      branch_id VARBINARY(512) NOT NULL,
      op VARBINARY(45) NOT NULL,
      barrier_id VARBINARY(45) NOT NULL,
      trans_type VARBINARY(180) NOT NULL,
      reason VARBINARY(45) NOT NULL,
      at BIGINT NOT NULL,
      PRIMARY KEY (user_id, gid, branch_id, op, barrier_id)
    ) ${TABLE}`,
  ],
  [
    // Who passes events on: up to which position (domain/event-position.ts), and which node does it until when.
    `CREATE TABLE IF NOT EXISTS event_readers (
      name VARBINARY(255) NOT NULL PRIMARY KEY,
      position TEXT NULL,
      updated_at BIGINT NOT NULL,
      holder VARBINARY(255) NOT NULL,
      held_until BIGINT NOT NULL
    ) ${TABLE}`,
  ],
  [
    // The outbox of templates (subject 0) and activities (1), beside that of coupons. Numbers: domain/lifecycle.ts.
    `CREATE TABLE IF NOT EXISTS catalog_events (
      id BIGINT NOT NULL AUTO_INCREMENT PRIMARY KEY,
      subject TINYINT NOT NULL,
      subject_id BIGINT NOT NULL,
      template_id BIGINT NOT NULL,
      sequence INT NOT NULL,
      kind TINYINT NOT NULL,
      at BIGINT NOT NULL,
      stock BIGINT NULL,
      UNIQUE KEY catalog_events_subject (subject, subject_id, sequence)
    ) ${TABLE} /*T![auto_id_cache] AUTO_ID_CACHE=1 */`,
    // What was told of each (records/catalog-events/subject-rows.ts). due_at: when the clock brings the next event.
    `CREATE TABLE IF NOT EXISTS event_subjects (
      subject TINYINT NOT NULL,
      subject_id BIGINT NOT NULL,
      template_id BIGINT NOT NULL,
      sequence INT NOT NULL,
      began_as TINYINT NOT NULL,
      phase TINYINT NOT NULL,
      told_at BIGINT NOT NULL,
      stock BIGINT NOT NULL,
      due_at BIGINT NULL,
      PRIMARY KEY (subject, subject_id),
      KEY event_subjects_due (due_at)
    ) ${TABLE}`,
  ],
  // What is there already is not told of anew.
  async (session) => {
    await session.run('START TRANSACTION');
    await within(session, catchUp(MYSQL));
    await session.run('COMMIT');
  },
];

/** Statements that alter a table unless it has the column already: not every database knows ADD COLUMN IF NOT EXISTS. */
function addColumn(table: string, column: string, change: string): readonly string[] {
  return [
    `SET @change = IF(EXISTS(SELECT 1 FROM information_schema.columns
      WHERE table_schema = DATABASE() AND table_name = '${table}' AND column_name = '${column}'),
      'DO 0', 'ALTER TABLE ${table} ${change}')`,
    'PREPARE change_table FROM @change',
    'EXECUTE change_table',
    'DEALLOCATE PREPARE change_table',
  ];
}

/** All of it as a script, for databases whose schema is applied by other means. */
export function schemaText(): string {
  const statements = MIGRATIONS.flatMap((migration, i) => [
    ...(typeof migration === 'function' ? [] : migration),
    `INSERT INTO schema_migrations (version, applied_at) SELECT ${i + 1}, 0 FROM (SELECT 1) AS one
      WHERE NOT EXISTS (SELECT 1 FROM schema_migrations WHERE version = ${i + 1})`,
  ]);
  return [MIGRATIONS_TABLE, ...statements].map((one) => `${one.replace(/^ {4}/gm, '')};`).join('\n\n');
}
