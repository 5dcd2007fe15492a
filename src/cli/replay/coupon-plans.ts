/** First pass over the receipts: what each coupon takes off and how many users received it. */
import { NOTATION, type ReadDiscount, readDiscount } from '../../domain/discount-notation.ts';
import type { Receipt, SkippedRow } from './receipts.ts';

export interface CouponPlan {
  readonly discount: ReadDiscount;
  /** Distinct. */
  readonly users: number;
}

interface Draft {
  readonly discount: ReadDiscount;
  readonly firstRow: number;
  readonly users: Set<string>;
}

/** `decimals`: of the currency the amounts are in. */
export async function planCoupons(
  runs: AsyncIterable<readonly Receipt[]>,
  onSkipped: (skipped: SkippedRow) => void,
  decimals = 2,
): Promise<Map<string, CouponPlan>> {
  const drafts = new Map<string, Draft>();
  for await (const run of runs) {
    for (const { row, couponId, userId, discount: text } of run) {
      const discount = readDiscount(text, decimals);
      if (discount.kind === 'unreadable') {
        const given = JSON.stringify(text.slice(0, 40));
        onSkipped({ row, reason: `Discount_rate ${given} ${discount.problem}; allowed: ${NOTATION}` });
        continue;
      }
      let draft = drafts.get(couponId);
      if (draft === undefined) {
        draft = { discount, firstRow: row, users: new Set() };
        drafts.set(couponId, draft);
      }
      if (!same(draft.discount, discount)) {
        onSkipped({
          row,
          reason: `Discount_rate ${text} is not that of the same coupon in row ${draft.firstRow}`,
        });
        continue;
      }
      draft.users.add(userId);
    }
  }
  return new Map(
    [...drafts].map(([couponId, { discount, users }]) => [couponId, { discount, users: users.size }]),
  );
}

/** Whether the first pass counted this receipt: the second claims exactly those. */
export function isPlanned(plans: ReadonlyMap<string, CouponPlan>, receipt: Receipt, decimals = 2): boolean {
  const plan = plans.get(receipt.couponId);
  const discount = readDiscount(receipt.discount, decimals);
  return plan !== undefined && discount.kind !== 'unreadable' && same(plan.discount, discount);
}

function same(one: ReadDiscount, other: ReadDiscount): boolean {
  if (one.kind === 'percent') return other.kind === 'percent' && one.rate === other.rate;
  return (
    other.kind === 'threshold' &&
    one.tiers[0].spend === other.tiers[0].spend &&
    one.tiers[0].off === other.tiers[0].off
  );
}
