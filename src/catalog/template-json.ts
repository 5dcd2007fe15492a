/** Templates as JSON: fields have the names and shapes in which they are accepted; what is not set is left out. */
import { claimWindowOf } from '../domain/claim-window.ts';
import { discountWarnings } from '../domain/discount-sense.ts';
import type { Template, TemplateStatus } from '../domain/template.ts';
import { timeText } from './fields.ts';

/** As told to the outside: `ended` is a published template whose claim window or validity is over. */
export type ShownTemplateStatus = TemplateStatus | 'ended';

export function shownStatus(template: Template, nowMs: number): ShownTemplateStatus {
  return template.status === 'published' && isOver(template, nowMs) ? 'ended' : template.status;
}

/** Nothing of it can be claimed any more, unless its window is moved. */
export function isOver(template: Template, nowMs: number): boolean {
  return claimWindowOf(template).untilMs <= nowMs;
}

/** To customers, drafts and deleted templates do not exist. */
export function isVisible({ status }: Template): boolean {
  return status === 'published' || status === 'disabled';
}

/** A customer's view, without `remaining`. */
function publicFields(template: Template, nowMs: number) {
  const { validity } = template;
  return {
    id: String(template.id),
    name: template.name,
    ...set('intro', template.intro),
    ...set('logo', template.logo),
    currency: template.currency,
    discount: template.discount,
    scope: template.scope,
    ...set('stacking', template.stacking),
    measure: template.measure,
    validity:
      'fromMs' in validity
        ? { from: timeText(validity.fromMs), until: timeText(validity.untilMs) }
        : validity,
    ...set('claimFrom', template.claimFromMs === null ? null : timeText(template.claimFromMs)),
    ...set('claimUntil', template.claimUntilMs === null ? null : timeText(template.claimUntilMs)),
    perUserLimit: template.perUserLimit,
    limitCounts: template.limitCounts ?? 'all',
    distribution: template.distribution,
    status: shownStatus(template, nowMs),
  };
}

/** `warnings`, where there are any: what is allowed and yet looks like a slip. */
export function operatorTemplateJson(template: Template, nowMs: number) {
  const warnings = discountWarnings(template.discount);
  return {
    ...publicFields(template, nowMs),
    productLine: template.productLine,
    codeKind: template.codeKind,
    stock: template.total,
    partitions: template.partitions,
    ...set('code', template.code),
    ...set('audience', template.audience),
    createdAt: timeText(template.createdAtMs),
    ...set('publishedAt', template.publishedAtMs === null ? null : timeText(template.publishedAtMs)),
    ...(template.useSuspended === true ? { useSuspended: true } : {}),
    version: template.version,
    ...set('warnings', warnings.length === 0 ? null : warnings),
  };
}

/** `remaining`: units that can still be claimed from the template's general pool. */
export function publicTemplateJson(template: Template, nowMs: number, remaining: number) {
  return { ...publicFields(template, nowMs), remaining };
}

function set(name: string, value: unknown): Record<string, unknown> {
  return value === null ? {} : { [name]: value };
}
