/** The activity bodies of the HTTP API as schemas, and activities as JSON. */
import { z } from 'zod';
import type { Activity } from '../domain/template.ts';
import { PER_USER_LIMIT_MAX, STOCK_MAX, TEMPLATE_ID_MAX } from '../limits.ts';
import { id, integer, nameText, time, timeText } from './fields.ts';

const fields = {
  name: nameText,
  stock: integer(1, STOCK_MAX),
  startsAt: time,
  endsAt: time,
  perUserLimit: integer(1, PER_USER_LIMIT_MAX),
};

export type ActivityFields = Pick<
  Activity,
  'templateId' | 'name' | 'stock' | 'startsAtMs' | 'endsAtMs' | 'perUserLimit'
>;
export type ActivityChanges = {
  readonly [Field in Exclude<keyof ActivityFields, 'templateId'>]?: Activity[Field] | undefined;
};

export const activityBody = z
  .strictObject({ templateId: id(TEMPLATE_ID_MAX), ...fields })
  .refine(({ startsAt, endsAt }) => startsAt < endsAt, { path: ['endsAt'], error: 'later than startsAt' })
  .transform(
    ({ startsAt, endsAt, ...rest }): ActivityFields => ({
      ...rest,
      startsAtMs: startsAt,
      endsAtMs: endsAt,
    }),
  );

export const activityPatch = z
  .strictObject(fields)
  .partial()
  .transform(({ startsAt, endsAt, ...rest }) => {
    const changes: Record<string, unknown> = { ...rest, startsAtMs: startsAt, endsAtMs: endsAt };
    for (const name of Object.keys(changes)) if (changes[name] === undefined) delete changes[name];
    return changes as ActivityChanges;
  });

export const ACTIVITY_STATES = ['scheduled', 'running', 'stopped', 'ended'] as const;
export type ActivityState = (typeof ACTIVITY_STATES)[number];

/** By the clock: one that was stopped early is `stopped` until its end would have come, then `ended` like any other. */
export function activityState(activity: Activity, nowMs: number): ActivityState {
  if (nowMs >= activity.endsAtMs) return 'ended';
  if (activity.status === 'stopped') return 'stopped';
  return nowMs < activity.startsAtMs ? 'scheduled' : 'running';
}

function publicFields(activity: Activity, nowMs: number) {
  return {
    id: String(activity.id),
    templateId: String(activity.templateId),
    name: activity.name,
    startsAt: timeText(activity.startsAtMs),
    endsAt: timeText(activity.endsAtMs),
    perUserLimit: activity.perUserLimit,
    status: activityState(activity, nowMs),
  };
}

export function operatorActivityJson(activity: Activity, nowMs: number) {
  return {
    ...publicFields(activity, nowMs),
    stock: activity.stock,
    createdAt: timeText(activity.createdAtMs),
    version: activity.version,
  };
}

export function publicActivityJson(activity: Activity, nowMs: number, remaining: number) {
  return { ...publicFields(activity, nowMs), remaining };
}
