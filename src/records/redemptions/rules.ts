/** Rules of templates as they stand in the database; parsed ones are kept for as long as they are what stands there. */
import { type CouponRule, couponRuleOf, type QuoteCoupon } from '../../domain/quote/order.ts';
import type { Template } from '../../domain/template.ts';
import type { StoredCoupon } from './coupon-moves.ts';
import { type Dialect, places, rows, type Steps } from './steps.ts';

interface KeptRule {
  readonly version: string;
  readonly rule: CouponRule;
  readonly isSuspended: boolean;
}

/** Kept templates; those asked for longest ago go first. */
const KEPT_MAX = 10_000;

export class TemplateRules {
  private readonly kept = new Map<number, KeptRule>();

  /** Of templates that are there. */
  *of(db: Dialect, templateIds: readonly number[]): Steps<ReadonlyMap<number, KeptRule>> {
    const found = new Map<number, KeptRule>();
    if (templateIds.length === 0) return found;
    const ids = [...new Set(templateIds)];
    const versions = yield* rows(
      `SELECT id, ${db.templateVersion} FROM templates WHERE id IN (${places(ids.length)})`,
      ids,
    );
    const stale: number[] = [];
    for (const [id, version] of versions) {
      const kept = this.kept.get(Number(id));
      if (kept !== undefined && kept.version === String(version)) found.set(Number(id), kept);
      else stale.push(Number(id));
    }
    if (stale.length === 0) return found;
    const bodies = yield* rows(
      `SELECT id, ${db.templateVersion}, body FROM templates WHERE id IN (${places(stale.length)})`,
      stale,
    );
    for (const [id, version, body] of bodies) {
      const template = JSON.parse(String(body)) as Template;
      const kept: KeptRule = {
        version: String(version),
        rule: couponRuleOf(template),
        isSuspended: template.useSuspended === true,
      };
      this.kept.set(Number(id), kept);
      found.set(Number(id), kept);
    }
    for (const oldest of this.kept.keys()) {
      if (this.kept.size <= KEPT_MAX) break;
      this.kept.delete(oldest);
    }
    return found;
  }
}

/** What a quote needs of a coupon. */
export function quoteCoupon(coupon: StoredCoupon, rules: ReadonlyMap<number, KeptRule>): QuoteCoupon {
  const { couponId, templateId, state, validFromMs, validUntilMs } = coupon;
  const kept = rules.get(templateId);
  if (kept === undefined)
    throw new Error(`coupon ${couponId} is of template ${templateId}, which is not there`);
  const { rule, isSuspended } = kept;
  return { couponId, templateId, state, isSuspended, validFromMs, validUntilMs, rule };
}
