/** Templates: operators make, change and publish them; everybody sees the public part of those once published. */
import type { Catalog } from '../catalog/catalog.ts';
import { listTemplates, templateListQuery } from '../catalog/listing.ts';
import {
  createTemplate,
  deleteTemplate,
  disableTemplate,
  patchTemplate,
  publishTemplate,
} from '../catalog/template-changes.ts';
import { operatorTemplateJson, publicTemplateJson } from '../catalog/template-json.ts';
import { stockBody, templateBody, templatePatch } from '../catalog/template-schema.ts';
import type { Template } from '../domain/template.ts';
import { TEMPLATE_ID_MAX } from '../limits.ts';
import {
  changeStock,
  noTemplate,
  type SeenTemplate,
  seenTemplate,
  type TemplateReads,
  templateStock,
} from '../operations/templates.ts';
import type { Problem, Result } from '../problems.ts';
import { withKey } from './idempotency-key.ts';
import { type Answer, type Ctx, idParam, type Reply, type Route, route } from './route.ts';
import { viewerOf } from './viewer.ts';

export function templateRoutes(reads: TemplateReads): Route[] {
  const { catalog } = reads;
  const shown =
    (change: (catalog: Catalog, id: number) => Promise<Result<Template>>) =>
    (ctx: Ctx): Reply =>
      withTemplateId(ctx, async (id) => templateAnswer(200, await change(catalog, id), ctx));

  return [
    route({
      method: 'POST',
      path: '/v1/templates',
      access: 'operator',
      body: templateBody,
      handle: (ctx) =>
        withKey(ctx, async (key) => templateAnswer(201, await createTemplate(catalog, ctx.body, key), ctx)),
    }),
    route({
      method: 'GET',
      path: '/v1/templates',
      access: 'operator',
      query: templateListQuery,
      handle: async ({ query, nowMs }) => {
        const { items, next } = listTemplates(catalog, query, nowMs);
        return { status: 200, json: { items: items.map((item) => operatorTemplateJson(item, nowMs)), next } };
      },
    }),
    route({
      method: 'GET',
      path: '/v1/templates/:templateId',
      access: 'public',
      handle: (ctx) =>
        withTemplateId(ctx, async (id) => {
          const seen = await seenTemplate(reads, id, viewerOf(ctx), ctx.nowMs);
          return seen.ok ? { status: 200, json: seenJson(seen.value, ctx.nowMs) } : seen.problem;
        }),
    }),
    route({
      method: 'PATCH',
      path: '/v1/templates/:templateId',
      access: 'operator',
      body: templatePatch,
      handle: (ctx) =>
        withTemplateId(ctx, async (id) =>
          templateAnswer(200, await patchTemplate(catalog, id, ctx.body), ctx),
        ),
    }),
    route({
      method: 'DELETE',
      path: '/v1/templates/:templateId',
      access: 'operator',
      handle: (ctx) =>
        withTemplateId(ctx, async (id) => {
          const deleted = await deleteTemplate(catalog, id);
          return deleted.ok ? { status: 204 } : deleted.problem;
        }),
    }),
    route({
      method: 'POST',
      path: '/v1/templates/:templateId/publish',
      access: 'operator',
      handle: shown(publishTemplate),
    }),
    route({
      method: 'POST',
      path: '/v1/templates/:templateId/disable',
      access: 'operator',
      handle: shown(disableTemplate),
    }),
    route({
      method: 'PUT',
      path: '/v1/templates/:templateId/stock',
      access: 'operator',
      body: stockBody,
      handle: (ctx) =>
        withTemplateId(ctx, (id) =>
          withKey(ctx, async (key) =>
            templateAnswer(200, await changeStock(catalog, id, ctx.body, key), ctx),
          ),
        ),
    }),
    route({
      method: 'GET',
      path: '/v1/templates/:templateId/stock',
      access: 'operator',
      handle: (ctx) =>
        withTemplateId(ctx, async (id) => {
          const stock = await templateStock(reads, id);
          return stock.ok ? { status: 200, json: stock.value } : stock.problem;
        }),
    }),
  ];
}

async function withTemplateId(ctx: Pick<Ctx, 'params'>, work: (id: number) => Reply): Reply {
  const id = idParam(ctx, 'templateId', TEMPLATE_ID_MAX);
  return id === null ? noTemplate(ctx.params.templateId) : work(id);
}

function templateAnswer(
  status: 200 | 201,
  result: Result<Template>,
  { nowMs }: Pick<Ctx, 'nowMs'>,
): Answer | Problem {
  if (!result.ok) return result.problem;
  const json = operatorTemplateJson(result.value, nowMs);
  return status === 201
    ? { status, json, headers: { Location: `/v1/templates/${json.id}` } }
    : { status, json };
}

function seenJson(seen: SeenTemplate, nowMs: number) {
  const { template, reason } = seen;
  const claimability = { claimable: reason === null, ...(reason === null ? {} : { reason }) };
  if (seen.by === 'customer')
    return { ...publicTemplateJson(template, nowMs, seen.remaining), ...claimability };
  const { claimed, used } = seen;
  return { ...operatorTemplateJson(template, nowMs), ...claimability, claimed, used };
}
