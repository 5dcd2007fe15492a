/**
 * What is told of templates, and to whom. Operators see all of them; to customers drafts and deleted ones do not exist.
 * Lists and changes are use cases as they stand: catalog/listing.ts, catalog/template-changes.ts.
 */
import type { Catalog } from '../catalog/catalog.ts';
import { addStock, raiseStock } from '../catalog/template-changes.ts';
import { isVisible } from '../catalog/template-json.ts';
import type { StockChange } from '../catalog/template-schema.ts';
import type { Template } from '../domain/template.ts';
import type { StockFigures } from '../engine/stock-figures.ts';
import { ok, type Problem, type ProblemCode, problem, type Result } from '../problems.ts';

export type Viewer = 'operator' | 'customer';

export interface TemplateReads {
  readonly catalog: Catalog;
  /** Asked only for templates that were published at some time. */
  readonly stockOf: (templateId: number) => StockFigures | Promise<StockFigures>;
  /** What everybody is told who claims of the template's general pool now; null: claims are taken. */
  readonly refusesAll: (templateId: number, nowMs: number) => ProblemCode | null;
  /** Coupons that are used now. */
  readonly used: (templateId: number) => Promise<number>;
  /** Units still to be claimed from the template's general pool (activityId 0) or from an activity. */
  readonly remaining: (templateId: number, activityId: number) => number | Promise<number>;
}

/** `reason`: why nobody can claim of the general pool now; null where claims are taken. */
export type SeenTemplate = { readonly template: Template; readonly reason: ProblemCode | null } & (
  | { readonly by: 'operator'; readonly claimed: number; readonly used: number }
  /** `remaining`: of the general pool. */
  | { readonly by: 'customer'; readonly remaining: number }
);

export async function seenTemplate(
  reads: TemplateReads,
  templateId: number,
  viewer: Viewer,
  nowMs: number,
): Promise<Result<SeenTemplate>> {
  const template = reads.catalog.template(templateId);
  if (template === undefined || (viewer === 'customer' && !isVisible(template)))
    return { ok: false, problem: noTemplate(templateId) };
  if (viewer === 'customer') {
    const remaining = await reads.remaining(templateId, 0);
    return ok({ by: viewer, template, remaining, reason: reads.refusesAll(templateId, nowMs) });
  }
  const isSold = template.publishedAtMs !== null;
  const claimed = isSold ? (await reads.stockOf(templateId)).claimed : 0;
  const used = isSold ? await reads.used(templateId) : 0;
  return ok({ by: viewer, template, claimed, used, reason: reads.refusesAll(templateId, nowMs) });
}

/** For operators. Of a template that was never published all units are free. */
export async function templateStock(
  { catalog, stockOf }: Pick<TemplateReads, 'catalog' | 'stockOf'>,
  templateId: number,
): Promise<Result<StockFigures>> {
  const template = catalog.template(templateId);
  if (template === undefined) return { ok: false, problem: noTemplate(templateId) };
  if (template.publishedAtMs !== null) return ok(await stockOf(templateId));
  const { total } = template;
  return ok({ total, free: total, leased: 0, claimed: 0, flushed: 0 });
}

/** `key`: under which the same change is made once; null: none. */
export function changeStock(
  catalog: Catalog,
  templateId: number,
  change: StockChange,
  key: string | null,
): Promise<Result<Template>> {
  return 'add' in change
    ? addStock(catalog, templateId, change.add, key)
    : raiseStock(catalog, templateId, change.total, key);
}

/** `named`: the id as the caller has it, also one that can't be a template's. */
export function noTemplate(named: number | string): Problem {
  return problem('not_found', `There is no template ${named}.`);
}
