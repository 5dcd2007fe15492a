/**
 * A user's coupons: what the record store has, together with what was acknowledged and is not flushed yet.
 *
 * The second part is read from the owners' shared tables, but only of templates that have durable claims beyond their
 * stored rows. Memory is looked at before the store is asked: a claim flushed in between is then seen twice and merged,
 * never missed.
 */
import { partitionOf } from '../actors/placement.ts';
import { couponCodeText, heldSerials } from '../claims/claim-text.ts';
import type { TemplateView } from '../claims/template-view.ts';
import { couponId, serialOfCoupon, templateOfCoupon } from '../domain/coupon-id.ts';
import { validityOf } from '../domain/template.ts';
import { parseUserId } from '../domain/user-id.ts';
import type { CouponRow, CouponStatus, RecordStore, WalletQuery } from '../ports.ts';

export interface WalletOptions {
  readonly store: Pick<RecordStore, 'wallet' | 'coupon'>;
  readonly templates: () => Iterable<TemplateView>;
  readonly template: (templateId: number) => TemplateView | undefined;
}

/** Decided on read: a usable coupon whose time has passed is expired. */
export function statusOf(coupon: CouponRow, nowMs: number): CouponStatus {
  return coupon.state === 'usable' && coupon.validUntilMs <= nowMs ? 'expired' : coupon.state;
}

export class Wallet {
  private readonly options: WalletOptions;

  constructor(options: WalletOptions) {
    this.options = options;
  }

  /** One page, newest first. */
  async page(query: WalletQuery): Promise<CouponRow[]> {
    const fresh = this.unflushed(query.userId).filter((coupon) => matches(coupon, query));
    const stored = await this.options.store.wallet(query);
    const known = new Set(stored.map((coupon) => coupon.couponId));
    const all = [...stored, ...fresh.filter((coupon) => !known.has(coupon.couponId))];
    return all.sort(newestFirst).slice(0, query.limit);
  }

  /** A coupon by its id, whoever holds it. */
  async coupon(id: number): Promise<CouponRow | null> {
    const stored = await this.options.store.coupon(id);
    if (stored !== null) return stored;
    const view = this.options.template(templateOfCoupon(id));
    const serial = serialOfCoupon(id);
    if (view === undefined || serial >= view.template.total || !view.units.isClaimed(serial)) return null;
    const userId = holderOf(view, serial);
    return userId === null ? null : rowOf(view, serial, userId);
  }

  /** How many coupons of a template, and of one of its pools, the user holds. */
  held(view: TemplateView, userId: string): Map<number, number> {
    const counts = new Map<number, number>();
    for (const serial of serialsOf(view, userId)) {
      const activityId = view.units.activityId(serial);
      counts.set(activityId, (counts.get(activityId) ?? 0) + 1);
    }
    return counts;
  }

  private unflushed(userId: string): CouponRow[] {
    const rows: CouponRow[] = [];
    for (const view of this.options.templates()) {
      if (view.claimedUnits <= view.flushed) continue;
      for (const serial of serialsOf(view, userId)) rows.push(rowOf(view, serial, userId));
    }
    return rows;
  }
}

const words = new Uint32Array(2);

function serialsOf(view: TemplateView, userId: string): number[] {
  if (!parseUserId(userId, words)) return [];
  const [lo, hi] = words;
  const { users } = view.actors[partitionOf(lo, hi, view.actors.length)];
  return users === null ? [] : heldSerials(view, users.newestAnyway(lo, hi));
}

/** Who holds a unit that is not flushed yet: the tables are keyed by user, so this walks them. For single look-ups. */
function holderOf(view: TemplateView, serial: number): string | null {
  for (const { users } of view.actors) {
    const holder = users?.holderOf(serial, (newer) => view.units.previous(newer));
    if (holder !== null && holder !== undefined) return holder;
  }
  return null;
}

function rowOf(view: TemplateView, serial: number, userId: string): CouponRow {
  const claimedAtMs = view.units.claimedAtMs(serial);
  const { fromMs, untilMs } = validityOf(view.template, claimedAtMs);
  const activityId = view.units.activityId(serial);
  return {
    couponId: couponId(view.template.id, serial),
    userId,
    templateId: view.template.id,
    activityId: activityId === 0 ? null : activityId,
    code: couponCodeText(view, serial),
    claimedAtMs,
    validFromMs: fromMs,
    validUntilMs: untilMs,
    state: 'usable',
  };
}

function matches(coupon: CouponRow, query: WalletQuery): boolean {
  if (query.status !== null && statusOf(coupon, query.nowMs) !== query.status) return false;
  return query.after === null || newestFirst(query.after, coupon) < 0;
}

type Place = Pick<CouponRow, 'claimedAtMs' | 'couponId'>;

function newestFirst(a: Place, b: Place): number {
  return b.claimedAtMs - a.claimedAtMs || b.couponId - a.couponId;
}
