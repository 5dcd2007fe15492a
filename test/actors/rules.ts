/** Rules of templates as tests need them: open to everybody unless a test says otherwise. */
import type { PoolRules, TemplateRules } from '../../src/actors/rules.ts';

export const TEMPLATE = 5;

export function poolRules(changes: Partial<PoolRules> = {}): PoolRules {
  return {
    activityId: 0,
    perUserLimit: 1,
    fromMs: Number.NEGATIVE_INFINITY,
    untilMs: Number.POSITIVE_INFINITY,
    ...changes,
  };
}

export function templateRules(changes: Partial<TemplateRules> = {}): TemplateRules {
  const perUserLimit = changes.perUserLimit ?? 1;
  return {
    templateId: TEMPLATE,
    version: 1,
    partitions: 1,
    published: true,
    claimable: true,
    perUserLimit,
    countsUsable: false,
    audience: null,
    pools: [poolRules({ perUserLimit })],
    ...changes,
  };
}
