/** Templates and activities as the store keeps them. */
import type { Activity, Template } from '../../src/domain/template.ts';

export function template(changes: Partial<Template> = {}): Template {
  return {
    id: 0,
    name: 'Autumn 10 off',
    intro: null,
    logo: null,
    productLine: 7,
    codeKind: 3,
    currency: 'CNY',
    discount: { kind: 'instant', off: 1000 },
    scope: { all: true },
    stacking: null,
    measure: 'remaining',
    validity: { daysAfterClaim: 30 },
    claimFromMs: null,
    claimUntilMs: null,
    total: 1000,
    perUserLimit: 1,
    distribution: 'claim',
    partitions: 1,
    code: null,
    audience: null,
    status: 'published',
    createdAtMs: 1_790_000_000_000,
    publishedAtMs: 1_790_000_000_500,
    version: 1,
    ...changes,
  };
}

export function activity(changes: Partial<Activity> = {}): Activity {
  return {
    id: 1,
    templateId: 1,
    name: 'Noon',
    stock: 100,
    startsAtMs: 1_790_000_000_000,
    endsAtMs: 1_790_000_900_000,
    perUserLimit: 1,
    status: 'active',
    createdAtMs: 1_790_000_000_000,
    version: 1,
    ...changes,
  };
}
