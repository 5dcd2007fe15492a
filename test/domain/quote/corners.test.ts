/** Agreement says nothing about what was never drawn: the drawn cases reach every corner of the rules, often enough. */
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { bestCases, quoteCases, returnsCases } from './reference/arbitraries.ts';
import { isKnown } from './reference/coupon-arbitrary.ts';
import { admitted, referenceBest } from './reference/reference-best.ts';
import type { QuoteCoupon } from './reference/reference-order.ts';
import { referenceQuote } from './reference/reference-quote.ts';
import { referenceReturns } from './reference/reference-returns.ts';

const SEED = 20_260_101;

class Tally {
  private readonly counts = new Map<string, number>();

  add(corner: string): void {
    this.counts.set(corner, (this.counts.get(corner) ?? 0) + 1);
  }

  expectOf(corners: readonly string[], least: number): void {
    const rare = corners.filter((corner) => (this.counts.get(corner) ?? 0) < least);
    expect(rare, JSON.stringify([...this.counts])).toEqual([]);
  }
}

function traitsOf({ rule }: QuoteCoupon): string[] {
  const { discount, scope, stacking, measure } = rule;
  const traits: string[] = [discount.kind, `${discount.kind} ${measure}`];
  if ('maxOff' in discount) traits.push(`${discount.kind} capped`);
  if (discount.kind === 'threshold') {
    if (discount.repeat) traits.push('repeat');
    if (discount.tiers.length > 1) traits.push('tiers');
  }
  if (stacking !== null) traits.push(Object.keys(stacking)[0]!);
  for (const key of Object.keys(scope)) traits.push(`scope ${key}`);
  return traits;
}

test('quotes: every reason, refusal and trait of a coupon that applied', () => {
  const tally = new Tally();
  for (const { order, coupons, nowMs } of fc.sample(quoteCases, { numRuns: 2_000, seed: SEED })) {
    const quote = referenceQuote(order, coupons, nowMs);
    if (quote.kind === 'refused') {
      tally.add(quote.codes.join(' '));
      continue;
    }
    if (quote.original > 2n ** 52n) tally.add('large');
    if (quote.original === 2n ** 53n - 1n) tally.add('largest');
    for (const [at, outcome] of quote.coupons.entries()) {
      tally.add(outcome.reason ?? 'applied');
      if (outcome.missing === 1n) tally.add('missing one');
      const coupon = coupons[at]!;
      if (outcome.reason === null && isKnown(coupon)) for (const trait of traitsOf(coupon)) tally.add(trait);
      if (outcome.nominal > outcome.off) tally.add('unused worth');
    }
    if (quote.lines.some((line) => line.units.length === 2)) tally.add('two runs');
    if (quote.coupons.filter((outcome) => outcome.reason === null).length === 5) tally.add('five applied');
  }
  const reasons = ['not_found', 'used', 'locked', 'voided', 'suspended', 'expired', 'not_yet_valid'];
  tally.expectOf([...reasons, 'other_currency', 'out_of_scope', 'excluded_by', 'too_many'], 20);
  tally.expectOf(['below_minimum', 'missing one', 'no_effect', 'applied', 'unused worth', 'two runs'], 100);
  tally.expectOf(['invalid_request', 'duplicate_coupon', 'amount_too_large'], 3);
  tally.expectOf(['large', 'largest', 'five applied'], 20);
  const kinds = ['threshold', 'instant', 'percent', 'shipping'];
  tally.expectOf(
    kinds.flatMap((kind) => [kind, `${kind} remaining`, `${kind} initial`]),
    50,
  );
  tally.expectOf(['threshold capped', 'percent capped', 'shipping capped', 'repeat', 'tiers'], 50);
  const scopes = ['all', 'goods', 'categories', 'excludeGoods', 'excludeCategories'];
  tally.expectOf(['exclusive', 'group', ...scopes.map((key) => `scope ${key}`)], 50);
});

test('best: combinations of every size, and ties at every rule', () => {
  const tally = new Tally();
  for (const { order, coupons, nowMs } of fc.sample(bestCases, { numRuns: 2_000, seed: SEED })) {
    const best = referenceBest(order, coupons, nowMs);
    const chosen = best.couponIds.length;
    tally.add(`${chosen} chosen`);
    const usable = admitted(coupons, order.currency, nowMs);
    if (usable.length < coupons.length) tally.add('not all admitted');
    const all = referenceQuote(order, usable, nowMs);
    if (all.kind === 'quoted' && all.payable > best.quote.payable) tally.add('better than all of them');
    tally.add(best.decidedBy ?? 'no other');
  }
  tally.expectOf(['0 chosen', '1 chosen', '2 chosen', '3 chosen', '4 chosen', 'not all admitted'], 20);
  tally.expectOf(['better than all of them', 'payable', 'fewer', 'unused', 'untils', 'ids'], 10);
});

test('returns: shortfalls, later ones that make up, more than is left', () => {
  const tally = new Tally();
  for (const { lock, sequence } of fc.sample(returnsCases, { numRuns: 1_000, seed: SEED })) {
    let refunded = 0n;
    for (const outcome of referenceReturns(lock, sequence)) {
      tally.add(outcome.kind);
      if (outcome.kind === 'refused') continue;
      if (outcome.shortfall > 0n) tally.add('shortfall');
      if (outcome.recheck < 0n) tally.add('recheck below zero');
      if (outcome.target < refunded) tally.add('target below refunded');
      if (outcome.shippingRefund > 0n) tally.add('fee');
      refunded += outcome.refund;
      if (outcome.leavesNothing) expect(refunded).toBe(lock.quote.goodsPayable);
    }
  }
  tally.expectOf(['returned', 'refused', 'shortfall', 'fee'], 100);
  tally.expectOf(['recheck below zero', 'target below refunded'], 20);
});
