/**
 * The quote, the best combination and returns against the reference, which was written from the rules alone
 * (reference/). QUOTE_RUNS says how many cases of each.
 */
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { best } from '../../../src/domain/quote/best.ts';
import { quote } from '../../../src/domain/quote/quote.ts';
import { bestCases, quoteCases, returnsCases } from './reference/arbitraries.ts';
import { referenceBest } from './reference/reference-best.ts';
import { referenceQuote } from './reference/reference-quote.ts';
import { referenceReturns } from './reference/reference-returns.ts';
import { fastReturns, isAgreedRefusal, quoteShape, returnShape } from './reference/shape.ts';

const RUNS = Number(process.env.QUOTE_RUNS ?? (process.env.LONG === '1' ? 20_000 : 1_000));

test('a quote is what the rules say', () => {
  fc.assert(
    fc.property(quoteCases, ({ order, coupons, nowMs }) => {
      const expected = referenceQuote(order, coupons, nowMs);
      const answer = quote(order, coupons, nowMs);
      if (expected.kind === 'refused') {
        expect(isAgreedRefusal(answer, expected), JSON.stringify([answer, expected])).toBe(true);
        return;
      }
      if (answer.kind === 'refused') throw new Error(`refused: ${answer.code} ${answer.detail}`);
      expect(quoteShape(answer)).toEqual(quoteShape(expected));
    }),
    { numRuns: RUNS },
  );
});

test('the best combination is the one that trying all of them finds', () => {
  fc.assert(
    fc.property(bestCases, ({ order, coupons, nowMs }) => {
      const expected = referenceBest(order, coupons, nowMs);
      const answer = best(order, coupons, nowMs);
      expect(answer.couponIds.toSorted((a, b) => a - b)).toEqual(expected.couponIds);
      expect(answer.optimal).toBe(true);
      expect(answer.lowerBound).toBe(Number(expected.quote.payable));

      const named = answer.couponIds.map((id) => coupons.find((coupon) => coupon.couponId === id)!);
      const again = referenceQuote(order, named, nowMs);
      if (again.kind === 'refused') throw new Error(`refused: ${again.codes.join(', ')}`);
      expect(quoteShape(answer.quote)).toEqual(quoteShape(again));
      expect(quote(order, named, nowMs)).toEqual(answer.quote);
    }),
    { numRuns: RUNS },
  );
});

test('returns give back what the rules say, and in the end all that was paid', () => {
  fc.assert(
    fc.property(returnsCases, ({ lock, sequence }) => {
      const expected = referenceReturns(lock, sequence);
      const frozen = quote(lock.order, lock.coupons, lock.nowMs);
      if (frozen.kind === 'refused') throw new Error(`refused: ${frozen.code} ${frozen.detail}`);
      const answers = fastReturns(lock, frozen, sequence);
      expect(answers).toEqual(expected.map((outcome, i) => returnShape(outcome, sequence[i]!)));

      let refunded = 0;
      for (const answer of answers) refunded += answer.refund ?? 0;
      expect(refunded).toBe(frozen.goodsPayable);
    }),
    { numRuns: RUNS },
  );
});
