/**
 * Flushed claims: rows, a block with the same claims, and the watermark, in one transaction. The watermark's row is
 * locked first, so flushers of one log come one after the other and only the one that is where the log is goes on.
 */
import { ENTRY_BYTES, ENTRY_WORDS, entryWords } from '../../claimlog/entry.ts';
import type { ClaimBatch, CommitOutcome, Watermark } from '../../ports.ts';
import type { FillOutcome } from '../../ports-cluster.ts';
import { KnownTemplates, sift } from '../claim-values.ts';
import { appendBlock, insertBlocks, type OpenBlock } from './claim-blocks.ts';
import { insertRows, LoadIncomplete, learn, loadRows, storedRows } from './coupon-inserts.ts';
import { failureOf, isDuplicate, refusesLoadData } from './failures.ts';
import type { MysqlPool } from './pool.ts';
import type { Session } from './session.ts';

interface Mark {
  readonly offset: number;
  readonly fence: number;
}

export class ClaimCommits {
  private readonly pool: MysqlPool;
  private readonly known = new KnownTemplates();
  private readonly openBlocks = new Map<number, OpenBlock>();
  private canLoad = false;

  constructor(pool: MysqlPool) {
    this.pool = pool;
  }

  /** Learns whether the server takes LOAD DATA LOCAL. */
  async probe(): Promise<void> {
    try {
      const row = await this.pool.read((session) => session.row('SELECT @@local_infile'));
      this.canLoad = Number(row?.[0]) === 1;
    } catch (error) {
      // A database that does not know the variable does not know the statement.
      if (failureOf(error) !== 'other') throw error;
    }
  }

  forget(templateId: number): void {
    this.known.forget(templateId);
  }

  async commit(batch: ClaimBatch): Promise<CommitOutcome> {
    const { logId, fromOffset, toOffset, fence = 0 } = batch;
    const words = entryWords(batch.entries);
    let way: 'load' | 'insert' | 'sift' = this.canLoad ? 'load' : 'insert';
    let block: OpenBlock | undefined;
    let fresh: Uint8Array | null = null;
    const committed = (): CommitOutcome =>
      fresh === null ? { kind: 'committed' } : { kind: 'committed', fresh };

    const attempt = async (session: Session, repeated: boolean): Promise<CommitOutcome> => {
      const mark = await lockMark(session, logId);
      if ((mark?.fence ?? 0) !== fence) return { kind: 'fenced' };
      const offset = mark?.offset ?? 0;
      // The attempt whose answer was lost has done it.
      if (repeated && offset === toOffset) return committed();
      if (offset !== fromOffset) return { kind: 'stale', offset };
      if (mark === null) await insertMark(session, logId);
      block = this.openBlocks.get(logId);
      if (words.length > 0) {
        const conflict = await learn(session, this.known, words);
        if (conflict !== null) return { kind: 'conflict', ...conflict };
        const stored = await this.store(session, words, way);
        if (stored.kind === 'conflict') return stored;
        fresh = stored.entries.length < batch.entries.length ? stored.entries : null;
        if (stored.entries.length > 0) {
          block = await appendBlock(session, batch, stored.entries, block);
        }
      }
      const moved = await session.run(
        'UPDATE watermarks SET log_offset = ? WHERE log_id = ? AND log_offset = ? AND fence = ?',
        [toOffset, logId, fromOffset, fence],
      );
      if (moved.matched !== 1) throw new Error(`the watermark of log ${logId} moved although it was locked`);
      return committed();
    };

    const outcome = await this.pool.transaction(attempt, {
      mayRepeat: true,
      keeps: ({ kind }) => kind === 'committed',
      again: (error) => {
        if (way === 'load' && failureOf(error) === 'other') {
          if (refusesLoadData(error)) this.canLoad = false;
          way = error instanceof LoadIncomplete ? 'sift' : 'insert';
          return true;
        }
        if (!isDuplicate(error)) return false;
        way = 'sift';
        return true;
      },
    });
    if (outcome.kind === 'committed' && block !== undefined) this.openBlocks.set(logId, block);
    return outcome;
  }

  /** See ClusterStore. Never repeated when lost: the second time nothing would be new. */
  async fillIn(logId: number, entries: Uint8Array): Promise<FillOutcome> {
    const words = entryWords(entries);
    return this.pool.transaction<FillOutcome>(
      async (session) => {
        // Blocks of one log must become visible in the order of their ids: nobody else stores any meanwhile.
        if ((await lockMark(session, logId)) === null) await insertMark(session, logId);
        const conflict = await learn(session, this.known, words);
        if (conflict !== null) return { kind: 'conflict', ...conflict };
        const stored = await this.store(session, words, 'sift');
        if (stored.kind === 'conflict') return stored;
        await insertBlocks(session, logId, null, stored.entries);
        return { kind: 'filled', entries: stored.entries };
      },
      { keeps: ({ kind }) => kind === 'filled', again: isDuplicate },
    );
  }

  async takeFence(logId: number): Promise<{ fence: number; offset: number }> {
    return this.pool.transaction(
      async (session) => {
        const mark = await lockMark(session, logId);
        if (mark === null) await insertMark(session, logId);
        const fence = (mark?.fence ?? 0) + 1;
        await session.run('UPDATE watermarks SET fence = ? WHERE log_id = ?', [fence, logId]);
        return { fence, offset: mark?.offset ?? 0 };
      },
      { mayRepeat: true, again: isDuplicate },
    );
  }

  async watermarks(): Promise<Watermark[]> {
    const rows = await this.pool.read((session) => session.rows('SELECT log_id, log_offset FROM watermarks'));
    return rows.map(([logId, offset]) => ({ logId: Number(logId), offset: Number(offset) }));
  }

  /** Stores the rows of those entries that have none; → these. */
  private async store(
    session: Session,
    words: Uint32Array,
    way: 'load' | 'insert' | 'sift',
  ): Promise<FillOutcome> {
    let fresh = words;
    if (way === 'sift') {
      const sifted = sift(this.known, words, await storedRows(session, words));
      if (sifted.kind === 'conflict') return sifted;
      fresh = sifted.words;
    }
    if (way === 'load') await loadRows(session, this.known, fresh);
    else await insertRows(session, this.known, fresh);
    const bytes = (fresh.length / ENTRY_WORDS) * ENTRY_BYTES;
    return { kind: 'filled', entries: new Uint8Array(fresh.buffer, fresh.byteOffset, bytes) };
  }
}

async function lockMark(session: Session, logId: number): Promise<Mark | null> {
  const sql = 'SELECT log_offset, fence FROM watermarks WHERE log_id = ? FOR UPDATE';
  const row = await session.row(sql, [logId]);
  return row === undefined ? null : { offset: Number(row[0]), fence: Number(row[1]) };
}

/** Two who find it missing wait for each other here; the second meets a duplicate key and begins again. */
async function insertMark(session: Session, logId: number): Promise<void> {
  await session.run('INSERT INTO watermarks (log_id, log_offset, fence) VALUES (?, 0, 0)', [logId]);
}
