/** Real owners and the real ledger, their messages in any order: everything is sold, and nobody waits in vain. */
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { Verdict } from '../../src/actors/verdict.ts';
import { Market } from './market.ts';

const { claimed, soldOut } = Verdict;

interface Step {
  readonly kind: 'come' | 'sync' | 'toLedger' | 'toOwner' | 'idle';
  readonly seller: number;
  readonly users: number;
}

const step: fc.Arbitrary<Step> = fc.record({
  kind: fc.constantFrom('come', 'come', 'sync', 'toLedger', 'toLedger', 'toOwner', 'toOwner', 'idle'),
  seller: fc.nat(3),
  users: fc.integer({ min: 1, max: 9 }),
});

function take(market: Market, { kind, seller: any, users }: Step): void {
  const seller = any % market.sellers.length;
  if (kind === 'come') market.come(seller, users);
  else if (kind === 'sync') market.sellers[seller].sync();
  else if (kind === 'idle') market.idle(seller);
  else market.deliver(seller, kind === 'toLedger');
}

function answersOf(market: Market): { claimed: number; soldOut: number } {
  let [won, lost] = [0, 0];
  for (const verdict of market.answers.values()) {
    if (verdict === claimed) won++;
    if (verdict === soldOut) lost++;
  }
  return { claimed: won, soldOut: lost };
}

describe.each([[true], [false]])('with answers after every sync: %s', (syncsAlways) => {
  test('every claim gets its answer without a timeout, and sells while there is something', () => {
    const steps = fc.array(step, { maxLength: 120, size: 'max' });
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 4 }), fc.nat(150), steps, (sellers, total, all) => {
        const market = new Market(sellers, total, syncsAlways);
        for (const one of all) take(market, one);
        market.settle();
        const won = Math.min(market.users, total);
        expect(answersOf(market)).toEqual({ claimed: won, soldOut: market.users - won });
      }),
      { numRuns: 120 },
    );
  });

  test('the last unit and the claims behind it in one drain are told apart at once', () => {
    const market = new Market(1, 3, syncsAlways);
    market.come(0, 5);
    market.settle();
    expect(answersOf(market)).toEqual({ claimed: 3, soldOut: 2 });
  });

  test('what sits idle with one owner is sold by another', () => {
    const market = new Market(2, 100, syncsAlways);
    market.come(0, 1);
    market.settle();
    market.come(1, 150);
    market.settle();
    expect(answersOf(market)).toEqual({ claimed: 100, soldOut: 51 });
  });
});
