/**
 * What is quoted: an order and the coupons asked for, and what is refused about them as a whole. Money is in minor
 * units, times are milliseconds since the epoch. Fields are named as callers send them (items, couponIds).
 */
import { ORDER_COUPONS_ASKED_MAX, ORDER_LINES_MAX } from '../../limits.ts';
import type { Discount, Scope, Stacking } from '../template.ts';

export interface OrderLine {
  readonly goodsId: string;
  readonly categoryIds: readonly string[];
  /** Of one unit. */
  readonly price: number;
  readonly quantity: number;
}

export interface Order {
  /** null: that of the coupons, which then must have one. */
  readonly currency: string | null;
  readonly lines: readonly OrderLine[];
  readonly shippingFee: number;
}

/** Of a template; a `Template` is one. */
export interface CouponRule {
  readonly currency: string;
  readonly discount: Discount;
  readonly scope: Scope;
  readonly stacking: Stacking | null;
  readonly measure: 'remaining' | 'initial';
}

/** What of a template counts for quotes. */
export function couponRuleOf({ currency, discount, scope, stacking, measure }: CouponRule): CouponRule {
  return { currency, discount, scope, stacking, measure };
}

export interface QuoteCoupon {
  readonly couponId: number;
  readonly templateId: number;
  /** As stored: one past `validUntilMs` may still say usable. */
  readonly state: 'usable' | 'locked' | 'used' | 'voided' | 'expired';
  readonly isSuspended: boolean;
  /** Valid in [validFromMs, validUntilMs). */
  readonly validFromMs: number;
  readonly validUntilMs: number;
  readonly rule: CouponRule;
}

/** What was asked for and is not there, or not this user's. */
export interface UnknownCoupon {
  readonly couponId: number;
  readonly state: 'not_found';
}

export type AskedCoupon = QuoteCoupon | UnknownCoupon;

export interface QuoteRefusal {
  readonly kind: 'refused';
  readonly code: 'invalid_request' | 'duplicate_coupon' | 'amount_too_large';
  readonly detail: string;
  /** As in the body of a request: `items[3].price`. */
  readonly field?: string;
}

export function isKnown(coupon: AskedCoupon): coupon is QuoteCoupon {
  return coupon.state !== 'not_found';
}

/** Why these can't be quoted at all, or null: the shapes first, then coupons named twice, amounts, currencies. */
export function refusalOfQuote(order: Order, coupons: readonly AskedCoupon[]): QuoteRefusal | null {
  return (
    malformedOrder(order) ??
    malformedCoupons(coupons) ??
    duplicateCoupon(coupons) ??
    tooLarge(order) ??
    mixedCurrencies(order, coupons.filter(isKnown))
  );
}

/** The same for an order whose coupons are to be chosen from those that are usable; there may be any number. */
export function refusalOfBest(order: Order, usable: readonly QuoteCoupon[]): QuoteRefusal | null {
  return malformedOrder(order) ?? tooLarge(order) ?? mixedCurrencies(order, usable);
}

/** null: neither the order nor a coupon names one. */
export function currencyOf(order: Order, coupons: readonly AskedCoupon[]): string | null {
  return order.currency ?? coupons.find(isKnown)?.rule.currency ?? null;
}

function malformedOrder({ lines, shippingFee }: Order): QuoteRefusal | null {
  if (lines.length === 0 || lines.length > ORDER_LINES_MAX) {
    return invalid('items', `an order has 1 to ${ORDER_LINES_MAX} items`);
  }
  for (const [i, { price, quantity }] of lines.entries()) {
    if (!isMoney(price)) return invalid(`items[${i}].price`, MONEY_ALLOWED);
    if (!Number.isSafeInteger(quantity) || quantity < 1) {
      return invalid(`items[${i}].quantity`, `an integer from 1 to ${Number.MAX_SAFE_INTEGER}`);
    }
  }
  return isMoney(shippingFee) ? null : invalid('shippingFee', MONEY_ALLOWED);
}

function malformedCoupons(coupons: readonly AskedCoupon[]): QuoteRefusal | null {
  if (coupons.length <= ORDER_COUPONS_ASKED_MAX) return null;
  return invalid('couponIds', `at most ${ORDER_COUPONS_ASKED_MAX} coupons`);
}

function duplicateCoupon(coupons: readonly AskedCoupon[]): QuoteRefusal | null {
  const seen = new Set<number>();
  for (const [i, { couponId }] of coupons.entries()) {
    if (seen.has(couponId)) {
      const detail = `coupon ${couponId} is named twice`;
      return { kind: 'refused', code: 'duplicate_coupon', detail, field: `couponIds[${i}]` };
    }
    seen.add(couponId);
  }
  return null;
}

/**
 * Products and sums may be rounded here and are judged rightly all the same: rounding never takes a number that is
 * 2^53 or more to below that.
 */
function tooLarge({ lines, shippingFee }: Order): QuoteRefusal | null {
  let total = shippingFee;
  for (const { price, quantity } of lines) {
    total += price * quantity;
    if (total > Number.MAX_SAFE_INTEGER) {
      const detail = `items and shipping fee add up to more than ${Number.MAX_SAFE_INTEGER}`;
      return { kind: 'refused', code: 'amount_too_large', detail };
    }
  }
  return null;
}

function mixedCurrencies({ currency }: Order, coupons: readonly QuoteCoupon[]): QuoteRefusal | null {
  if (currency !== null) return null;
  const first = coupons[0]?.rule.currency;
  const other = coupons.find(({ rule }) => rule.currency !== first)?.rule.currency;
  if (other === undefined) return null;
  return invalid('currency', `to be named, for the coupons are in ${first} and ${other}`);
}

const MONEY_ALLOWED = `an integer from 0 to ${Number.MAX_SAFE_INTEGER}`;

function isMoney(value: number): boolean {
  return Number.isSafeInteger(value) && value >= 0;
}

function invalid(field: string, allowed: string): QuoteRefusal {
  return { kind: 'refused', code: 'invalid_request', detail: `${field}: ${allowed}`, field };
}
