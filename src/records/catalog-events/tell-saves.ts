/** What a save of a template or activity makes of it, written in the save's own transaction. */
import {
  activityDueMs,
  advanceActivity,
  advanceTemplate,
  templateDueMs,
  templatePhase,
  wasOpened,
} from '../../domain/lifecycle.ts';
import type { Activity, Template } from '../../domain/template.ts';
import type { Dialect, Steps } from '../redemptions/steps.ts';
import { adoptedSubject, newSubject, readSubject, type SubjectRow, tell } from './subject-rows.ts';

/** `before`: what was stored until now; null: nothing was. The caller has the catalog's lock. */
export function* tellTemplateSaved(db: Dialect, before: Template | null, next: Template): Steps<void> {
  if (next.publishedAtMs === null) return;
  const { told: known, nowMs } = yield* readSubject(db, 'template', next.id);
  const told = known ?? (yield* untoldTemplate(before, next.id, nowMs));
  // What the clock brought before this change is told first, as what it was then.
  const due = before === null ? null : advanceTemplate(told.phase, before, nowMs, 'clock');
  const { steps, phase } = advanceTemplate(due?.phase ?? told.phase, next, nowMs, 'change');
  yield* tell(told, [...(due?.steps ?? []), ...steps], { phase, dueAtMs: templateDueMs(phase, next) });
}

export function* tellActivitySaved(db: Dialect, before: Activity | null, next: Activity): Steps<void> {
  if (!wasOpened(next)) return;
  const { told: known, nowMs } = yield* readSubject(db, 'activity', next.id);
  const opened = before !== null && wasOpened(before) ? before : null;
  const told = known ?? (yield* untoldActivity(opened, next));
  const due = opened === null ? null : advanceActivity(told.phase, opened, nowMs, 'clock');
  const { steps, phase } = advanceActivity(due?.phase ?? told.phase, next, nowMs, 'change');
  yield* tell(told, [...(due?.steps ?? []), ...steps], { phase, dueAtMs: activityDueMs(phase, next) });
}

/** One that was published when nobody told of it yet begins with what comes next. */
function* untoldTemplate(before: Template | null, id: number, nowMs: number): Steps<SubjectRow> {
  if (before === null || before.publishedAtMs === null) return newSubject('template', id, id);
  return yield* adoptedSubject('template', id, id, templatePhase(before, nowMs), before.total);
}

function* untoldActivity(opened: Activity | null, { id, templateId }: Activity): Steps<SubjectRow> {
  if (opened === null) return newSubject('activity', id, templateId);
  return yield* adoptedSubject('activity', id, templateId, 'new', 0);
}
