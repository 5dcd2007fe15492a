/**
 * For a database in which templates and activities were saved by a version that did not tell of them. Those it published
 * or opened begin with what comes next, and what it changed of others is told when it is found.
 */
import {
  activityDueMs,
  activityPhase,
  templateDueMs,
  templatePhase,
  wasOpened,
} from '../../domain/lifecycle.ts';
import type { Activity, Template } from '../../domain/template.ts';
import { clock, type Dialect, rows, type Steps } from '../redemptions/steps.ts';
import { adoptedSubject, lockCatalog, readSubjects, type SubjectRow, tell } from './subject-rows.ts';
import { caughtUp } from './tell-due.ts';

/** → subjects that were behind. Nothing is locked where none is. */
export function* catchUp(db: Dialect): Steps<number> {
  if ((yield* behind(yield* clock(db))).length === 0) return 0;
  yield* lockCatalog(db);
  const nowMs = yield* clock(db);
  const found = yield* behind(nowMs);
  for (const one of found) {
    if (one.told !== null) yield* caughtUp(one.told, nowMs);
    else if (one.subject === 'template') yield* adoptTemplate(one.stored, nowMs);
    else yield* adoptActivity(one.stored, nowMs);
  }
  return found.length;
}

type Behind = { readonly told: SubjectRow | null } & (
  | { readonly subject: 'template'; readonly stored: Template }
  | { readonly subject: 'activity'; readonly stored: Activity }
);

function* behind(nowMs: number): Steps<Behind[]> {
  const subjects = yield* readSubjects();
  const of = (subject: SubjectRow['subject']): Map<number, SubjectRow> =>
    new Map(subjects.filter((one) => one.subject === subject).map((one) => [one.id, one]));
  const [ofTemplates, ofActivities] = [of('template'), of('activity')];
  const found: Behind[] = [];
  for (const stored of yield* bodies<Template>("templates WHERE status <> 'draft'")) {
    const told = ofTemplates.get(stored.id) ?? null;
    const phase = templatePhase(stored, nowMs);
    if (phase !== (told?.phase ?? 'new')) found.push({ subject: 'template', stored, told });
  }
  for (const stored of yield* bodies<Activity>('activities')) {
    if (!wasOpened(stored)) continue;
    const told = ofActivities.get(stored.id) ?? null;
    if (told === null || isAhead(stored, told, nowMs)) found.push({ subject: 'activity', stored, told });
  }
  return found;
}

/** Of one that has ended, or whose start was put off, nothing is told. */
function isAhead(activity: Activity, { phase }: SubjectRow, nowMs: number): boolean {
  const now = activityPhase(activity, nowMs);
  return now !== phase && now !== 'new' && phase !== 'ended';
}

function* adoptTemplate(template: Template, nowMs: number): Steps<void> {
  const { id, total } = template;
  const phase = templatePhase(template, nowMs);
  const adopted = yield* adoptedSubject('template', id, id, phase, total);
  yield* tell(adopted, [], { phase, dueAtMs: templateDueMs(phase, template) });
}

function* adoptActivity(activity: Activity, nowMs: number): Steps<void> {
  const { id, templateId, stock } = activity;
  const phase = activityPhase(activity, nowMs);
  // Whether one that goes on is sold out is news to whoever learns it.
  const adopted = yield* adoptedSubject('activity', id, templateId, phase, phase === 'ended' ? stock : 0);
  yield* tell(adopted, [], { phase, dueAtMs: activityDueMs(phase, activity) });
}

function* bodies<T extends { readonly id: number }>(from: string): Steps<T[]> {
  const found = yield* rows(`SELECT id, body FROM ${from} ORDER BY id`);
  return found.map(([id, body]) => ({ ...(JSON.parse(String(body)) as T), id: Number(id) }));
}
