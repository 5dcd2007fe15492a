/** The JSON of redemptions and returns, read without trusting it. */
import type { Frozen, ReturnReceipt, ReturnTotals } from '../ports-coupons.ts';
import type { Stored } from '../records/redemptions/redemption-rows.ts';
import type { RedemptionFact } from './life-facts.ts';

/** A redemption that could be read. */
export interface ReadRedemption {
  readonly fact: RedemptionFact;
  readonly stored: Stored;
  readonly frozen: Frozen;
}

type Plain = Readonly<Record<string, unknown>>;

/** null: it is not what a lock freezes. */
export function readFrozen(text: string): Frozen | null {
  const value = parsed(text);
  if (!isPlain(value)) return null;
  const { order, coupons, quote } = value;
  if (!isPlain(order) || !isPlain(quote) || !isList(coupons, isCoupon)) return null;
  if (!isList(order.lines, isOrderLine) || !isInteger(order.shippingFee)) return null;
  const sums = ['original', 'discount', 'shippingDiscount', 'payable', 'goodsPayable', 'shippingPayable'];
  if (!sums.every((name) => isInteger(quote[name]))) return null;
  if (!isList(quote.coupons, isOutcome) || !isList(quote.lines, isQuotedLine)) return null;
  return value as unknown as Frozen;
}

export function readTotals(text: string): ReturnTotals | null {
  const value = parsed(text);
  if (!isPlain(value) || !isList(value.units, isInteger)) return null;
  if (!isInteger(value.refunded) || !isInteger(value.shippingRefunded)) return null;
  return value as unknown as ReturnTotals;
}

export function readReceipt(text: string): ReturnReceipt | null {
  const value = parsed(text);
  if (!isPlain(value)) return null;
  const sums = ['refund', 'shippingRefund', 'exact', 'shortfall'];
  if (!sums.every((name) => isInteger(value[name]))) return null;
  if (typeof value.leavesNothing !== 'boolean' || typeof value.couponsRestored !== 'boolean') return null;
  return value as unknown as ReturnReceipt;
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return null;
  }
}

function isPlain(value: unknown): value is Plain {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function isInteger(value: unknown): value is number {
  return Number.isSafeInteger(value);
}

function isList(value: unknown, isItem: (item: unknown) => boolean): boolean {
  return Array.isArray(value) && value.every(isItem);
}

function isCoupon(value: unknown): boolean {
  return isPlain(value) && isInteger(value.couponId) && isInteger(value.templateId);
}

function isOrderLine(value: unknown): boolean {
  return isPlain(value) && isInteger(value.price) && isInteger(value.quantity);
}

function isOutcome(value: unknown): boolean {
  return (
    isPlain(value) && isInteger(value.couponId) && isInteger(value.off) && isList(value.lineOffs, isInteger)
  );
}

function isQuotedLine(value: unknown): boolean {
  return isPlain(value) && isInteger(value.payable) && isList(value.units, isRun);
}

function isRun(value: unknown): boolean {
  return isPlain(value) && isInteger(value.count) && isInteger(value.price);
}
