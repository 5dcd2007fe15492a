/** Templates: operators make, change and publish them; everybody sees the public part of those once published. */
import type { Catalog } from '../catalog/catalog.ts';
import { listTemplates, templateListQuery } from '../catalog/listing.ts';
import {
  createTemplate,
  deleteTemplate,
  disableTemplate,
  patchTemplate,
  publishTemplate,
  raiseStock,
} from '../catalog/template-changes.ts';
import { isVisible, operatorTemplateJson, publicTemplateJson } from '../catalog/template-json.ts';
import { stockBody, templateBody, templatePatch } from '../catalog/template-schema.ts';
import type { Template } from '../domain/template.ts';
import type { StockFigures } from '../engine/stock-figures.ts';
import { TEMPLATE_ID_MAX } from '../limits.ts';
import { type Problem, problem, type Result } from '../problems.ts';
import { withKey } from './idempotency-key.ts';
import { type Answer, type Ctx, idParam, type Reply, type Route, route } from './route.ts';

export interface TemplateRoutesOptions {
  readonly catalog: Catalog;
  /** Asked only for templates that were published at some time. */
  readonly stockOf: (templateId: number) => StockFigures | Promise<StockFigures>;
  /** Units still to be claimed from the template's general pool. */
  readonly remaining: (templateId: number) => number | Promise<number>;
}

export function templateRoutes({ catalog, stockOf, remaining }: TemplateRoutesOptions): Route[] {
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
          const template = catalog.template(id);
          if (template === undefined) return noTemplate(ctx);
          if (ctx.caller.operator) return { status: 200, json: operatorTemplateJson(template, ctx.nowMs) };
          if (!isVisible(template)) return noTemplate(ctx);
          return { status: 200, json: publicTemplateJson(template, ctx.nowMs, await remaining(id)) };
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
            templateAnswer(200, await raiseStock(catalog, id, ctx.body.total, key), ctx),
          ),
        ),
    }),
    route({
      method: 'GET',
      path: '/v1/templates/:templateId/stock',
      access: 'operator',
      handle: (ctx) =>
        withTemplateId(ctx, async (id) => {
          const template = catalog.template(id);
          if (template === undefined) return noTemplate(ctx);
          return {
            status: 200,
            json: template.publishedAtMs === null ? unsold(template) : await stockOf(id),
          };
        }),
    }),
  ];
}

async function withTemplateId(ctx: Pick<Ctx, 'params'>, work: (id: number) => Reply): Reply {
  const id = idParam(ctx, 'templateId', TEMPLATE_ID_MAX);
  return id === null ? noTemplate(ctx) : work(id);
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

function unsold({ total }: Template): StockFigures {
  return { total, free: total, leased: 0, claimed: 0, flushed: 0 };
}

function noTemplate(ctx: Pick<Ctx, 'params'>): Problem {
  return problem('not_found', `There is no template ${ctx.params.templateId}.`);
}
