/** Wallets, single coupons and their codes. What is another's looks like what is not there. */
import type { TemplateView } from '../claims/template-view.ts';
import type { CouponRow, CouponStatus, WalletQuery } from '../ports.ts';
import type { CouponEvent } from '../ports-coupons.ts';
import { ok, type Problem, problem, type Result, refused } from '../problems.ts';
import { statusOf, type Wallet } from '../wallet/wallet.ts';

export interface CouponReads {
  readonly wallet: Pick<Wallet, 'page' | 'coupon'>;
  readonly template: (templateId: number) => TemplateView | undefined;
  /** What became of a coupon after its claim. */
  readonly history: (couponId: number) => Promise<readonly CouponEvent[]>;
  /** Of a code as somebody typed it, or null. */
  readonly couponOfCode: (code: string) => number | null;
}

export interface SeenCoupon {
  readonly coupon: CouponRow;
  /** Of its template. */
  readonly name: string | undefined;
  readonly status: CouponStatus;
  /** What holds it, where something does: a lapsed lock holds nothing. */
  readonly orderId: string | null;
  readonly lockedUntilMs: number | null;
}

/** `coupon` with what operators are told besides: all that became of it, its claim first. */
export type CouponLife = SeenCoupon & { readonly history: readonly CouponStep[] };

export type CouponStep = Pick<CouponEvent, 'kind' | 'sequence' | 'atMs' | 'redemptionId' | 'detail'>;

export interface WalletPage {
  readonly items: readonly SeenCoupon[];
  /** `after` of the next page; null when there is none. */
  readonly next: WalletQuery['after'];
}

/** Newest first. `status` null: all. */
export async function walletPage(reads: CouponReads, query: WalletQuery): Promise<WalletPage> {
  const { limit, nowMs } = query;
  const found = await reads.wallet.page({ ...query, limit: limit + 1 });
  const items = found.slice(0, limit).map((coupon) => seen(reads, coupon, nowMs));
  const last = items.at(-1)?.coupon;
  const isMore = found.length > limit && last !== undefined;
  return { items, next: isMore ? { claimedAtMs: last.claimedAtMs, couponId: last.couponId } : null };
}

/** For the user who holds it. */
export async function ownCoupon(
  reads: CouponReads,
  couponId: number,
  userId: string,
  nowMs: number,
): Promise<Result<SeenCoupon>> {
  const coupon = await reads.wallet.coupon(couponId);
  if (coupon === null || coupon.userId !== userId) return { ok: false, problem: NO_COUPON };
  return ok(seen(reads, coupon, nowMs));
}

/** For operators, whoever holds it. */
export async function couponLife(
  reads: CouponReads,
  couponId: number,
  nowMs: number,
): Promise<Result<CouponLife>> {
  const coupon = await reads.wallet.coupon(couponId);
  if (coupon === null) return { ok: false, problem: NO_COUPON };
  const atMs = coupon.claimedAtMs;
  const claim = { kind: 'claimed', sequence: 1, atMs, redemptionId: null, detail: null } as const;
  return ok({
    ...seen(reads, coupon, nowMs),
    history: [claim, ...(await reads.history(couponId))],
  });
}

/** For operators. A code that nobody has claimed yet is a coupon that is not there. */
export async function couponOfCode(
  reads: CouponReads,
  code: string,
  nowMs: number,
): Promise<Result<CouponLife>> {
  const couponId = reads.couponOfCode(code);
  return couponId === null
    ? refused('not_found', 'There is no such code.')
    : couponLife(reads, couponId, nowMs);
}

export const NO_COUPON: Problem = problem('not_found', 'There is no such coupon.');

function seen({ template }: CouponReads, coupon: CouponRow, nowMs: number): SeenCoupon {
  const status = statusOf(coupon, nowMs);
  const isHeld = status === 'locked' || status === 'used';
  return {
    coupon,
    name: template(coupon.templateId)?.template.name,
    status,
    orderId: isHeld ? (coupon.orderId ?? null) : null,
    lockedUntilMs: isHeld ? (coupon.lockedUntilMs ?? null) : null,
  };
}
