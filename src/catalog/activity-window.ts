/**
 * An activity lies inside the time in which its template takes claims: whoever makes or moves either so that it would
 * not is refused. One that was stored outside, by an earlier version of this program, stays as it is until its times
 * are moved; meanwhile it takes claims only while its template does (actors/rules.ts). Pure.
 */
import { claimWindowOf } from '../domain/claim-window.ts';
import type { Activity, Template } from '../domain/template.ts';
import { type Problem, problem } from '../problems.ts';
import { timeText } from './fields.ts';

interface FieldError {
  readonly field: string;
  readonly problem: string;
  readonly allowed: string;
}

type Times = Pick<Activity, 'startsAtMs' | 'endsAtMs'>;

/** Null where the activity lies inside; of one that changes only times that are moved count. */
export function activityOutside(template: Template, next: Times, before: Times | null): Problem | null {
  const { fromMs, untilMs } = claimWindowOf(template);
  const errors: FieldError[] = [];
  const bound = (field: string, ms: number, how: string, boundMs: number, allowed: string): void => {
    const at = timeText(boundMs);
    const says = `is ${timeText(ms)}; its template takes claims ${how} ${at}`;
    errors.push({ field, problem: says, allowed: allowed.replace('$', at) });
  };
  if (next.startsAtMs !== before?.startsAtMs && next.startsAtMs < fromMs)
    bound('startsAt', next.startsAtMs, 'from', fromMs, '$ or later');
  if (next.startsAtMs !== before?.startsAtMs && next.startsAtMs >= untilMs)
    bound('startsAt', next.startsAtMs, 'until', untilMs, 'earlier than $');
  if (next.endsAtMs !== before?.endsAtMs && next.endsAtMs > untilMs)
    bound('endsAt', next.endsAtMs, 'until', untilMs, '$ or earlier');
  return refusal(errors, { templateId: String(template.id) });
}

/**
 * Null where no running or coming activity would lie outside; only bounds that are moved count. `activities`: all that
 * the template ever had.
 */
export function windowTooSmall(
  before: Template,
  next: Template,
  activities: readonly Activity[],
  nowMs: number,
): Problem | null {
  const alive = activities.filter(({ status, endsAtMs }) => status === 'active' && nowMs < endsAtMs);
  const fromMs = next.claimFromMs ?? Number.NEGATIVE_INFINITY;
  const untilMs = next.claimUntilMs ?? Number.POSITIVE_INFINITY;
  const early =
    next.claimFromMs === before.claimFromMs ? [] : alive.filter(({ startsAtMs }) => startsAtMs < fromMs);
  const late =
    next.claimUntilMs === before.claimUntilMs ? [] : alive.filter(({ endsAtMs }) => endsAtMs > untilMs);
  const errors: FieldError[] = [];
  if (early.length > 0) {
    const first = timeText(Math.min(...early.map(({ startsAtMs }) => startsAtMs)));
    const says = `is ${timeText(fromMs)}; an activity starts at ${first}`;
    errors.push({ field: 'claimFrom', problem: says, allowed: `${first} or earlier, or null` });
  }
  if (late.length > 0) {
    const last = timeText(Math.max(...late.map(({ endsAtMs }) => endsAtMs)));
    const says = `is ${timeText(untilMs)}; an activity ends at ${last}`;
    errors.push({ field: 'claimUntil', problem: says, allowed: `${last} or later, or null` });
  }
  const activityIds = [...new Set([...early, ...late].map(({ id }) => String(id)))];
  return refusal(errors, { activityIds });
}

function refusal(errors: readonly FieldError[], extra: Record<string, unknown>): Problem | null {
  if (errors.length === 0) return null;
  const detail = errors.map(({ field, problem: says, allowed }) => `${field} ${says} (allowed: ${allowed})`);
  return problem('invalid_state', `${detail.join('; ')}.`, { errors, ...extra });
}
