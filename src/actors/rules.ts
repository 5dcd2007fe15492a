/** What an actor must know of a template and its activities to decide a claim: sent to owners whenever it changes. */
import type { Activity, Template } from '../domain/template.ts';

export interface PoolRules {
  /** 0 is the general pool. */
  readonly activityId: number;
  readonly perUserLimit: number;
  /** Claims are taken in [fromMs, untilMs); infinite where the template sets no window. */
  readonly fromMs: number;
  readonly untilMs: number;
}

export interface TemplateRules {
  readonly templateId: number;
  readonly version: number;
  readonly partitions: number;
  readonly published: boolean;
  /** False when coupons of this template are only granted. */
  readonly claimable: boolean;
  readonly perUserLimit: number;
  readonly audience: readonly string[] | null;
  readonly pools: readonly PoolRules[];
}

export function rulesOf(template: Template, activities: readonly Activity[]): TemplateRules {
  const fromMs = template.claimFromMs ?? Number.NEGATIVE_INFINITY;
  // A coupon that could never be used is not handed out: the end of a fixed validity ends the claiming too.
  const usableUntilMs = 'untilMs' in template.validity ? template.validity.untilMs : Number.POSITIVE_INFINITY;
  const untilMs = Math.min(template.claimUntilMs ?? Number.POSITIVE_INFINITY, usableUntilMs);
  return {
    templateId: template.id,
    version: template.version,
    partitions: template.partitions,
    published: template.status === 'published',
    claimable: template.distribution !== 'grant',
    perUserLimit: template.perUserLimit,
    audience: template.audience?.userIds ?? null,
    pools: [
      { activityId: 0, perUserLimit: template.perUserLimit, fromMs, untilMs },
      ...activities.map((activity) => ({
        activityId: activity.id,
        perUserLimit: activity.perUserLimit,
        fromMs: activity.startsAtMs,
        // A stopped activity is over, whatever its window said.
        untilMs:
          activity.status === 'stopped'
            ? Number.NEGATIVE_INFINITY
            : Math.min(activity.endsAtMs, usableUntilMs),
      })),
    ],
  };
}
