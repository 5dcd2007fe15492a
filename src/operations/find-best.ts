/** Wallets are searched where they are as long as that is a matter of a moment; then where claims do not wait for it. */
import { type Best, best } from '../domain/quote/best.ts';
import type { Order, QuoteCoupon } from '../domain/quote/order.ts';
import { BEST_NODES_MAX, BEST_NODES_SURE } from '../limits.ts';
import type { FindBest } from './quotes.ts';

/** Larger wallets are not begun here: to prepare them takes as long. */
const HERE_MAX = 30;
const HERE_MS = 2;

export interface HeavySearch {
  readonly order: Order;
  readonly coupons: readonly QuoteCoupon[];
  readonly nowMs: number;
}

export function findBest(elsewhere: (search: HeavySearch) => Promise<Best>): FindBest {
  return async (order, coupons, nowMs) => {
    if (coupons.length <= HERE_MAX) {
      const budget = {
        nodes: BEST_NODES_MAX,
        wallMs: HERE_MS,
        nodesSure: BEST_NODES_SURE,
        nowMs: () => performance.now(),
      };
      const found = best(order, coupons, nowMs, budget);
      if (found.optimal) return found;
    }
    return elsewhere({ order, coupons, nowMs });
  };
}
