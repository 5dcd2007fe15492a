/** Orders and coupons in few words: everything not said is of no matter to the test. */
import { couponId, templateOfCoupon } from '../../../src/domain/coupon-id.ts';
import type { CouponRule, Order, OrderLine, QuoteCoupon } from '../../../src/domain/quote/order.ts';
import { type Quote, quote } from '../../../src/domain/quote/quote.ts';
import type { Discount } from '../../../src/domain/template.ts';

export const NOW_MS = 1_000;

/** Of a coupon: by its template and serial. */
export const id = (templateId: number, serial = 0) => couponId(templateId, serial);

export function line(goodsId: string, price: number, quantity = 1, ...categoryIds: string[]): OrderLine {
  return { goodsId, categoryIds, price, quantity };
}

export function order(lines: readonly OrderLine[], shippingFee = 0, currency: string | null = null): Order {
  return { currency, lines, shippingFee };
}

type Changes = Partial<Omit<QuoteCoupon, 'rule'> & CouponRule>;

export function coupon(couponId: number, discount: Discount, changes: Changes = {}): QuoteCoupon {
  const { currency, scope, stacking, measure, ...rest } = changes;
  return {
    couponId,
    templateId: templateOfCoupon(couponId),
    state: 'usable',
    isSuspended: false,
    validFromMs: 0,
    validUntilMs: 1_000_000,
    rule: {
      currency: currency ?? 'CNY',
      discount,
      scope: scope ?? { all: true },
      stacking: stacking ?? null,
      measure: measure ?? 'remaining',
    },
    ...rest,
  };
}

/** One tier per pair [spend, off]. */
export function threshold(...tiers: readonly (readonly [number, number])[]): Discount {
  return { kind: 'threshold', tiers: tiers.map(([spend, off]) => ({ spend, off })) };
}

export function instant(off: number, minSpend?: number): Discount {
  return minSpend === undefined ? { kind: 'instant', off } : { kind: 'instant', off, minSpend };
}

export function percent(rate: number, more: { minSpend?: number; maxOff?: number } = {}): Discount {
  return { kind: 'percent', rate, ...more };
}

export function shipping(more: { minSpend?: number; maxOff?: number } = {}): Discount {
  return { kind: 'shipping', ...more };
}

/** Where a refusal would be a mistake of the test. */
export function quoted(...given: Parameters<typeof quote>): Quote {
  const result = quote(...given);
  if (result.kind === 'refused') throw new Error(result.detail);
  return result;
}
