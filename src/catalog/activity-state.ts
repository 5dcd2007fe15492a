/** What readers are told of an activity: the same judgement that decides claims (actors/rules.ts), put as a state. */
import { refusesAll, rulesOf } from '../actors/rules.ts';
import { Verdict } from '../actors/verdict.ts';
import type { Activity, Template } from '../domain/template.ts';

export const ACTIVITY_STATES = ['waiting', 'running', 'suspended', 'ended'] as const;
/**
 * running: claims are taken. waiting: they will be, from its start on. suspended: they are not, and would be again if
 * its template were published (again) or opened to claims. ended: it is over by the clock, stopped, or its template is
 * over or deleted.
 */
export type ActivityState = (typeof ACTIVITY_STATES)[number];

export function activityState(activity: Activity, template: Template, nowMs: number): ActivityState {
  const isOver = activity.status !== 'active' || nowMs >= activity.endsAtMs;
  if (isOver || template.status === 'deleted') return 'ended';
  const rules = rulesOf(template, [activity]);
  switch (refusesAll(rules, rules.pools[1], nowMs)) {
    case 0:
      return 'running';
    case Verdict.notStarted:
      return rules.claimable ? 'waiting' : 'suspended';
    case Verdict.ended:
      return 'ended';
    default:
      return 'suspended';
  }
}
