/**
 * The record store of the `embedded` profile: one SQLite file. Synchronous inside, so it lives on a thread of its own
 * (workers/records-entry.ts); the methods are async only because the port is.
 *
 * A flushed batch is stored three ways in one transaction: rows for queries, a block with the same claims as the log
 * wrote them (memory is rebuilt from blocks; the checker compares), and the watermark that moves over them.
 */
import Database from 'libsql';
import type { Activity, CodeExtent, Template } from '../domain/template.ts';
import type {
  ClaimBatch,
  CommitOutcome,
  CouponRow,
  ExtentRequest,
  IdempotencyMark,
  RecordStore,
  SaveOutcome,
  WalletQuery,
  Watermark,
} from '../ports.ts';
import { ClaimRows } from './claim-rows.ts';
import { COUPON_COLUMNS, type CouponRecord, couponOf, walletQuery } from './coupon-rows.ts';
import { migrate } from './sqlite-schema.ts';
import { judgeVersion } from './versions.ts';

/** Small batches share a block until it has this many bytes, so that a quiet shop does not make a block per claim. */
const BLOCK_BYTES = 32 * 1024;
/** One page of blocks sent to a rebuilding owner. */
const BLOCK_PAGE_BYTES = 8 * 1024 * 1024;

export class SqliteStore implements RecordStore {
  private readonly db: Database.Database;
  private readonly rows: ClaimRows;
  private openBlock: { id: number; logId: number; bytes: Uint8Array } | null = null;

  constructor(file: string) {
    this.db = new Database(file);
    migrate(this.db);
    this.rows = new ClaimRows();
  }

  async templates(): Promise<Template[]> {
    const rows = this.db.prepare('SELECT id, body FROM templates').all() as { id: number; body: string }[];
    return rows.map(({ id, body }) => ({ ...(JSON.parse(body) as Template), id }));
  }

  async activities(): Promise<Activity[]> {
    const rows = this.db.prepare('SELECT id, body FROM activities').all() as { id: number; body: string }[];
    return rows.map(({ id, body }) => ({ ...(JSON.parse(body) as Activity), id }));
  }

  async extents(): Promise<CodeExtent[]> {
    return this.db
      .prepare(
        'SELECT template_id AS templateId, first_serial AS firstSerial, length, space, first AS "offset" FROM code_extents',
      )
      .all() as CodeExtent[];
  }

  async saveTemplate(
    template: Template,
    extent: ExtentRequest | null,
    mark: IdempotencyMark | null,
  ): Promise<SaveOutcome<Template>> {
    return this.transaction<SaveOutcome<Template>>(() => {
      const repeated = this.marked(mark);
      if (repeated !== null) return repeated;
      let { id } = template;
      if (id !== 0) {
        const found = judgeVersion(this.bodyOf<Template>('templates', id), template);
        if (found === 'changed') return { kind: 'changed' };
        if (found === 'same') {
          this.keepMark(mark, id);
          return { kind: 'saved', value: template, extent: null };
        }
      }
      if (template.status !== 'deleted') {
        const namesake = this.db
          .prepare("SELECT id FROM templates WHERE name = ? AND status <> 'deleted' AND id <> ?")
          .get(template.name, id);
        if (namesake !== undefined) return { kind: 'name_taken' };
      }
      if (id === 0) {
        id = Number(
          this.db
            .prepare('INSERT INTO templates (name, status, body) VALUES (?, ?, ?)')
            .run(template.name, template.status, JSON.stringify(template)).lastInsertRowid,
        );
      } else {
        this.db
          .prepare('UPDATE templates SET name = ?, status = ?, body = ? WHERE id = ?')
          .run(template.name, template.status, JSON.stringify(template), id);
      }
      let reserved: CodeExtent | null = null;
      if (extent !== null) {
        reserved = this.reserve(id, extent);
        if (reserved === null) return { kind: 'code_space_full' };
      }
      this.keepMark(mark, id);
      this.rows.forget(id);
      return { kind: 'saved', value: { ...template, id }, extent: reserved };
    });
  }

  async saveActivity(activity: Activity, mark: IdempotencyMark | null): Promise<SaveOutcome<Activity>> {
    return this.transaction<SaveOutcome<Activity>>(() => {
      const repeated = this.marked(mark);
      if (repeated !== null) return repeated;
      const body = JSON.stringify(activity);
      let { id } = activity;
      if (id === 0) {
        const insert = this.db.prepare('INSERT INTO activities (template_id, body) VALUES (?, ?)');
        id = Number(insert.run(activity.templateId, body).lastInsertRowid);
      } else {
        const found = judgeVersion(this.bodyOf<Activity>('activities', id), activity);
        if (found === 'changed') return { kind: 'changed' };
        if (found === 'same') {
          this.keepMark(mark, id);
          return { kind: 'saved', value: activity, extent: null };
        }
        this.db.prepare('UPDATE activities SET body = ? WHERE id = ?').run(body, id);
      }
      this.keepMark(mark, id);
      return { kind: 'saved', value: { ...activity, id }, extent: null };
    });
  }

  async keepFact(name: string, valueIfNew: string): Promise<string> {
    this.db
      .prepare('INSERT INTO facts (name, value) VALUES (?, ?) ON CONFLICT DO NOTHING')
      .run(name, valueIfNew);
    return (this.db.prepare('SELECT value FROM facts WHERE name = ?').get(name) as { value: string }).value;
  }

  async commitClaims(batch: ClaimBatch): Promise<CommitOutcome> {
    const openBlock = this.openBlock;
    try {
      return this.transaction<CommitOutcome>(() => {
        const at = this.db.prepare('SELECT log_offset FROM watermarks WHERE log_id = ?').get(batch.logId) as
          | { log_offset: number }
          | undefined;
        const offset = at?.log_offset ?? 0;
        if (offset !== batch.fromOffset) return { kind: 'stale', offset };
        if (batch.entries.length > 0) {
          const inserted = this.rows.insert(this.db, batch.entries);
          if (inserted.kind === 'conflict') return inserted;
          if (inserted.entries.length > 0) this.appendBlock(batch.logId, inserted.entries);
        }
        this.db
          .prepare(
            'INSERT INTO watermarks VALUES (?, ?) ON CONFLICT (log_id) DO UPDATE SET log_offset = excluded.log_offset',
          )
          .run(batch.logId, batch.toOffset);
        return { kind: 'committed' };
      });
    } catch (error) {
      this.openBlock = openBlock;
      throw error;
    }
  }

  async watermarks(): Promise<Watermark[]> {
    return this.db
      .prepare('SELECT log_id AS logId, log_offset AS "offset" FROM watermarks')
      .all() as Watermark[];
  }

  async claimBlocks(afterBlock: number): Promise<{ lastBlock: number; entries: Uint8Array[] }> {
    const entries: Uint8Array[] = [];
    let lastBlock = afterBlock;
    let bytes = 0;
    const page = this.db.prepare('SELECT id, entries FROM claim_blocks WHERE id > ? ORDER BY id LIMIT 64');
    while (bytes < BLOCK_PAGE_BYTES) {
      const blocks = page.all(lastBlock) as { id: number; entries: ArrayBuffer }[];
      if (blocks.length === 0) break;
      for (const block of blocks) {
        // The library hands blobs of many rows out as bare ArrayBuffers.
        entries.push(new Uint8Array(block.entries));
        bytes += block.entries.byteLength;
        lastBlock = block.id;
      }
    }
    return { lastBlock, entries };
  }

  async countByTemplate(): Promise<{ templateId: number; count: number }[]> {
    return this.db
      .prepare('SELECT template_id AS templateId, count(*) AS count FROM coupons GROUP BY template_id')
      .all() as { templateId: number; count: number }[];
  }

  async wallet(query: WalletQuery): Promise<CouponRow[]> {
    const { sql, parameters } = walletQuery(query);
    return (this.db.prepare(sql).all(...parameters) as CouponRecord[]).map(couponOf);
  }

  async coupon(couponId: number): Promise<CouponRow | null> {
    const sql = `SELECT ${COUPON_COLUMNS} FROM coupons WHERE id = ?`;
    const row = this.db.prepare(sql).get(couponId) as CouponRecord | undefined;
    return row === undefined ? null : couponOf(row);
  }

  async close(): Promise<void> {
    this.db.close();
  }

  /** Runs `body` in a transaction: kept when it returns a success, rolled back when it returns a refusal or throws. */
  private transaction<T extends { kind: string }>(body: () => T): T {
    this.db.exec('BEGIN IMMEDIATE');
    let outcome: T;
    try {
      outcome = body();
      this.db.exec(outcome.kind === 'saved' || outcome.kind === 'committed' ? 'COMMIT' : 'ROLLBACK');
    } catch (error) {
      if (this.db.inTransaction) this.db.exec('ROLLBACK');
      throw error;
    }
    return outcome;
  }

  private bodyOf<T extends { id: number }>(table: 'templates' | 'activities', id: number): T | null {
    const row = this.db.prepare(`SELECT body FROM ${table} WHERE id = ?`).get(id) as
      | { body: string }
      | undefined;
    return row === undefined ? null : { ...(JSON.parse(row.body) as T), id };
  }

  private marked(mark: IdempotencyMark | null): { kind: 'repeated'; id: number; same: boolean } | null {
    if (mark === null) return null;
    const row = this.db
      .prepare('SELECT fingerprint, entity_id FROM idempotency_marks WHERE scope = ? AND key = ?')
      .get(mark.scope, mark.key) as { fingerprint: string; entity_id: number } | undefined;
    return row === undefined
      ? null
      : { kind: 'repeated', id: row.entity_id, same: row.fingerprint === mark.fingerprint };
  }

  private keepMark(mark: IdempotencyMark | null, id: number): void {
    if (mark === null) return;
    this.db
      .prepare('INSERT INTO idempotency_marks VALUES (?, ?, ?, ?)')
      .run(mark.scope, mark.key, mark.fingerprint, id);
  }

  private reserve(templateId: number, request: ExtentRequest): CodeExtent | null {
    for (const { space, size } of request.spaces) {
      const row = this.db
        .prepare('SELECT max(first + length) AS used FROM code_extents WHERE space = ?')
        .get(space) as {
        used: number | null;
      };
      const offset = row.used ?? 0;
      if (offset + request.length > size) continue;
      this.db
        .prepare('INSERT INTO code_extents VALUES (?, ?, ?, ?, ?)')
        .run(space, offset, request.length, templateId, request.firstSerial);
      return { templateId, firstSerial: request.firstSerial, length: request.length, space, offset };
    }
    return null;
  }

  private appendBlock(logId: number, entries: Uint8Array): void {
    const open = this.openBlock;
    if (open !== null && open.logId === logId && open.bytes.length + entries.length <= BLOCK_BYTES) {
      const bytes = new Uint8Array(open.bytes.length + entries.length);
      bytes.set(open.bytes);
      bytes.set(entries, open.bytes.length);
      this.db
        .prepare('UPDATE claim_blocks SET entries = ? WHERE id = ?')
        .run(Buffer.from(bytes.buffer), open.id);
      this.openBlock = { ...open, bytes };
      return;
    }
    const blob = Buffer.from(entries.buffer, entries.byteOffset, entries.byteLength);
    const insert = this.db.prepare('INSERT INTO claim_blocks (log_id, entries) VALUES (?, ?)');
    this.openBlock = { id: Number(insert.run(logId, blob).lastInsertRowid), logId, bytes: entries };
  }
}
