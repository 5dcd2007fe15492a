/** How events are read in SQLite: one writer at a time, so ids become visible in their order, without gaps to wait at. */
import { SHARED_BLOCK_BYTES } from '../../limits.ts';
import type { SqliteSteps } from '../redemptions/sqlite-steps.ts';
import { rows } from '../redemptions/steps.ts';
import { type EventSql, hasRoom } from './event-sql.ts';

export function sqliteEvents(steps: SqliteSteps): EventSql {
  const one: EventSql['rows'] = (sql, values) => steps.read(() => rows(sql, values));
  // Of all blocks only the last may grow, whichever log it is of.
  const isLast = 'b.id = (SELECT max(id) FROM claim_blocks)';
  return {
    rows: one,
    blockBytes: 'length(b.entries)',
    mayGrow: `(${isLast} AND ${hasRoom('length(b.entries)', SHARED_BLOCK_BYTES)})`,
    growing: 'SELECT max(id) FROM claim_blocks',
    gaps: null,
    left: null,
    endOfIds: async (table) => Number((await one(`SELECT max(id) FROM ${table}`, []))[0]![0]),
  };
}
