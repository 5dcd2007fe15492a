/**
 * Reads the embedded record store as it was at one moment: its own connection, one read transaction, nothing written.
 * The server may go on writing meanwhile (WAL). Blocks and rows come in pages, because there may be tens of millions.
 */
import fs from 'node:fs';
import Database from 'libsql';
import { ENTRY_BYTES } from '../claimlog/entry.ts';
import type { Activity, CodeExtent, Template } from '../domain/template.ts';
import type { Cell } from '../records/redemptions/steps.ts';
import type { RowFact } from './facts.ts';
import type { Pages } from './life-facts.ts';
import { LifePages } from './life-pages.ts';
import { type LifeTable, orderOf, pagesOf } from './life-tables.ts';
import type { StoreFacts } from './store-facts.ts';

const BLOCKS_PAGE = 256;
const ROWS_PAGE = 4096;

/** A row as one JSON array: the crossing into the library costs more than making and reading the text. */
const ROW =
  'json_array(id, CAST(user_id AS TEXT), template_id, activity_id, code, claimed_at, valid_from, valid_until, state, sequence, redemption_id)';

type Row = [number, string, number, number, string, number, number, number, number, number, number];

export class StoreReader extends LifePages implements StoreFacts {
  private readonly db: Database.Database;

  /** Opens the transaction: all that is read later is from this moment. */
  constructor(file: string) {
    super();
    // Opening would make an empty database of a path that was mistyped.
    if (!fs.existsSync(file)) throw new Error(`there is no record store at ${file}`);
    this.db = new Database(file);
    this.db.exec('PRAGMA query_only = ON');
    this.db.exec('BEGIN');
    this.db.prepare('SELECT count(*) FROM watermarks').get();
  }

  async watermarks(): Promise<Map<number, number>> {
    const rows = this.db.prepare('SELECT log_id, log_offset FROM watermarks').all() as {
      log_id: number;
      log_offset: number;
    }[];
    return new Map(rows.map(({ log_id, log_offset }) => [log_id, log_offset]));
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

  async fact(name: string): Promise<string | null> {
    const row = this.db.prepare('SELECT value FROM facts WHERE name = ?').get(name) as
      | { value: string }
      | undefined;
    return row?.value ?? null;
  }

  async blocks(): Promise<Uint8Array[]> {
    const page = this.db.prepare('SELECT id, entries FROM claim_blocks WHERE id > ? ORDER BY id LIMIT ?');
    const blocks: Uint8Array[] = [];
    for (let last = 0; ; ) {
      // The library hands blobs of many rows out as bare ArrayBuffers.
      const rows = page.all(last, BLOCKS_PAGE) as { id: number; entries: ArrayBuffer }[];
      if (rows.length === 0) return blocks;
      for (const { id, entries } of rows) {
        // Of a block cut by hand the whole entries are still claims; the rest shows as rows without one.
        blocks.push(new Uint8Array(entries, 0, entries.byteLength - (entries.byteLength % ENTRY_BYTES)));
        last = id;
      }
    }
  }

  async *rows(): AsyncGenerator<RowFact[]> {
    const page = this.db.prepare(
      `SELECT json_group_array(${ROW}) AS page FROM (SELECT * FROM coupons WHERE id > ? ORDER BY id LIMIT ${ROWS_PAGE})`,
    );
    for (let last = Number.MIN_SAFE_INTEGER; ; ) {
      const { page: text } = page.get(last) as { page: string };
      // An inner json_array comes as JSON, not as text, so this is an array of arrays.
      const rows = JSON.parse(text) as Row[];
      yield rows.map((row) => ({
        couponId: row[0],
        userId: row[1],
        templateId: row[2],
        activityId: row[3],
        code: row[4],
        claimedAtMs: row[5],
        validFromMs: row[6],
        validUntilMs: row[7],
        state: row[8],
        sequence: row[9],
        redemptionId: row[10],
      }));
      if (rows.length < ROWS_PAGE) return;
      last = rows[rows.length - 1][0];
    }
  }

  protected override pages<T>(table: LifeTable<T>): Pages<T> {
    const { name, columns } = table;
    return pagesOf(table, async (where, values) => {
      const { page } = this.db
        .prepare(
          `SELECT json_group_array(json_array(${columns.join(', ')})) AS page FROM (SELECT * FROM ${name} ${where} ${orderOf(table)})`,
        )
        .get(...values) as { page: string };
      return JSON.parse(page) as Cell[][];
    });
  }

  async close(): Promise<void> {
    // Statements that are not collected yet may keep the file open; the moment read from must not outlive this.
    this.db.exec('ROLLBACK');
    this.db.close();
  }
}
