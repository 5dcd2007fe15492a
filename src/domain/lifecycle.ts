/**
 * The one table of what becomes of templates and activities: in which phase one is, and which events lead from the phase
 * that was told last to the one that holds now. The store writes by it and the checker holds histories against it.
 */
import { claimWindowOf } from './claim-window.ts';
import type { Activity, Template } from './template.ts';

/** The number a subject has in the tables is its place here, never to be changed; the same of kinds and phases. */
export const CATALOG_SUBJECTS = ['template', 'activity'] as const;
export type CatalogSubject = (typeof CATALOG_SUBJECTS)[number];

export const CATALOG_EVENT_KINDS = [
  'template_published',
  'template_disabled',
  'template_ended',
  'codes_ready',
  'activity_started',
  'activity_sold_out',
  'activity_ended',
] as const;
export type CatalogEventKind = (typeof CATALOG_EVENT_KINDS)[number];

/** new: never published; of an activity, not begun yet. Of a template that was deleted the phase is `ended`, too. */
export const PHASES = ['new', 'published', 'disabled', 'ended', 'started'] as const;
export type Phase = (typeof PHASES)[number];

interface Move {
  readonly subject: CatalogSubject;
  readonly from: readonly Phase[];
  /** null: it stays what it is, and the event tells of a number of units. */
  readonly to: Phase | null;
}

/**
 * By event. An ended template that is given more time is published, or disabled, again. An activity whose start was put
 * off starts again; one that was stopped before its start ends without one; its last unit may be told of after its end.
 */
export const CATALOG_MOVES: Readonly<Record<CatalogEventKind, Move>> = {
  template_published: { subject: 'template', from: ['new', 'disabled', 'ended'], to: 'published' },
  template_disabled: { subject: 'template', from: ['published', 'ended'], to: 'disabled' },
  template_ended: { subject: 'template', from: ['published', 'disabled'], to: 'ended' },
  codes_ready: { subject: 'template', from: ['published', 'disabled', 'ended'], to: null },
  activity_started: { subject: 'activity', from: ['new', 'started'], to: 'started' },
  activity_sold_out: { subject: 'activity', from: ['started', 'ended'], to: null },
  activity_ended: { subject: 'activity', from: ['new', 'started'], to: 'ended' },
};

export interface LifecycleStep {
  readonly kind: CatalogEventKind;
  readonly atMs: number;
}

export interface Advance {
  readonly steps: readonly LifecycleStep[];
  readonly phase: Phase;
}

/** How what is stored came to be: by the clock alone since the last event, or by a change that is made at this moment. */
export type Cause = 'clock' | 'change';

/** One that got its units at some time; any other is shown to nobody. */
export function wasOpened({ status, version }: Activity): boolean {
  // Once those that never got any were stored as stopped, in version 1.
  return status !== 'unopened' && !(status === 'stopped' && version === 1);
}

export function templatePhase(template: Template, nowMs: number): Phase {
  if (template.publishedAtMs === null || template.status === 'draft') return 'new';
  return template.status === 'deleted' || claimWindowOf(template).untilMs <= nowMs
    ? 'ended'
    : template.status;
}

export function activityPhase({ status, startsAtMs, endsAtMs }: Activity, nowMs: number): Phase {
  if (status === 'stopped' || endsAtMs <= nowMs) return 'ended';
  return startsAtMs <= nowMs ? 'started' : 'new';
}

/** From the phase that was told to that of `template` now. */
export function advanceTemplate(told: Phase, template: Template, nowMs: number, cause: Cause): Advance {
  const steps: LifecycleStep[] = [];
  const phase = templatePhase(template, nowMs);
  let at = told;
  if (at === 'new' && phase !== 'new') {
    steps.push({ kind: 'template_published', atMs: nowMs });
    at = 'published';
  }
  if (phase === at || phase === 'new') return { steps, phase: at };
  if (phase === 'published') steps.push({ kind: 'template_published', atMs: nowMs });
  else if (phase === 'disabled') steps.push({ kind: 'template_disabled', atMs: nowMs });
  else {
    const isByClock = cause === 'clock' && template.status !== 'deleted';
    steps.push({ kind: 'template_ended', atMs: isByClock ? claimWindowOf(template).untilMs : nowMs });
  }
  return { steps, phase };
}

/** From the phase that was told to that of `activity` now. What has ended stays so. */
export function advanceActivity(told: Phase, activity: Activity, nowMs: number, cause: Cause): Advance {
  const phase = activityPhase(activity, nowMs);
  if (told === 'ended' || phase === told) return { steps: [], phase: told };
  // Its start was put off. By the clock alone nothing goes back, whichever clock said that it had begun.
  if (phase === 'new') return { steps: [], phase: cause === 'change' ? 'new' : told };
  const { status, startsAtMs, endsAtMs } = activity;
  const isStopped = status === 'stopped';
  const isByClock = cause === 'clock' && !isStopped;
  const steps: LifecycleStep[] = [];
  if (told === 'new' && !isStopped)
    steps.push({ kind: 'activity_started', atMs: isByClock ? startsAtMs : nowMs });
  if (phase === 'ended') steps.push({ kind: 'activity_ended', atMs: isByClock ? endsAtMs : nowMs });
  return { steps, phase };
}

/** When the clock brings the next event of a template in this phase; null: it never does. */
export function templateDueMs(phase: Phase, template: Template): number | null {
  if (phase !== 'published' && phase !== 'disabled') return null;
  const { untilMs } = claimWindowOf(template);
  return untilMs === Number.POSITIVE_INFINITY ? null : untilMs;
}

export function activityDueMs(phase: Phase, { startsAtMs, endsAtMs }: Activity): number | null {
  if (phase === 'new') return startsAtMs;
  return phase === 'started' ? endsAtMs : null;
}
