/** Events of templates and activities out of their outbox, from an id on. */
import { CATALOG_EVENT_KINDS, CATALOG_SUBJECTS } from '../../domain/lifecycle.ts';
import type { StoredCatalogEvent } from '../../ports-events.ts';
import type { Cell } from '../redemptions/steps.ts';
import type { EventSql } from './event-sql.ts';

export interface CatalogRead {
  readonly events: StoredCatalogEvent[];
  /** Read up to here. */
  readonly catalog: number;
  /** held: at ids that may still come. full: there may be more. all: nothing visible was left out. */
  readonly end: 'all' | 'full' | 'held';
}

const EVENTS = `SELECT id, subject, subject_id, template_id, sequence, kind, at, stock
  FROM catalog_events WHERE id > ? ORDER BY id LIMIT ?`;

export async function readCatalogEvents(sql: EventSql, after: number, limit: number): Promise<CatalogRead> {
  const rows = await sql.rows(EVENTS, [after, limit]);
  const ids = rows.map(([id]) => Number(id));
  const settled = sql.gaps === null ? ids.length : await sql.gaps.catalog.settled(after, ids);
  return {
    events: rows.slice(0, settled).map(eventOf),
    catalog: settled === 0 ? after : ids[settled - 1]!,
    end: settled < ids.length ? 'held' : ids.length === limit ? 'full' : 'all',
  };
}

function eventOf(cells: Cell[]): StoredCatalogEvent {
  const [, subjectNumber, subjectId, templateId, sequence, kind, at, stock] = cells;
  const subject = CATALOG_SUBJECTS[Number(subjectNumber)]!;
  return {
    subject,
    templateId: Number(templateId),
    activityId: subject === 'activity' ? Number(subjectId) : null,
    sequence: Number(sequence),
    kind: CATALOG_EVENT_KINDS[Number(kind)]!,
    atMs: Number(at),
    stock: stock === null ? null : Number(stock),
  };
}
