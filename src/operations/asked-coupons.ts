/** The coupons somebody wants an order quoted with, as a quote wants to see them. */
import { type AskedCoupon, couponRuleOf, type QuoteCoupon } from '../domain/quote/order.ts';
import type { Template } from '../domain/template.ts';
import type { CouponRow } from '../ports.ts';
import { statusOf, type Wallet } from '../wallet/wallet.ts';

/** Wallet rows looked at for "best" at most; who has more is told that the answer may not be the best. */
export const BEST_WALLET_MAX = 2_000;
const PAGE = 200;

export interface CouponsOptions {
  readonly wallet: Pick<Wallet, 'coupon' | 'page'>;
  /** Also of templates that are deleted: what is held of them lives on. */
  readonly template: (templateId: number) => Template | undefined;
}

/** In the order asked; what is another's looks like what is not there. */
export function askedCoupons(
  { wallet, template }: CouponsOptions,
  userId: string,
  couponIds: readonly number[],
  nowMs: number,
): Promise<AskedCoupon[]> {
  return Promise.all(
    couponIds.map(async (couponId): Promise<AskedCoupon> => {
      const row = await wallet.coupon(couponId);
      if (row === null || row.userId !== userId) return { couponId, state: 'not_found' };
      return quoteCoupon(row, mustBe(template(row.templateId)), nowMs);
    }),
  );
}

/** All of a user's usable coupons, as many as are looked at. */
export async function usableCoupons(
  { wallet, template }: CouponsOptions,
  userId: string,
  nowMs: number,
): Promise<{ readonly coupons: QuoteCoupon[]; readonly isWhole: boolean }> {
  const coupons: QuoteCoupon[] = [];
  let after: { claimedAtMs: number; couponId: number } | null = null;
  for (;;) {
    const page: CouponRow[] = await wallet.page({ userId, status: 'usable', nowMs, after, limit: PAGE });
    for (const row of page) coupons.push(quoteCoupon(row, mustBe(template(row.templateId)), nowMs));
    if (page.length < PAGE) return { coupons, isWhole: true };
    if (coupons.length >= BEST_WALLET_MAX) return { coupons, isWhole: false };
    const { claimedAtMs, couponId }: CouponRow = page.at(-1)!;
    after = { claimedAtMs, couponId };
  }
}

function quoteCoupon(row: CouponRow, template: Template, nowMs: number): QuoteCoupon {
  const { couponId, templateId, validFromMs, validUntilMs } = row;
  return {
    couponId,
    templateId,
    state: statusOf(row, nowMs),
    isSuspended: template.useSuspended === true,
    validFromMs,
    validUntilMs,
    rule: couponRuleOf(template),
  };
}

/** Coupons are of templates that are in the catalog. */
function mustBe(template: Template | undefined): Template {
  if (template === undefined) throw new Error('a coupon is of a template that is not in the catalog');
  return template;
}
