/** Pages of templates and activities, newest (highest id) first. A cursor is the id the page before ended with. */
import { z } from 'zod';
import { wasOpened } from '../domain/lifecycle.ts';
import type { Activity, Template } from '../domain/template.ts';
import { nameKey } from '../domain/template-name.ts';
import { PAGE_ITEMS_DEFAULT, PAGE_ITEMS_MAX, TEMPLATE_ID_MAX } from '../limits.ts';
import { ACTIVITY_STATES, activityState } from './activity-state.ts';
import type { Catalog } from './catalog.ts';
import { decimal, id } from './fields.ts';
import { shownStatus } from './template-json.ts';

const CURSOR_ALLOWED = 'the value of "next" of the page before';
export const pageParameters = {
  limit: decimal(1, PAGE_ITEMS_MAX).default(PAGE_ITEMS_DEFAULT),
  cursor: z
    .string()
    .regex(/^[1-9]\d{0,14}$/, { error: CURSOR_ALLOWED })
    .transform(Number)
    .optional(),
};

export const templateListQuery = z.strictObject({
  ...pageParameters,
  status: z.enum(['draft', 'published', 'disabled', 'ended', 'deleted']).optional(),
  productLine: decimal(0, 99).optional(),
  q: z.string().trim().max(200).optional(),
});

export const activityListQuery = z.strictObject({
  ...pageParameters,
  templateId: id(TEMPLATE_ID_MAX).optional(),
  state: z.enum(ACTIVITY_STATES).optional(),
});

export interface Page<T> {
  readonly items: readonly T[];
  readonly next: string | null;
}

/** Deleted ones only when asked for; `q` is a part of the name, in any case. */
export function listTemplates(
  catalog: Catalog,
  query: z.output<typeof templateListQuery>,
  nowMs: number,
): Page<Template> {
  const part = searched(query.q ?? '');
  const found: Template[] = [];
  for (const template of catalog.templates()) {
    const status = shownStatus(template, nowMs);
    if (query.status === undefined ? status === 'deleted' : status !== query.status) continue;
    if (query.productLine !== undefined && template.productLine !== query.productLine) continue;
    if (part !== '' && !searched(template.name).includes(part)) continue;
    found.push(template);
  }
  return pageOf(found, query);
}

function searched(text: string): string {
  return nameKey(text).toLowerCase();
}

export function listActivities(
  catalog: Catalog,
  query: z.output<typeof activityListQuery>,
  nowMs: number,
): Page<Activity> {
  const found: Activity[] = [];
  const stateOf = (activity: Activity) =>
    activityState(activity, catalog.template(activity.templateId)!, nowMs);
  const all = query.templateId === undefined ? catalog.activities() : catalog.activitiesOf(query.templateId);
  for (const activity of all) {
    if (!wasOpened(activity)) continue;
    if (query.state !== undefined && query.state !== stateOf(activity)) continue;
    found.push(activity);
  }
  return pageOf(found, query);
}

function pageOf<T extends { readonly id: number }>(
  found: T[],
  { cursor = Number.MAX_SAFE_INTEGER, limit }: { cursor?: number | undefined; limit: number },
): Page<T> {
  const rest = found.filter((item) => item.id < cursor).sort((a, b) => b.id - a.id);
  const items = rest.slice(0, limit);
  return { items, next: rest.length > limit ? String(items.at(-1)!.id) : null };
}
