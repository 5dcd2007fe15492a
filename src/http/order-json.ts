/** Quotes and redemptions as JSON. */
import { timeText } from '../catalog/fields.ts';
import type { Quote } from '../domain/quote/quote.ts';
import type { Quoted } from '../operations/quotes.ts';
import type { Redemption, ReturnReceipt, Usage } from '../ports-coupons.ts';

export function quoteJson(quote: Quote) {
  const { currency, original, discount, shippingDiscount, payable, coupons, lines } = quote;
  return {
    ...(currency === null ? {} : { currency }),
    original,
    discount,
    shippingDiscount,
    payable,
    coupons: coupons.map(({ couponId, off, lineOffs, reason, missing, excludedBy }) => ({
      couponId: String(couponId),
      ...(reason === null ? { off, lines: lineOffs } : { reason }),
      ...(missing === undefined ? {} : { missing }),
      ...(excludedBy === undefined ? {} : { excludedBy: String(excludedBy) }),
    })),
    items: lines,
  };
}

export function quotedJson({ quote, best }: Quoted) {
  const json = quoteJson(quote);
  if (best === null) return json;
  return { ...json, optimal: best.optimal, ...(best.optimal ? {} : { lowerBound: best.lowerBound }) };
}

export function redemptionJson(redemption: Redemption) {
  const { redemptionId, userId, orderId, state, usedAtMs, endedAtMs, frozen, returned } = redemption;
  return {
    redemptionId: String(redemptionId),
    userId,
    orderId,
    state,
    verified: redemption.isVerified,
    lockedAt: timeText(redemption.lockedAtMs),
    lockedUntil: timeText(redemption.lockedUntilMs),
    ...(usedAtMs === null ? {} : { usedAt: timeText(usedAtMs) }),
    ...(endedAtMs === null ? {} : { endedAt: timeText(endedAtMs) }),
    quote: quoteJson(frozen.quote),
    ...(returned.units.some((units) => units > 0)
      ? {
          returned: {
            items: returned.units,
            refunded: returned.refunded,
            shippingRefunded: returned.shippingRefunded,
          },
        }
      : {}),
  };
}

export function receiptJson(receipt: ReturnReceipt) {
  const { refund, shippingRefund, exact, recheck, shortfall, couponsRestored } = receipt;
  return {
    refund,
    shippingRefund,
    exact,
    ...(recheck === null ? {} : { recheck }),
    shortfall,
    couponsRestored,
  };
}

export function usageJson(usage: Usage) {
  return {
    redemptionId: String(usage.redemptionId),
    couponId: String(usage.couponId),
    userId: usage.userId,
    templateId: String(usage.templateId),
    orderId: usage.orderId,
    original: usage.original,
    discount: usage.discount,
    final: usage.final,
    usedAt: timeText(usage.usedAtMs),
    ...(usage.revertedAtMs === null ? {} : { revertedAt: timeText(usage.revertedAtMs) }),
  };
}
