/** What an actor must know of a template and its activities to decide a claim: sent to owners whenever it changes. */
import { type ClaimWindow, claimWindowOf } from '../domain/claim-window.ts';
import type { Activity, Template } from '../domain/template.ts';
import { Verdict } from './verdict.ts';

export interface PoolRules {
  /** 0 is the general pool. */
  readonly activityId: number;
  readonly perUserLimit: number;
  /**
   * Claims are taken in [fromMs, untilMs), of an activity too only while its template takes any; infinite where the
   * template sets no window. Of a pool that takes no claims at any time both are -Infinity.
   */
  readonly fromMs: number;
  readonly untilMs: number;
}

export interface TemplateRules {
  readonly templateId: number;
  readonly version: number;
  readonly partitions: number;
  readonly published: boolean;
  /** False when nobody may claim, whatever the time: coupons of this template are only granted, or nobody is invited. */
  readonly claimable: boolean;
  readonly perUserLimit: number;
  /** A refusal for a limit is not the last word: coupons that are used, expired or voided do not count. */
  readonly countsUsable: boolean;
  readonly audience: readonly string[] | null;
  readonly pools: readonly PoolRules[];
}

const NEVER: ClaimWindow = { fromMs: Number.NEGATIVE_INFINITY, untilMs: Number.NEGATIVE_INFINITY };

export function rulesOf(template: Template, activities: readonly Activity[]): TemplateRules {
  const window = claimWindowOf(template);
  return {
    templateId: template.id,
    version: template.version,
    partitions: template.partitions,
    published: template.status === 'published',
    claimable: template.distribution !== 'grant' && template.audience?.userIds.length !== 0,
    perUserLimit: template.perUserLimit,
    countsUsable: template.limitCounts === 'usable',
    audience: template.audience?.userIds ?? null,
    pools: [
      { activityId: 0, perUserLimit: template.perUserLimit, ...window },
      ...activities.map((activity) => ({
        activityId: activity.id,
        perUserLimit: activity.perUserLimit,
        ...windowOf(activity, window),
      })),
    ],
  };
}

/** What the template's window leaves of an activity's. A stopped one is over, whatever its window says. */
function windowOf({ status, startsAtMs, endsAtMs }: Activity, within: ClaimWindow): ClaimWindow {
  const fromMs = Math.max(startsAtMs, within.fromMs);
  const untilMs = Math.min(endsAtMs, within.untilMs);
  return status === 'active' && fromMs < untilMs ? { fromMs, untilMs } : NEVER;
}

/**
 * What everybody who holds nothing of the pool is told, whoever it is and whatever is left; 0: claims are taken. What
 * an actor decides, what the ingress answers and what readers are told of an activity's state all come from here.
 */
export function refusesAll(rules: TemplateRules, pool: PoolRules, nowMs: number): number {
  if (!rules.published) return Verdict.notActive;
  if (nowMs < pool.fromMs) return Verdict.notStarted;
  if (nowMs >= pool.untilMs) return Verdict.ended;
  return rules.claimable ? 0 : Verdict.notEligible;
}
