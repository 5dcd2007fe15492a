/** What is looked at before the catalog is locked: mostly there is nothing to tell, and then nobody has to wait. */
import { CATALOG_SUBJECTS } from '../../domain/lifecycle.ts';
import type { EventStore, StockReport } from '../../ports-events.ts';
import type { EventSql } from '../events/event-sql.ts';
import type { Transact } from '../redemptions/coupon-steps.ts';
import { type Dialect, places } from '../redemptions/steps.ts';
import { tellDue } from './tell-due.ts';
import { tellStock } from './tell-stock.ts';

export function catalogTelling(
  sql: EventSql,
  db: Dialect,
  transact: Transact,
): Pick<EventStore, 'tellStock' | 'tellDue'> {
  return {
    tellStock: async (reports) => {
      const told = await toldStock(sql, reports);
      const settled = reports.map((report) => (told.get(keyOf(report)) ?? 0) >= report.stock);
      const news = reports.filter((_, i) => !settled[i]);
      if (news.length === 0) return settled;
      const written = await transact(() => tellStock(db, news));
      let at = 0;
      return settled.map((isTold) => isTold || written[at++]!);
    },
    tellDue: async (limit) => {
      const due = await sql.rows(
        `SELECT subject, subject_id FROM event_subjects WHERE due_at <= ${db.nowMs} ORDER BY due_at LIMIT ?`,
        [limit],
      );
      if (due.length === 0) return { events: 0, more: false };
      const subjects = due.map(([subject, id]) => ({
        subject: CATALOG_SUBJECTS[Number(subject)]!,
        id: Number(id),
      }));
      return { events: await transact(() => tellDue(db, subjects)), more: due.length === limit };
    },
  };
}

function keyOf({ subject, id }: Pick<StockReport, 'subject' | 'id'>): string {
  return `${subject} ${id}`;
}

async function toldStock(sql: EventSql, reports: readonly StockReport[]): Promise<Map<string, number>> {
  const told = new Map<string, number>();
  for (const subject of CATALOG_SUBJECTS) {
    const ids = reports.filter((report) => report.subject === subject).map(({ id }) => id);
    if (ids.length === 0) continue;
    const rows = await sql.rows(
      `SELECT subject_id, stock FROM event_subjects WHERE subject = ? AND subject_id IN (${places(ids.length)})`,
      [CATALOG_SUBJECTS.indexOf(subject), ...ids],
    );
    for (const [id, stock] of rows) told.set(keyOf({ subject, id: Number(id) }), Number(stock));
  }
  return told;
}
