/** What the clock brings about: templates that are over, activities that begin and end. */
import {
  activityDueMs,
  advanceActivity,
  advanceTemplate,
  type CatalogSubject,
  templateDueMs,
} from '../../domain/lifecycle.ts';
import type { Activity } from '../../domain/template.ts';
import type { Dialect, Steps } from '../redemptions/steps.ts';
import {
  lockCatalog,
  readActivity,
  readSubject,
  readTemplate,
  type SubjectRow,
  tell,
} from './subject-rows.ts';

export interface DueSubject {
  readonly subject: CatalogSubject;
  readonly id: number;
}

/** Looks again at each of these, which seemed to be due; another node may have been there. → events written. */
export function* tellDue(db: Dialect, due: readonly DueSubject[]): Steps<number> {
  yield* lockCatalog(db);
  let events = 0;
  for (const { subject, id } of due) {
    const { told, nowMs } = yield* readSubject(db, subject, id);
    if (told !== null) events += (yield* caughtUp(told, nowMs)).sequence - told.sequence;
  }
  return events;
}

/** Told of up to now, by what is stored of it. */
export function* caughtUp(told: SubjectRow, nowMs: number): Steps<SubjectRow> {
  const stored = told.subject === 'template' ? yield* readTemplate(told.id) : yield* readActivity(told.id);
  // Somebody has removed it by hand: nothing comes any more, and the audit says so.
  if (stored === null) return yield* tell(told, [], { phase: told.phase, dueAtMs: null });
  if ('templateId' in stored) return yield* caughtUpActivity(told, stored, nowMs);
  const { steps, phase } = advanceTemplate(told.phase, stored, nowMs, 'clock');
  return yield* tell(told, steps, { phase, dueAtMs: templateDueMs(phase, stored) });
}

export function* caughtUpActivity(told: SubjectRow, activity: Activity, nowMs: number): Steps<SubjectRow> {
  const { steps, phase } = advanceActivity(told.phase, activity, nowMs, 'clock');
  return yield* tell(told, steps, { phase, dueAtMs: activityDueMs(phase, activity) });
}
