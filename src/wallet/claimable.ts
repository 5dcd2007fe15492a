/** What a user may claim now and how often still; of the rest, on request, why not. */
import { refusesAll } from '../actors/rules.ts';
import { refusalOf } from '../actors/verdict.ts';
import type { PoolView, TemplateView } from '../claims/template-view.ts';
import type { ProblemCode } from '../problems.ts';

export interface Claimable {
  readonly view: TemplateView;
  readonly pool: PoolView;
  /** Claims the limits leave this user in this pool. */
  readonly left: number;
  /** What a new claim of the user would be told; null: it is taken. */
  readonly reason: ProblemCode | null;
}

export interface PoolPlace {
  readonly templateId: number;
  /** 0 is the general pool. */
  readonly activityId: number;
}

export interface ClaimableQuery {
  readonly userId: string;
  readonly nowMs: number;
  /** With what the user may not claim. */
  readonly all: boolean;
  /** Where the page before ended. */
  readonly after: PoolPlace | null;
  readonly limit: number;
}

export interface ClaimablePage {
  readonly items: readonly Claimable[];
  readonly next: PoolPlace | null;
}

/**
 * The user's coupons per pool of a template, as far as the limits count them. Pools of which there are none are left out;
 * one whose coupons do not count any more is there, with 0: its holder knows the template all the same.
 */
export type Held = (view: TemplateView) => ReadonlyMap<number, number>;

/** Newest template first, and of each its newest activity first. Looks no further than the page goes. */
export function claimablePage(
  views: Iterable<TemplateView>,
  held: Held,
  query: ClaimableQuery,
): ClaimablePage {
  const { after, limit } = query;
  const isBeyond = (view: TemplateView): boolean => after === null || view.template.id <= after.templateId;
  const newestFirst = [...views].filter(isBeyond).sort((a, b) => b.template.id - a.template.id);
  const items: Claimable[] = [];
  for (const view of newestFirst) {
    for (const item of claimableOf(view, held, query)) {
      if (after !== null && !isAfter(placeOf(item), after)) continue;
      if (items.length === limit) return { items, next: placeOf(items.at(-1)!) };
      items.push(item);
    }
  }
  return { items, next: null };
}

/**
 * Whom a template is not for is not told of it, by no list and for no reason: whom a shop invites, and that it does, is
 * not everybody's business. Who holds a coupon of it knows it already, and is told like anybody.
 */
function claimableOf(view: TemplateView, held: Held, { userId, nowMs, all }: ClaimableQuery): Claimable[] {
  const { rules, template } = view;
  // Hidden from everybody.
  if (template.status === 'deleted') return [];
  const isFor = rules.claimable && (rules.audience === null || rules.audience.includes(userId));
  const judged = [...view.pools.values()]
    .map((pool) => ({ pool, verdict: refusesAll(rules, pool.rules, nowMs) }))
    .sort((a, b) => b.pool.rules.activityId - a.pool.rules.activityId);
  if (!all && (!isFor || judged.every(({ pool, verdict }) => verdict !== 0 || pool.soldOut))) return [];
  const counts = held(view);
  if (!isFor && counts.size === 0) return [];
  let inAll = 0;
  for (const count of counts.values()) inAll += count;
  return judged
    .map(({ pool, verdict }): Claimable => {
      const inPool = counts.get(pool.rules.activityId) ?? 0;
      const left = Math.max(0, Math.min(pool.rules.perUserLimit - inPool, rules.perUserLimit - inAll));
      return { view, pool, left, reason: reasonOf(pool, verdict, isFor, left) };
    })
    .filter(({ reason }) => all || reason === null);
}

/** In the order in which a claim is judged (actors/template-actor.ts). */
function reasonOf(pool: PoolView, verdict: number, isFor: boolean, left: number): ProblemCode | null {
  if (verdict !== 0) return refusalOf(verdict);
  if (!isFor) return 'not_eligible';
  if (left === 0) return 'limit_reached';
  return pool.soldOut ? 'sold_out' : null;
}

function placeOf({ view, pool }: Claimable): PoolPlace {
  return { templateId: view.template.id, activityId: pool.rules.activityId };
}

function isAfter(place: PoolPlace, after: PoolPlace): boolean {
  if (place.templateId !== after.templateId) return place.templateId < after.templateId;
  return place.activityId < after.activityId;
}
