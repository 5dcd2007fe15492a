/** How events are read in MySQL, where ids are given out before they are committed. */
import { SHARED_BLOCK_BYTES } from '../../limits.ts';
import { isLocked } from '../mysql/failures.ts';
import type { MysqlPool } from '../mysql/pool.ts';
import { type Cell, places, type Value } from '../redemptions/steps.ts';
import { type EventSql, hasRoom } from './event-sql.ts';
import { IdGaps, type IdTable, type Probe } from './id-gaps.ts';
import { LeftBlocks, type LockedSizes } from './left-blocks.ts';

/** Transactions that were under way while so many later ids were committed are not thought of at an end. */
const END_IDS = 1000;

export function mysqlEvents(pool: MysqlPool): EventSql {
  const rows: EventSql['rows'] = async (sql, values) =>
    (await pool.read((session) => session.rows(sql, values))) as Cell[][];

  /** Null: a lock is another's. */
  const unlocked = async (sql: string, values: readonly Value[]): Promise<Cell[][] | null> => {
    try {
      const found = await pool.transaction((session) => session.rows(`${sql} FOR UPDATE NOWAIT`, values), {
        keeps: () => false,
      });
      return found as Cell[][];
    } catch (error) {
      if (isLocked(error)) return null;
      throw error;
    }
  };
  const probe: Probe = async (table, after, upTo) => {
    const found = await unlocked(`SELECT id FROM ${table} WHERE id > ? AND id <= ?`, [after, upTo]);
    return found && new Set(found.map(([id]) => Number(id)));
  };
  const lockedSizes: LockedSizes = async (ids) => {
    const found = await unlocked(
      `SELECT b.id, b.entry_bytes FROM claim_blocks b JOIN watermarks w ON w.log_id = b.log_id
        WHERE b.id IN (${places(ids.length)})`,
      ids,
    );
    return found && new Map(found.map(([id, bytes]) => [Number(id), Number(bytes)]));
  };

  // The last block of a log ends where the log's watermark is; one that was filled in ends nowhere and never grows.
  const isLast = `b.to_offset = (SELECT w.log_offset FROM watermarks w WHERE w.log_id = b.log_id)`;
  return {
    rows,
    blockBytes: 'b.entry_bytes',
    mayGrow: `(b.to_offset IS NOT NULL AND ${hasRoom('b.entry_bytes', SHARED_BLOCK_BYTES)} AND ${isLast})`,
    growing: `SELECT g.id FROM watermarks v JOIN claim_blocks g
      ON g.log_id = v.log_id AND g.to_offset = v.log_offset ORDER BY g.id`,
    gaps: {
      events: new IdGaps('coupon_events', probe),
      blocks: new IdGaps('claim_blocks', probe),
      catalog: new IdGaps('catalog_events', probe),
    },
    left: new LeftBlocks(lockedSizes),
    endOfIds: (table) => endOfIds(rows, probe, table),
  };
}

/** Before the first missing id when something is under way there; what comes behind it is read once more. */
async function endOfIds(rows: EventSql['rows'], probe: Probe, table: IdTable): Promise<number> {
  const found = await rows(`SELECT id FROM ${table} ORDER BY id DESC LIMIT ${END_IDS}`, []);
  const ids = found.map(([id]) => Number(id)).reverse();
  if (ids.length === 0) return 0;
  const there = await probe(table, ids[0]!, ids.at(-1)!);
  // Nobody has locked anything, and nothing has come in between.
  if (there !== null && there.size === ids.length - 1) return ids.at(-1)!;
  const gap = ids.findIndex((id, i) => i > 0 && id !== ids[i - 1]! + 1);
  return gap < 0 ? ids.at(-1)! : ids[gap - 1]!;
}
