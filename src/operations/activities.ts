/**
 * What is told of activities, and to whom. One that never got its units exists for nobody, and customers see an activity
 * only while they see its template. Changes are use cases as they stand: catalog/activity-changes.ts.
 */
import type { z } from 'zod';
import type { Catalog } from '../catalog/catalog.ts';
import { type activityListQuery, listActivities, type Page } from '../catalog/listing.ts';
import { isVisible } from '../catalog/template-json.ts';
import { wasOpened } from '../domain/lifecycle.ts';
import type { Activity, Template } from '../domain/template.ts';
import { ok, type Problem, problem, type Result } from '../problems.ts';
import type { TemplateReads, Viewer } from './templates.ts';

/** `remaining` is asked only for active ones. */
export type ActivityReads = Pick<TemplateReads, 'catalog' | 'remaining'>;

/** Its state follows from both (catalog/activity-state.ts). */
export interface OfTemplate {
  readonly activity: Activity;
  readonly template: Template;
}

export type SeenActivity = OfTemplate &
  (
    | { readonly by: 'operator' }
    /** `remaining`: its units still to be claimed; of one that is stopped there are none. */
    | { readonly by: 'customer'; readonly remaining: number }
  );

export async function seenActivity(
  { catalog, remaining }: ActivityReads,
  activityId: number,
  viewer: Viewer,
): Promise<Result<SeenActivity>> {
  const activity = catalog.activity(activityId);
  if (activity === undefined || !wasOpened(activity)) return { ok: false, problem: noActivity(activityId) };
  const seen = withTemplate(catalog, activity);
  if (viewer === 'operator') return ok({ by: viewer, ...seen });
  if (!isVisible(seen.template)) return { ok: false, problem: noActivity(activityId) };
  const isActive = activity.status === 'active';
  const left = isActive ? await remaining(activity.templateId, activityId) : 0;
  return ok({ by: viewer, ...seen, remaining: left });
}

/** For operators: newest first. */
export function activityPage(
  catalog: Catalog,
  query: z.output<typeof activityListQuery>,
  nowMs: number,
): Page<OfTemplate> {
  const { items, next } = listActivities(catalog, query, nowMs);
  return { items: items.map((activity) => withTemplate(catalog, activity)), next };
}

/** Activities are of templates that are in the catalog. */
export function withTemplate(catalog: Catalog, activity: Activity): OfTemplate {
  return { activity, template: catalog.template(activity.templateId)! };
}

/** `named`: the id as the caller has it, also one that can't be an activity's. */
export function noActivity(named: number | string): Problem {
  return problem('not_found', `There is no activity ${named}.`);
}
