/**
 * The record store of the `embedded` profile: one SQLite file. Synchronous inside, so it lives on a thread of its own
 * (workers/records-entry.ts); the methods are async only because the port is.
 *
 * A flushed batch is stored three ways in one transaction: rows for queries, a block with the same claims as the log
 * wrote them (memory is rebuilt from blocks; the checker compares), and the watermark that moves over them.
 */
import Database from 'libsql';
import type { Activity, CodeExtent, Template } from '../domain/template.ts';
import { nameKey } from '../domain/template-name.ts';
import { SHARED_BLOCK_BYTES } from '../limits.ts';
import type {
  ClaimBatch,
  CommitOutcome,
  CouponRow,
  ExtentRequest,
  IdempotencyMark,
  MarkStore,
  RecordStore,
  SaveOutcome,
  Versioned,
  WalletQuery,
  Watermark,
} from '../ports.ts';
import type { CouponStore } from '../ports-coupons.ts';
import type { EventStore } from '../ports-events.ts';
import { tellActivitySaved, tellTemplateSaved } from './catalog-events/tell-saves.ts';
import { ClaimRows } from './claim-rows.ts';
import { PATTERN_SPACES, type Reservation, rivalOf, type SpaceInUse } from './code-rivals.ts';
import { type CouponQuery, couponOf, couponQuery, spentQueries, walletQuery } from './coupon-rows.ts';
import { eventStore } from './events/event-store.ts';
import { sqliteEvents } from './events/sqlite-events.ts';
import { couponStore } from './redemptions/coupon-steps.ts';
import { SQLITE, SqliteSteps } from './redemptions/sqlite-steps.ts';
import type { Cell } from './redemptions/steps.ts';
import { migrate } from './sqlite-schema.ts';
import { areSame, judgeVersion } from './versions.ts';

/** One page of blocks sent to a rebuilding owner. */
const BLOCK_PAGE_BYTES = 8 * 1024 * 1024;

export class SqliteStore implements RecordStore, MarkStore {
  private readonly db: Database.Database;
  private readonly rows: ClaimRows;
  private readonly steps: SqliteSteps;
  /** What becomes of coupons after their claims. */
  readonly coupons: CouponStore;
  readonly events: EventStore;
  private openBlock: { id: number; logId: number; bytes: Uint8Array } | null = null;

  constructor(file: string) {
    this.db = new Database(file);
    migrate(this.db);
    this.rows = new ClaimRows();
    const steps = new SqliteSteps(this.db);
    this.steps = steps;
    this.coupons = couponStore(SQLITE, steps.transact, steps.read);
    this.events = eventStore(sqliteEvents(steps), SQLITE, steps.transact);
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
    activities: readonly Versioned[] | null = null,
  ): Promise<SaveOutcome<Template>> {
    return this.transaction<SaveOutcome<Template>>(() => {
      const repeated = this.marked(mark);
      if (repeated !== null) return repeated;
      let { id } = template;
      const stored = id === 0 ? null : this.bodyOf<Template>('templates', id);
      if (id !== 0) {
        const found = judgeVersion(stored, template);
        if (found === 'changed') return { kind: 'changed' };
        if (found === 'same') {
          this.keepMark(mark, id);
          return { kind: 'saved', value: template, extent: null };
        }
      }
      if (activities !== null && !areSame(this.activitiesOf(id), activities)) return { kind: 'changed' };
      const name = nameKey(template.name);
      const isNamed = template.name !== stored?.name;
      if (isNamed && template.status !== 'deleted' && this.isNameTaken(name, id))
        return { kind: 'name_taken' };
      if (id === 0) {
        id = this.insertTemplate(name, template);
      } else {
        const body = JSON.stringify(template);
        this.db
          .prepare('UPDATE templates SET status = ?, body = ? WHERE id = ?')
          .run(template.status, body, id);
        if (isNamed) this.db.prepare('UPDATE templates SET name = ? WHERE id = ?').run(name, id);
      }
      let reserved: CodeExtent | null = null;
      if (extent !== null) {
        const outcome = this.reserve(id, extent);
        if (outcome.kind !== 'reserved') return outcome;
        reserved = outcome.extent;
      }
      const value = { ...template, id };
      this.steps.within(tellTemplateSaved(SQLITE, stored, value));
      this.keepMark(mark, id);
      this.rows.forget(id);
      return { kind: 'saved', value, extent: reserved };
    });
  }

  async addTemplates(templates: readonly Template[]): Promise<(number | null)[]> {
    const { ids } = this.transaction(() => {
      const ids = templates.map((template) => {
        const name = nameKey(template.name);
        return this.isNameTaken(name, 0) ? null : this.insertTemplate(name, template);
      });
      return { kind: 'saved', ids };
    });
    return ids;
  }

  async saveActivity(
    activity: Activity,
    mark: IdempotencyMark | null,
    templateVersion: number | null = null,
  ): Promise<SaveOutcome<Activity>> {
    return this.transaction<SaveOutcome<Activity>>(() => {
      const repeated = this.marked(mark);
      if (repeated !== null) return repeated;
      const body = JSON.stringify(activity);
      let { id } = activity;
      const stored = id === 0 ? null : this.bodyOf<Activity>('activities', id);
      const isJudged = (): boolean =>
        templateVersion === null ||
        this.bodyOf<Template>('templates', activity.templateId)?.version === templateVersion;
      if (id === 0) {
        if (!isJudged()) return { kind: 'changed' };
        const insert = this.db.prepare('INSERT INTO activities (template_id, body) VALUES (?, ?)');
        id = Number(insert.run(activity.templateId, body).lastInsertRowid);
      } else {
        const found = judgeVersion(stored, activity);
        if (found === 'changed') return { kind: 'changed' };
        if (found === 'same') {
          this.keepMark(mark, id);
          return { kind: 'saved', value: activity, extent: null };
        }
        if (!isJudged()) return { kind: 'changed' };
        this.db.prepare('UPDATE activities SET body = ? WHERE id = ?').run(body, id);
      }
      const value = { ...activity, id };
      this.steps.within(tellActivitySaved(SQLITE, stored, value));
      this.keepMark(mark, id);
      return { kind: 'saved', value, extent: null };
    });
  }

  async forgetMarks(ageMs: number, limit: number): Promise<number> {
    const oldest = 'SELECT scope, key FROM idempotency_marks WHERE kept_at <= ? ORDER BY kept_at LIMIT ?';
    return this.db
      .prepare(`DELETE FROM idempotency_marks WHERE (scope, key) IN (${oldest})`)
      .run(Date.now() - ageMs, limit).changes;
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
        let fresh: Uint8Array | null = null;
        if (batch.entries.length > 0) {
          const inserted = this.rows.insert(this.db, batch.entries);
          if (inserted.kind === 'conflict') return inserted;
          if (inserted.entries.length > 0) this.appendBlock(batch.logId, inserted.entries);
          if (inserted.entries.length < batch.entries.length) fresh = inserted.entries;
        }
        this.db
          .prepare(
            'INSERT INTO watermarks VALUES (?, ?) ON CONFLICT (log_id) DO UPDATE SET log_offset = excluded.log_offset',
          )
          .run(batch.logId, batch.toOffset);
        return fresh === null ? { kind: 'committed' } : { kind: 'committed', fresh };
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
    return this.couponRows(walletQuery(query));
  }

  async coupon(couponId: number): Promise<CouponRow | null> {
    return this.couponRows(couponQuery(couponId))[0] ?? null;
  }

  async spentCoupons(couponIds: readonly number[], nowMs: number): Promise<number[]> {
    return spentQueries(couponIds, nowMs).flatMap((query) => this.cells(query).map(([id]) => Number(id)));
  }

  async close(): Promise<void> {
    this.db.close();
  }

  private couponRows(query: CouponQuery): CouponRow[] {
    return this.cells(query).map(couponOf);
  }

  private cells({ sql, values }: CouponQuery): Cell[][] {
    return this.db
      .prepare(sql)
      .raw(true)
      .all(...values) as unknown as Cell[][];
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

  private isNameTaken(name: string, exceptId: number): boolean {
    const sql = "SELECT id FROM templates WHERE name = ? AND status <> 'deleted' AND id <> ?";
    return this.db.prepare(sql).get(name, exceptId) !== undefined;
  }

  private insertTemplate(name: string, template: Template): number {
    const sql = 'INSERT INTO templates (name, status, body) VALUES (?, ?, ?)';
    const { lastInsertRowid } = this.db.prepare(sql).run(name, template.status, JSON.stringify(template));
    return Number(lastInsertRowid);
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
      .prepare(
        'INSERT INTO idempotency_marks (scope, key, fingerprint, entity_id, kept_at) VALUES (?, ?, ?, ?, ?)',
      )
      .run(mark.scope, mark.key, mark.fingerprint, id, Date.now());
  }

  private activitiesOf(templateId: number): Versioned[] {
    const rows = this.db.prepare('SELECT id, body FROM activities WHERE template_id = ?').all(templateId);
    return (rows as { id: number; body: string }[]).map(({ id, body }) => ({
      id,
      version: (JSON.parse(body) as Activity).version,
    }));
  }

  private reserve(templateId: number, request: ExtentRequest): Reservation {
    const inUse = this.db
      .prepare(
        `SELECT space, min(template_id) AS templateId FROM code_extents WHERE ${PATTERN_SPACES} GROUP BY space`,
      )
      .all() as SpaceInUse[];
    let rival: SpaceInUse | null = null;
    for (const { space, size } of request.spaces) {
      const found = rivalOf(space, inUse);
      rival ??= found;
      if (found !== null) continue;
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
      const extent = { templateId, firstSerial: request.firstSerial, length: request.length, space, offset };
      return { kind: 'reserved', extent };
    }
    return rival === null
      ? { kind: 'code_space_full' }
      : { kind: 'codes_overlap', templateId: rival.templateId };
  }

  private appendBlock(logId: number, entries: Uint8Array): void {
    const open = this.openBlock;
    if (open !== null && open.logId === logId && open.bytes.length + entries.length <= SHARED_BLOCK_BYTES) {
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
