/**
 * Units of which the codes are made, and activities that are sold out: what nodes learn from their memory, each for
 * itself. Whoever says it first has it written; the number of units told of keeps the others from telling it again.
 */
import { activityDueMs } from '../../domain/lifecycle.ts';
import type { StockReport } from '../../ports-events.ts';
import type { Dialect, Steps } from '../redemptions/steps.ts';
import { lockCatalog, readActivity, readSubject, type SubjectRow, tell } from './subject-rows.ts';
import { caughtUpActivity } from './tell-due.ts';

/** → whether it is told by now. False: what is stored is something else, and it has to be looked at again. */
export function* tellStock(db: Dialect, reports: readonly StockReport[]): Steps<boolean[]> {
  yield* lockCatalog(db);
  const settled: boolean[] = [];
  for (const { subject, id, stock } of reports) {
    const { told, nowMs } = yield* readSubject(db, subject, id);
    if (told === null) settled.push(false);
    else if (told.stock >= stock) settled.push(true);
    else if (subject === 'template') settled.push(yield* tellReady(told, stock, nowMs));
    else settled.push(yield* tellSoldOut(told, stock, nowMs));
  }
  return settled;
}

/** Nothing stored is looked at: whoever has made codes for units has read that there are so many. */
function* tellReady(told: SubjectRow, stock: number, nowMs: number): Steps<boolean> {
  const { phase, dueAtMs } = told;
  yield* tell(told, [{ kind: 'codes_ready', atMs: nowMs, stock }], { phase, dueAtMs, stock });
  return true;
}

function* tellSoldOut(found: SubjectRow, stock: number, nowMs: number): Steps<boolean> {
  const activity = yield* readActivity(found.id);
  // While it is enlarged, more may be sold already than what is stored as its stock.
  if (activity === null || activity.stock !== stock || activity.askedStock !== undefined) return false;
  // A sale may be over before anybody has told that it began; or the clock of the one who sold was ahead.
  const told = yield* caughtUpActivity(found, activity, nowMs);
  const isUnstarted = told.phase === 'new';
  const phase = isUnstarted ? 'started' : told.phase;
  yield* tell(
    told,
    [
      ...(isUnstarted ? [{ kind: 'activity_started', atMs: nowMs } as const] : []),
      { kind: 'activity_sold_out', atMs: nowMs, stock },
    ],
    { phase, dueAtMs: activityDueMs(phase, activity), stock },
  );
  return true;
}
