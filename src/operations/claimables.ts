/** The pools of which a user may claim now, page by page; on request the others too, each with what stands against it. */
import type { TemplateView } from '../claims/template-view.ts';
import { couponId, serialOfCoupon, templateOfCoupon } from '../domain/coupon-id.ts';
import type { Template } from '../domain/template.ts';
import type { ProblemCode } from '../problems.ts';
import { type Claimable, type ClaimableQuery, claimablePage, type PoolPlace } from '../wallet/claimable.ts';
import type { Wallet } from '../wallet/wallet.ts';

export interface ClaimableReads {
  readonly wallet: Pick<Wallet, 'caughtUp' | 'held' | 'heldSerials'>;
  readonly templates: () => Iterable<TemplateView>;
  /** Units still to be claimed from the template's general pool (activityId 0) or from an activity. */
  readonly remaining: (templateId: number, activityId: number) => number;
  /** Of these coupons, those that are used, expired or voided. Rejects with `Unavailable`. */
  readonly spent: (couponIds: readonly number[], nowMs: number) => Promise<readonly number[]>;
}

export interface ClaimablePool {
  readonly template: Template;
  /** Null: the general pool. */
  readonly activityId: number | null;
  /** What a new claim would be told; null: it is taken. */
  readonly reason: ProblemCode | null;
  /** Claims this user may still make in this pool, as far as the limits go. */
  readonly claimsLeft: number;
  readonly remaining: number;
  /** When it begins to take claims, and when it takes no more; null: it says nothing of it. */
  readonly fromMs: number | null;
  readonly untilMs: number | null;
}

export interface ClaimablePoolsPage {
  readonly items: readonly ClaimablePool[];
  /** `after` of the next page; null when there is none. */
  readonly next: PoolPlace | null;
}

/** Newest template first; pools of one template by activity, the newest first. */
export async function claimables(reads: ClaimableReads, query: ClaimableQuery): Promise<ClaimablePoolsPage> {
  const { wallet, templates, remaining } = reads;
  const views = [...templates()];
  await wallet.caughtUp(query.userId);
  const spent = await spentByPool(reads, views, query);
  const held = (view: TemplateView): ReadonlyMap<number, number> => {
    const counts = wallet.held(view, query.userId);
    for (const [activityId, count] of spent.get(view.template.id) ?? [])
      counts.set(activityId, Math.max(0, (counts.get(activityId) ?? 0) - count));
    return counts;
  };
  const { items, next } = claimablePage(views, held, query);
  const shown = ({ view: { template }, pool: { rules }, left, reason }: Claimable): ClaimablePool => ({
    template,
    activityId: rules.activityId === 0 ? null : rules.activityId,
    reason,
    claimsLeft: left,
    remaining: remaining(template.id, rules.activityId),
    fromMs: Number.isFinite(rules.fromMs) ? rules.fromMs : null,
    untilMs: Number.isFinite(rules.untilMs) ? rules.untilMs : null,
  });
  return { items: items.map(shown), next };
}

/** Coupons of the user that limits do not count, by template and activity: those of all templates in one question. */
async function spentByPool(
  { wallet, spent }: ClaimableReads,
  views: readonly TemplateView[],
  { userId, nowMs }: ClaimableQuery,
): Promise<Map<number, Map<number, number>>> {
  const counting = new Map(
    views.filter(({ rules }) => rules.countsUsable).map((view) => [view.template.id, view]),
  );
  const ids = [...counting].flatMap(([templateId, view]) =>
    wallet.heldSerials(view, userId).map((serial) => couponId(templateId, serial)),
  );
  const found = new Map<number, Map<number, number>>();
  for (const id of ids.length === 0 ? [] : await spent(ids, nowMs)) {
    const templateId = templateOfCoupon(id);
    const counts = found.get(templateId) ?? new Map<number, number>();
    const activityId = counting.get(templateId)!.units.activityId(serialOfCoupon(id));
    found.set(templateId, counts.set(activityId, (counts.get(activityId) ?? 0) + 1));
  }
  return found;
}
