/** The cases that the fast implementation and the reference are compared on. */
import fc from 'fast-check';
import { broken } from './broken-request-arbitrary.ts';
import {
  anyHoldings,
  isKnown,
  knownHoldings,
  NOW_MS,
  usableHoldings,
  walletDraws,
  walletOf,
} from './coupon-arbitrary.ts';
import { orders } from './order-arbitrary.ts';
import type { AskedCoupon, Order, QuoteCoupon } from './reference-order.ts';
import { referenceQuote } from './reference-quote.ts';
import type { AskedReturn, ReturnLock } from './reference-returns.ts';
import { returnDraws, sequenceOf } from './returns-arbitrary.ts';
import { tiedCases } from './tie-arbitrary.ts';

export interface QuoteCase {
  readonly order: Order;
  readonly coupons: readonly AskedCoupon[];
  readonly nowMs: number;
}

export interface BestCase {
  readonly order: Order;
  readonly coupons: readonly QuoteCoupon[];
  readonly nowMs: number;
}

export interface ReturnsCase {
  readonly lock: ReturnLock;
  readonly sequence: readonly AskedReturn[];
}

const quoteSizes = fc.oneof(
  { weight: 4, arbitrary: fc.integer({ min: 0, max: 6 }) },
  { weight: 1, arbitrary: fc.integer({ min: 7, max: 14 }) },
);

/** Every subset is quoted: mostly small. */
const bestSizes = fc.oneof(
  { weight: 8, arbitrary: fc.integer({ min: 3, max: 7 }) },
  { weight: 1, arbitrary: fc.integer({ min: 0, max: 2 }) },
  { weight: 1, arbitrary: fc.integer({ min: 8, max: 9 }) },
);

const wholeRequests: fc.Arbitrary<QuoteCase> = fc
  .tuple(orders(6), walletDraws(anyHoldings, quoteSizes))
  .map(([order, drawn]) => ({ order, coupons: walletOf(order, drawn), nowMs: NOW_MS }));

export const quoteCases: fc.Arbitrary<QuoteCase> = fc.oneof(
  { weight: 19, arbitrary: wholeRequests },
  { weight: 1, arbitrary: broken(wholeRequests) },
);

/** The currency is named, so that nothing is refused whole. */
const wallets: fc.Arbitrary<BestCase> = fc
  .tuple(orders(4), walletDraws(knownHoldings, bestSizes))
  .map(([drawnOrder, drawn]) => {
    const order = { ...drawnOrder, currency: 'CNY' };
    return { order, coupons: walletOf(order, drawn).filter(isKnown), nowMs: NOW_MS };
  });

export const bestCases: fc.Arbitrary<BestCase> = fc.oneof(
  { weight: 19, arbitrary: wallets },
  { weight: 1, arbitrary: tiedCases },
);

/** What was locked is what applied: a coupon that takes nothing refuses the lock. */
export const returnsCases: fc.Arbitrary<ReturnsCase> = fc
  .tuple(orders(5), walletDraws(usableHoldings, fc.integer({ min: 0, max: 6 })), returnDraws)
  .map(([drawnOrder, drawn, draws]) => {
    const order = { ...drawnOrder, currency: 'CNY' };
    const held = walletOf(order, drawn).filter(isKnown);
    const asked = referenceQuote(order, held, NOW_MS);
    if (asked.kind === 'refused') throw new Error(`refused: ${asked.codes.join(', ')}`);
    const coupons = held.filter((_, at) => asked.coupons[at]!.reason === null);
    const quote = referenceQuote(order, coupons, NOW_MS);
    if (quote.kind === 'refused') throw new Error(`refused: ${quote.codes.join(', ')}`);
    return { lock: { order, coupons, nowMs: NOW_MS, quote }, sequence: sequenceOf(order, draws) };
  });
