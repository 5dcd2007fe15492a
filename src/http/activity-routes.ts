/** Activities: operators open and stop timed sales; everybody sees the public part. */
import { createActivity, patchActivity, stopActivity } from '../catalog/activity-changes.ts';
import {
  activityBody,
  activityPatch,
  operatorActivityJson,
  publicActivityJson,
} from '../catalog/activity-schema.ts';
import { type Catalog, wasOpened } from '../catalog/catalog.ts';
import { activityListQuery, listActivities } from '../catalog/listing.ts';
import { isVisible } from '../catalog/template-json.ts';
import type { Activity } from '../domain/template.ts';
import { ACTIVITY_ID_MAX } from '../limits.ts';
import { type Problem, problem, type Result } from '../problems.ts';
import { withKey } from './idempotency-key.ts';
import { type Answer, type Ctx, idParam, type Reply, type Route, route } from './route.ts';

export interface ActivityRoutesOptions {
  readonly catalog: Catalog;
  /** Units still to be claimed from an activity; asked only for active ones. */
  readonly remaining: (templateId: number, activityId: number) => number | Promise<number>;
}

export function activityRoutes({ catalog, remaining }: ActivityRoutesOptions): Route[] {
  return [
    route({
      method: 'POST',
      path: '/v1/activities',
      access: 'operator',
      body: activityBody,
      handle: (ctx) =>
        withKey(ctx, async (key) => activityAnswer(201, await createActivity(catalog, ctx.body, key), ctx)),
    }),
    route({
      method: 'GET',
      path: '/v1/activities',
      access: 'operator',
      query: activityListQuery,
      handle: async ({ query, nowMs }) => {
        const { items, next } = listActivities(catalog, query, nowMs);
        return { status: 200, json: { items: items.map((item) => operatorActivityJson(item, nowMs)), next } };
      },
    }),
    route({
      method: 'GET',
      path: '/v1/activities/:activityId',
      access: 'public',
      handle: (ctx) =>
        withActivityId(ctx, async (id) => {
          const activity = catalog.activity(id);
          if (activity === undefined || !wasOpened(activity)) return noActivity(ctx);
          if (ctx.caller.operator) return { status: 200, json: operatorActivityJson(activity, ctx.nowMs) };
          const template = catalog.template(activity.templateId);
          if (template === undefined || !isVisible(template)) return noActivity(ctx);
          const left = activity.status === 'active' ? await remaining(template.id, id) : 0;
          return { status: 200, json: publicActivityJson(activity, ctx.nowMs, left) };
        }),
    }),
    route({
      method: 'PATCH',
      path: '/v1/activities/:activityId',
      access: 'operator',
      body: activityPatch,
      handle: (ctx) =>
        withActivityId(ctx, async (id) =>
          activityAnswer(200, await patchActivity(catalog, id, ctx.body), ctx),
        ),
    }),
    route({
      method: 'POST',
      path: '/v1/activities/:activityId/stop',
      access: 'operator',
      handle: (ctx) =>
        withActivityId(ctx, async (id) => activityAnswer(200, await stopActivity(catalog, id), ctx)),
    }),
  ];
}

async function withActivityId(ctx: Pick<Ctx, 'params'>, work: (id: number) => Reply): Reply {
  const id = idParam(ctx, 'activityId', ACTIVITY_ID_MAX);
  return id === null ? noActivity(ctx) : work(id);
}

function activityAnswer(
  status: 200 | 201,
  result: Result<Activity>,
  { nowMs }: Pick<Ctx, 'nowMs'>,
): Answer | Problem {
  if (!result.ok) return result.problem;
  const json = operatorActivityJson(result.value, nowMs);
  return status === 201
    ? { status, json, headers: { Location: `/v1/activities/${json.id}` } }
    : { status, json };
}

function noActivity(ctx: Pick<Ctx, 'params'>): Problem {
  return problem('not_found', `There is no activity ${ctx.params.activityId}.`);
}
