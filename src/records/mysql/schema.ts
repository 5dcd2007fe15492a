/**
 * Migrations of the MySQL record store, in order. Never change one that was released: add another.
 *
 * DDL commits by itself, so a migration may be cut off half-way: every statement must do no harm when it runs again.
 * There are no foreign keys (sharded databases have none), and what is compared byte by byte is VARBINARY, because the
 * text collations that MariaDB and MySQL have in common ignore blanks at the end.
 */

/** What the server's defaults must not decide. */
const TABLE = 'ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_bin';

/** Made before the first migration. */
export const MIGRATIONS_TABLE = `CREATE TABLE IF NOT EXISTS schema_migrations (
  version INT NOT NULL PRIMARY KEY,
  applied_at BIGINT NOT NULL
) ${TABLE}`;

export const MIGRATIONS: readonly (readonly string[])[] = [
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
];

/** All of it as a script, for databases whose schema is applied by other means. */
export function schemaText(): string {
  const statements = MIGRATIONS.flatMap((migration, i) => [
    ...migration,
    `INSERT INTO schema_migrations (version, applied_at) SELECT ${i + 1}, 0 FROM (SELECT 1) AS one
      WHERE NOT EXISTS (SELECT 1 FROM schema_migrations WHERE version = ${i + 1})`,
  ]);
  return [MIGRATIONS_TABLE, ...statements].map((one) => `${one.replace(/^ {4}/gm, '')};`).join('\n\n');
}
