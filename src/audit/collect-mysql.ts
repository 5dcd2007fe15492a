/**
 * Reads the MySQL record store as it was at one moment: one connection, one transaction with a snapshot, nothing
 * written or locked. The servers may go on writing meanwhile.
 */
import { ENTRY_BYTES } from '../claimlog/entry.ts';
import type { Activity, CodeExtent, Template } from '../domain/template.ts';
import { readActivities, readExtents, readTemplates } from '../records/mysql/catalog-reads.ts';
import { blockPage } from '../records/mysql/claim-blocks.ts';
import { readFact } from '../records/mysql/facts.ts';
import { MysqlPool } from '../records/mysql/pool.ts';
import type { Session } from '../records/mysql/session.ts';
import type { RowFact } from './facts.ts';
import { LifePages } from './life-pages.ts';
import { type LifeTable, orderOf, pagesOf } from './life-tables.ts';
import type { StoreFacts } from './store-facts.ts';

const ROWS_PAGE = 8192;
/** The database may be busy with a sale, and nobody waits for an audit as for a claim. */
const STATEMENT_TIMEOUT_MS = 60_000;

const COLUMNS =
  'id, user_id, template_id, activity_id, code, claimed_at, valid_from, valid_until, state, sequence, redemption_id';

/** Opens the transaction: all that is read later is from this moment. */
export async function openMysqlFacts(url: string): Promise<StoreFacts> {
  const pool = new MysqlPool(url, { connections: 1, statementTimeoutMs: STATEMENT_TIMEOUT_MS });
  try {
    await pool.open();
    const session = await pool.acquire();
    try {
      await session.run('SET TRANSACTION ISOLATION LEVEL REPEATABLE READ');
      await session.run('START TRANSACTION WITH CONSISTENT SNAPSHOT');
    } catch (error) {
      session.release();
      throw error;
    }
    return new MysqlFacts(pool, session);
  } catch (error) {
    await pool.close();
    throw error;
  }
}

class MysqlFacts extends LifePages implements StoreFacts {
  private readonly pool: MysqlPool;
  private readonly session: Session;

  constructor(pool: MysqlPool, session: Session) {
    super();
    this.pool = pool;
    this.session = session;
  }

  async watermarks(): Promise<Map<number, number>> {
    const rows = await this.session.rows('SELECT log_id, log_offset FROM watermarks');
    return new Map(rows.map(([logId, offset]) => [Number(logId), Number(offset)]));
  }

  templates(): Promise<Template[]> {
    return readTemplates(this.session);
  }

  activities(): Promise<Activity[]> {
    return readActivities(this.session);
  }

  extents(): Promise<CodeExtent[]> {
    return readExtents(this.session);
  }

  fact(name: string): Promise<string | null> {
    return readFact(this.session, name);
  }

  async blocks(): Promise<Uint8Array[]> {
    const blocks: Uint8Array[] = [];
    for (let last = 0; ; ) {
      const { lastBlock, entries } = await blockPage(this.session, last, null);
      if (lastBlock === last) return blocks;
      for (const block of entries)
        blocks.push(block.subarray(0, block.length - (block.length % ENTRY_BYTES)));
      last = lastBlock;
    }
  }

  async *rows(): AsyncGenerator<RowFact[]> {
    // As text: an id that somebody has made up may be too large for a number.
    for (let last: string | null = null; ; ) {
      const after: string = last === null ? '' : `WHERE id > ${last}`;
      const rows = await this.session.rows(
        `SELECT ${COLUMNS} FROM coupons ${after} ORDER BY id LIMIT ${ROWS_PAGE}`,
      );
      yield rows.map((row) => ({
        couponId: Number(row[0]),
        userId: String(row[1]),
        templateId: Number(row[2]),
        activityId: Number(row[3]),
        code: String(row[4]),
        claimedAtMs: Number(row[5]),
        validFromMs: Number(row[6]),
        validUntilMs: Number(row[7]),
        state: Number(row[8]),
        sequence: Number(row[9]),
        redemptionId: Number(row[10]),
      }));
      if (rows.length < ROWS_PAGE) return;
      last = String(rows[rows.length - 1][0]);
    }
  }

  protected override async *pages<T>(table: LifeTable<T>): AsyncGenerator<readonly T[]> {
    const { name, columns, index } = table;
    const from = `${name} ${index === undefined ? '' : await this.hint(name, index)}`;
    yield* pagesOf(table, (where, values) =>
      this.session.rows(`SELECT ${columns.join(', ')} FROM ${from} ${where} ${orderOf(table)}`, values),
    );
  }

  /** Left to itself the optimizer sorts a large table for a page. Nothing where there is no such index. */
  private async hint(table: string, index: string): Promise<string> {
    const found = await this.session.row(
      'SELECT 1 FROM information_schema.statistics WHERE table_schema = DATABASE() AND table_name = ? AND index_name = ?',
      [table, index],
    );
    return found === undefined ? '' : `FORCE INDEX (${index})`;
  }

  async close(): Promise<void> {
    // Thrown away: the transaction ends with its connection.
    this.session.isBroken = true;
    this.session.release();
    await this.pool.close();
  }
}
