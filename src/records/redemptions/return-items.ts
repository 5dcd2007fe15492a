/** Goods that come back of a used order. Named by the caller: the same return again is answered what it was. */
import { REDEMPTION_RULINGS } from '../../coupons/states.ts';
import { returned } from '../../domain/quote/returns.ts';
import type { ReturnOutcome, ReturnReceipt, ReturnRequest, ReturnTotals } from '../../ports-coupons.ts';
import { freeCoupons, moveCoupons, takeCoupons } from './coupon-moves.ts';
import { couponIdsOf, keepReturned, readRedemption } from './redemption-rows.ts';
import { clock, type Dialect, row, run, type Steps } from './steps.ts';

export function* returnItems(db: Dialect, request: ReturnRequest): Steps<ReturnOutcome> {
  const nowMs = yield* clock(db);
  const { redemptionId, returnId, dryRun } = request;
  const record = yield* readRedemption(db, redemptionId, nowMs);
  if (record === null) return { kind: 'refused', code: 'not_found' };
  const { redemption } = record;
  const known = yield* row(
    'SELECT fingerprint, receipt FROM returns WHERE redemption_id = ? AND return_id = ?',
    [redemptionId, returnId],
  );
  if (known !== null) {
    if (String(known[0]) !== request.fingerprint) return { kind: 'refused', code: 'idempotency_conflict' };
    const receipt = JSON.parse(String(known[1])) as ReturnReceipt;
    return { kind: 'moved', redemption, receipt, isRepeat: true };
  }
  const ruling = REDEMPTION_RULINGS.return[redemption.state];
  if (ruling === 'not_used' || ruling === 'reverted') return { kind: 'refused', code: ruling, redemption };

  const { frozen, returned: before } = redemption;
  const outcome = returned({
    order: frozen.order,
    quote: frozen.quote,
    coupons: frozen.coupons,
    lockedAtMs: redemption.lockedAtMs,
    recheck: request.recheck,
    returnedBefore: before.units,
    refundedBefore: before.refunded,
    items: request.items,
    shipping: request.shipping,
  });
  if (outcome.kind === 'refused') return outcome;
  const { refund, shippingRefund, exact, recheck, shortfall, leavesNothing } = outcome;
  const couponsRestored = leavesNothing && request.restoreCoupons;
  const receipt = { refund, shippingRefund, exact, recheck, shortfall, leavesNothing, couponsRestored };
  if (dryRun) return { kind: 'reckoned', redemption, receipt };

  const totals: ReturnTotals = {
    units: unitsAfter(before.units, request),
    refunded: before.refunded + refund,
    shippingRefunded: before.shippingRefunded + shippingRefund,
  };
  yield* run(
    'INSERT INTO returns (redemption_id, return_id, fingerprint, receipt, returned_at) VALUES (?, ?, ?, ?, ?)',
    [redemptionId, returnId, request.fingerprint, JSON.stringify(receipt), nowMs],
  );
  yield* keepReturned(redemptionId, totals);
  const coupons = yield* takeCoupons(db, couponIdsOf(redemption));
  const move = { kind: 'returned', atMs: nowMs, redemptionId: null, detail: returnId } as const;
  const after = yield* moveCoupons(coupons, move);
  if (couponsRestored) {
    yield* freeCoupons(after, 'reverted', nowMs);
    yield* run('UPDATE usages SET reverted_at = ? WHERE redemption_id = ?', [nowMs, redemptionId]);
  }
  return { kind: 'moved', redemption: { ...redemption, returned: totals }, receipt, isRepeat: false };
}

function unitsAfter(before: readonly number[], { items }: ReturnRequest): number[] {
  const units = [...before];
  for (const { line, quantity } of items) units[line]! += quantity;
  return units;
}
