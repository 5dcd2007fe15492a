/**
 * One shape for what both sides answer, so that they compare with one `toEqual`: plain numbers, no bigint. All that
 * the comparison supposes about the shapes of src/domain/quote stands here.
 */
import type { Quote } from '../../../../src/domain/quote/quote.ts';
import { type Returned, type ReturnRefusal, returned } from '../../../../src/domain/quote/returns.ts';
import type { CouponOutcome, ReferenceQuote, ReferenceRefusal } from './reference-order.ts';
import type { AskedReturn, ReturnLock, ReturnOutcome } from './reference-returns.ts';

/** An answer of src/domain/quote/quote.ts. */
export interface FastQuote {
  readonly kind: 'quoted';
  readonly currency: string | null;
  readonly original: number;
  readonly discount: number;
  readonly shippingDiscount: number;
  readonly payable: number;
  readonly goodsPayable: number;
  readonly shippingPayable: number;
  readonly coupons: readonly {
    readonly couponId: number;
    readonly off: number;
    readonly lineOffs: readonly number[];
    readonly reason: string | null;
    readonly missing?: number | undefined;
    readonly excludedBy?: number | undefined;
  }[];
  readonly lines: readonly {
    readonly payable: number;
    readonly units: readonly { readonly count: number; readonly price: number }[];
  }[];
}

/** `lineOffs` is told of a goods coupon that took something; of any other it may be empty or all zero. */
function couponShape(outcome: FastQuote['coupons'][number] | CouponOutcome) {
  const { couponId, off, lineOffs, reason, missing, excludedBy } = outcome;
  const offs = lineOffs.map(Number);
  return {
    couponId,
    off: Number(off),
    lineOffs: offs.some((lineOff) => lineOff !== 0) ? offs : [],
    reason,
    missing: missing === undefined ? null : Number(missing),
    excludedBy: excludedBy ?? null,
  };
}

export function quoteShape(quote: FastQuote | ReferenceQuote) {
  return {
    currency: quote.currency,
    original: Number(quote.original),
    discount: Number(quote.discount),
    shippingDiscount: Number(quote.shippingDiscount),
    payable: Number(quote.payable),
    goodsPayable: Number(quote.goodsPayable),
    shippingPayable: Number(quote.shippingPayable),
    coupons: quote.coupons.map(couponShape),
    lines: quote.lines.map((line) => ({
      payable: Number(line.payable),
      units: line.units.map((run) => ({ count: Number(run.count), price: Number(run.price) })),
    })),
  };
}

/** Of a refusal nothing counts but that its code is one that holds: which of several comes first is not laid down. */
export function isAgreedRefusal(
  fast: { readonly kind: string; readonly code?: string },
  reference: ReferenceRefusal,
): boolean {
  return fast.kind === 'refused' && reference.codes.some((code) => code === fast.code);
}

/** Of a return that is not held to what is kept, nothing is said of that. */
export function returnShape(outcome: Returned | ReturnRefusal | ReturnOutcome, { recheck }: AskedReturn) {
  if (outcome.kind === 'refused') return { code: outcome.code };
  return {
    exact: Number(outcome.exact),
    recheck: recheck ? Number(outcome.recheck) : null,
    refund: Number(outcome.refund),
    shortfall: Number(outcome.shortfall),
    shippingRefund: Number(outcome.shippingRefund),
  };
}

/** The whole sequence through the fast implementation. */
export function fastReturns(lock: ReturnLock, quote: Quote, sequence: readonly AskedReturn[]) {
  const { order, coupons, nowMs } = lock;
  const back = order.lines.map(() => 0);
  let refunded = 0;
  return sequence.map((asked) => {
    const before = { returnedBefore: [...back], refundedBefore: refunded };
    const outcome = returned({ order, quote, coupons, lockedAtMs: nowMs, ...asked, ...before });
    if (outcome.kind === 'returned') {
      for (const { line, quantity } of asked.items) back[line]! += quantity;
      refunded += outcome.refund;
    }
    return returnShape(outcome, asked);
  });
}
