/** For what a quote is refused whole. */
import type { AskedCoupon, Order, RefusalCode } from './reference-order.ts';

const AMOUNT_MAX = 2n ** 53n - 1n;

export function currenciesOf(coupons: readonly AskedCoupon[]): string[] {
  const currencies = new Set<string>();
  for (const coupon of coupons) if (coupon.state !== 'not_found') currencies.add(coupon.rule.currency);
  return [...currencies];
}

export function faultsOf(order: Order, coupons: readonly AskedCoupon[]): RefusalCode[] {
  const codes: RefusalCode[] = [];

  let isReadable = Number.isInteger(order.shippingFee) && order.shippingFee >= 0;
  for (const line of order.lines) {
    if (!Number.isInteger(line.price) || line.price < 0) isReadable = false;
    if (!Number.isInteger(line.quantity) || line.quantity < 1) isReadable = false;
  }
  const isCounted = order.lines.length >= 1 && order.lines.length <= 500 && coupons.length <= 50;
  const isOneCurrency = order.currency !== null || currenciesOf(coupons).length <= 1;
  if (!isReadable || !isCounted || !isOneCurrency) codes.push('invalid_request');

  const ids = new Set(coupons.map((coupon) => coupon.couponId));
  if (ids.size < coupons.length) codes.push('duplicate_coupon');

  if (isReadable) {
    let total = BigInt(order.shippingFee);
    for (const line of order.lines) total += BigInt(line.price) * BigInt(line.quantity);
    if (total > AMOUNT_MAX) codes.push('amount_too_large');
  }
  return codes;
}
