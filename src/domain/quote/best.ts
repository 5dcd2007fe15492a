/**
 * The coupons of a wallet that make an order cheapest, by the product's rules for `"couponIds":"best"`: of all sets of
 * usable coupons in which every one applies when the set is quoted, the one with the lowest payable; of one template
 * only the coupon that ends first, then the one with the smaller id, takes part. Which of equal sets: best-selection.ts.
 */
import { BEST_NODES_MAX, BEST_NODES_SURE, BEST_WALL_MS } from '../../limits.ts';
import { fieldOf } from './best-candidates.ts';
import { BestSearch, type Budget } from './best-search.ts';
import { currencyOf, type Order, type QuoteCoupon, refusalOfBest } from './order.ts';
import { type Quote, quote } from './quote.ts';
import { isUsable } from './reasons.ts';

export interface Best {
  /** Ascending. */
  readonly couponIds: number[];
  /** Of exactly these ids. */
  readonly quote: Quote;
  /** False when the budget ran out before all that might be better was ruled out. */
  readonly optimal: boolean;
  /** No set comes to less; `quote.payable` when optimal. */
  readonly lowerBound: number;
}

/** Beyond this the answer is the best that was found, and says so. */
const USUAL_BUDGET: Budget = {
  nodes: BEST_NODES_MAX,
  wallMs: BEST_WALL_MS,
  nodesSure: BEST_NODES_SURE,
  nowMs: () => performance.now(),
};

/**
 * `wallet` may have any size; what is not usable in it is passed over. Throws for an order that `refusalOfBest`
 * refuses beside the usable coupons: callers ask that first.
 */
export function best(
  order: Order,
  wallet: readonly QuoteCoupon[],
  nowMs: number,
  budget: Budget = USUAL_BUDGET,
): Best {
  const usable = wallet.filter((coupon) => isUsable(coupon, nowMs));
  const refusal = refusalOfBest(order, usable);
  if (refusal !== null) throw new RangeError(`an order that can't be quoted: ${refusal.detail}`);
  const search = new BestSearch(fieldOf(order, usable, currencyOf(order, usable)), budget);
  search.run();
  const coupons = search.best.candidates.map(({ coupon }) => coupon).sort((a, b) => a.couponId - b.couponId);
  const found = quote(order, coupons, nowMs);
  if (found.kind === 'refused' || found.payable !== search.best.payable) {
    throw new Error('the search reckons otherwise than the quote');
  }
  return {
    couponIds: coupons.map(({ couponId }) => couponId),
    quote: found,
    optimal: search.unseen === Number.POSITIVE_INFINITY,
    lowerBound: search.lowerBound,
  };
}
