/**
 * The returns of one redemption: their receipts come to what the redemption says came back, for units that were bought
 * and money that was paid (domain/quote/returns.ts).
 */
import { priceOfFirst } from '../domain/quote/unit-runs.ts';
import type { ReturnReceipt, ReturnTotals } from '../ports-coupons.ts';
import { type ReadRedemption, readReceipt } from './frozen-facts.ts';
import type { ReturnFact } from './life-facts.ts';
import type { Findings } from './report.ts';

export interface CheckedReturns {
  /** When one of them gave the coupons back; null: none did. */
  readonly restoredAtMs: number | null;
}

export function checkReturns(
  { fact, frozen }: ReadRedemption,
  { units, refunded, shippingRefunded }: ReturnTotals,
  returns: readonly ReturnFact[],
  found: Findings,
): CheckedReturns {
  const { order, quote } = frozen;
  const faults: string[] = [];
  const receipts: ReturnReceipt[] = [];
  let restoredAtMs: number | null = null;
  for (const { returnId, receipt: text, returnedAtMs } of returns) {
    const receipt = readReceipt(text);
    if (receipt === null) {
      faults.push(`the receipt of return ${returnId} cannot be read`);
      continue;
    }
    receipts.push(receipt);
    if (receipt.refund < 0 || receipt.shippingRefund < 0 || receipt.shortfall < 0)
      faults.push(`return ${returnId} gives less than nothing`);
    if (receipt.couponsRestored && !receipt.leavesNothing)
      faults.push(`return ${returnId} gave the coupons back although it leaves something`);
    if (receipt.shippingRefund !== 0 && !receipt.leavesNothing)
      faults.push(`return ${returnId} gave the fee back although it leaves something`);
    if (receipt.couponsRestored) restoredAtMs = returnedAtMs;
  }
  if (returns.length > 0 && fact.usedAtMs === null) faults.push('has returns, and was never used');

  const refunds = receipts.reduce((sum, { refund }) => sum + refund, 0);
  const fees = receipts.reduce((sum, { shippingRefund }) => sum + shippingRefund, 0);
  if (refunds !== refunded) faults.push(`${refunded} is refunded, its returns come to ${refunds}`);
  if (fees !== shippingRefunded)
    faults.push(`${shippingRefunded} of the fee is refunded, its returns come to ${fees}`);
  if (refunded > quote.goodsPayable) faults.push(`${refunded} is refunded, ${quote.goodsPayable} was paid`);
  if (shippingRefunded > quote.shippingPayable)
    faults.push(`${shippingRefunded} of the fee is refunded, ${quote.shippingPayable} was paid`);

  const isBought =
    units.length === order.lines.length &&
    units.every((count, i) => count >= 0 && count <= order.lines[i]!.quantity);
  if (!isBought) {
    faults.push('the units that came back are not among those bought');
  } else {
    // Each receipt has the price of all that was back by then.
    const worth = quote.lines.reduce((sum, line, i) => sum + priceOfFirst(line.units, units[i] ?? 0), 0);
    const told = receipts.reduce((most, { exact }) => Math.max(most, exact), 0);
    if (worth !== told) faults.push(`units worth ${worth} are back, by its returns ${told}`);
    const isAll = units.every((count, i) => count === order.lines[i]!.quantity);
    const last = receipts.filter(({ leavesNothing }) => leavesNothing).length;
    if (last !== (isAll ? 1 : 0))
      faults.push(`${last} of its returns leave nothing, ${isAll ? 'all' : 'not all'} units are back`);
  }
  if (faults.length > 0) found.problem(() => `redemption ${fact.redemptionId}: ${faults.join('; ')}`);
  return { restoredAtMs };
}
