/** Activities: operators open and stop timed sales; everybody sees the public part. */
import { createActivity, patchActivity, stopActivity } from '../catalog/activity-changes.ts';
import {
  activityBody,
  activityPatch,
  operatorActivityJson,
  publicActivityJson,
} from '../catalog/activity-schema.ts';
import { activityListQuery } from '../catalog/listing.ts';
import type { Activity } from '../domain/template.ts';
import { ACTIVITY_ID_MAX } from '../limits.ts';
import {
  type ActivityReads,
  activityPage,
  noActivity,
  type OfTemplate,
  type SeenActivity,
  seenActivity,
  withTemplate,
} from '../operations/activities.ts';
import type { Problem, Result } from '../problems.ts';
import { withKey } from './idempotency-key.ts';
import { type Answer, type Ctx, idParam, type Reply, type Route, route } from './route.ts';
import { viewerOf } from './viewer.ts';

export function activityRoutes(reads: ActivityReads): Route[] {
  const { catalog } = reads;
  const activityAnswer = (
    status: 200 | 201,
    result: Result<Activity>,
    { nowMs }: Pick<Ctx, 'nowMs'>,
  ): Answer | Problem => {
    if (!result.ok) return result.problem;
    const json = operatorJson(withTemplate(catalog, result.value), nowMs);
    return status === 201
      ? { status, json, headers: { Location: `/v1/activities/${json.id}` } }
      : { status, json };
  };
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
        const { items, next } = activityPage(catalog, query, nowMs);
        return { status: 200, json: { items: items.map((item) => operatorJson(item, nowMs)), next } };
      },
    }),
    route({
      method: 'GET',
      path: '/v1/activities/:activityId',
      access: 'public',
      handle: (ctx) =>
        withActivityId(ctx, async (id) => {
          const seen = await seenActivity(reads, id, viewerOf(ctx));
          return seen.ok ? { status: 200, json: seenJson(seen.value, ctx.nowMs) } : seen.problem;
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
  return id === null ? noActivity(ctx.params.activityId) : work(id);
}

function operatorJson({ activity, template }: OfTemplate, nowMs: number) {
  return operatorActivityJson(activity, template, nowMs);
}

function seenJson(seen: SeenActivity, nowMs: number) {
  if (seen.by === 'operator') return operatorJson(seen, nowMs);
  return publicActivityJson(seen.activity, seen.template, nowMs, seen.remaining);
}
