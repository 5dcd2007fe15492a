/** The activity bodies of the HTTP API as schemas, and activities as JSON. */
import { z } from 'zod';
import type { Activity, Template } from '../domain/template.ts';
import { PER_USER_LIMIT_MAX, STOCK_MAX, TEMPLATE_ID_MAX } from '../limits.ts';
import { activityState } from './activity-state.ts';
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

function publicFields(activity: Activity, template: Template, nowMs: number) {
  return {
    id: String(activity.id),
    templateId: String(activity.templateId),
    name: activity.name,
    startsAt: timeText(activity.startsAtMs),
    endsAt: timeText(activity.endsAtMs),
    perUserLimit: activity.perUserLimit,
    state: activityState(activity, template, nowMs),
  };
}

export function operatorActivityJson(activity: Activity, template: Template, nowMs: number) {
  return {
    ...publicFields(activity, template, nowMs),
    stock: activity.stock,
    createdAt: timeText(activity.createdAtMs),
    version: activity.version,
  };
}

export function publicActivityJson(activity: Activity, template: Template, nowMs: number, remaining: number) {
  return { ...publicFields(activity, template, nowMs), remaining };
}
