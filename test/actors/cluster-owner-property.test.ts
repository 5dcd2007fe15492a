/** Whatever happens between owners, ledger, log and streams: no unit twice, no limit passed, every claim answered once. */
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { Verdict } from '../../src/actors/verdict.ts';
import { blankEntry, ENTRY_WORDS, entryWords, readEntry } from '../../src/claimlog/entry.ts';
import { ClusterMarket, type MarketNode, RULES } from './cluster-market.ts';

const NODES = ['a', 'b'];
const POOLS = 3;
const NAMING: readonly number[] = [Verdict.claimed, Verdict.alreadyClaimed, Verdict.limitReached];

type Move = (node: MarketNode, market: ClusterMarket) => void;

const pool = fc.nat(POOLS - 1);
const claims = fc.array(fc.tuple(pool, fc.integer({ min: 1, max: 9 }), fc.nat(2)), {
  minLength: 1,
  maxLength: 6,
});
const move: fc.Arbitrary<Move> = fc.oneof(
  {
    weight: 6,
    arbitrary: claims.map(
      (all): Move =>
        (node) =>
          node.claim(all),
    ),
  },
  { weight: 4, arbitrary: fc.constant<Move>((node) => node.execute()) },
  { weight: 4, arbitrary: fc.constant<Move>((node) => node.hear()) },
  { weight: 4, arbitrary: fc.constant<Move>((node) => node.sync()) },
  {
    weight: 3,
    arbitrary: fc.integer({ min: 1, max: 5 }).map(
      (max): Move =>
        (node) =>
          node.follow(max),
    ),
  },
  { weight: 6, arbitrary: fc.constant<Move>((node) => node.lease()) },
  { weight: 1, arbitrary: fc.constant<Move>((node) => node.replenish()) },
  { weight: 1, arbitrary: fc.constant<Move>((node) => node.despair()) },
  {
    weight: 1,
    arbitrary: fc.tuple(pool, fc.boolean()).map(
      ([at, all]): Move =>
        (node) =>
          node.recall(at, all),
    ),
  },
  { weight: 1, arbitrary: fc.constant<Move>((node) => node.leave()) },
  { weight: 1, arbitrary: fc.constant<Move>((node) => node.join()) },
  {
    weight: 1,
    arbitrary: fc.integer({ min: 1, max: 300 }).map(
      (ms): Move =>
        (node, market) => {
          market.nowMs += ms;
          node.owner.tick(market.nowMs);
        },
    ),
  },
);
const moves = fc.array(fc.tuple(fc.nat(NODES.length - 1), move), { maxLength: 150, size: 'max' });

function sold(
  market: ClusterMarket,
): { templateId: number; activityId: number; serial: number; user: number }[] {
  const words = entryWords(market.model.read(1, 0));
  return Array.from({ length: words.length / ENTRY_WORDS }, (_, i) => {
    const { templateId, activityId, serial, userLo } = readEntry(words, i * ENTRY_WORDS, blankEntry());
    return { templateId, activityId, serial, user: userLo };
  });
}

function counts(keys: readonly string[]): Map<string, number> {
  const all = new Map<string, number>();
  for (const key of keys) all.set(key, (all.get(key) ?? 0) + 1);
  return all;
}

function run(total: number, all: readonly (readonly [number, Move])[]): ClusterMarket {
  const market = new ClusterMarket(NODES, total);
  for (const [at, one] of all) one(market.nodes[at], market);
  market.settle();
  return market;
}

const stock = fc.constantFrom(3, 9, 40);

test('every claim gets exactly one answer', () => {
  fc.assert(
    fc.property(stock, moves, (total, all) => {
      const market = run(total, all);
      const slots = market.nodes.flatMap(({ answers }) => answers.map(({ slot }) => slot));
      expect(slots.sort((a, b) => a - b)).toEqual(
        Array.from({ length: market.claims.length }, (_, slot) => slot),
      );
    }),
    { numRuns: 100 },
  );
});

test('no unit is sold twice and no limit is passed', () => {
  fc.assert(
    fc.property(stock, moves, (total, all) => {
      const market = run(total, all);
      const claims = sold(market);
      const units = counts(claims.map(({ templateId, serial }) => `${templateId}/${serial}`));
      expect(Math.max(1, ...units.values())).toBe(1);
      for (const { templateId, perUserLimit, pools } of RULES) {
        const ofTemplate = claims.filter((claim) => claim.templateId === templateId);
        const users = counts(ofTemplate.map(({ user }) => `${user}`));
        expect(Math.max(0, ...users.values())).toBeLessThanOrEqual(perUserLimit);
        for (const rules of pools) {
          const inPool = ofTemplate.filter(({ activityId }) => activityId === rules.activityId);
          const byUser = counts(inPool.map(({ user }) => `${user}`));
          expect(Math.max(0, ...byUser.values())).toBeLessThanOrEqual(rules.perUserLimit);
        }
      }
    }),
    { numRuns: 100 },
  );
});

test('an answer names a unit of the very user, and `claimed` no unit twice', () => {
  fc.assert(
    fc.property(stock, moves, (total, all) => {
      const market = run(total, all);
      const holders = new Map(
        sold(market).map(({ templateId, serial, user }) => [`${templateId}/${serial}`, user]),
      );
      const won = new Set<string>();
      for (const { slot, verdict, serial } of market.nodes.flatMap(({ answers }) => answers)) {
        if (!NAMING.includes(verdict)) continue;
        const { templateId, user } = market.claims[slot];
        const unit = `${templateId}/${serial}`;
        expect(holders.get(unit)).toBe(user);
        if (verdict !== Verdict.claimed) continue;
        expect(won.has(unit)).toBe(false);
        won.add(unit);
      }
    }),
    { numRuns: 100 },
  );
});

test('in the end every node has published and counted exactly the claims of the stream', () => {
  fc.assert(
    fc.property(stock, moves, (total, all) => {
      const market = run(total, all);
      const claims = sold(market);
      for (const { pools } of market.nodes) {
        for (const { actor, rules, claimed } of pools) {
          const { templateId } = actor.rules;
          const { activityId } = rules;
          const mine = claims.filter((one) => one.templateId === templateId && one.activityId === activityId);
          expect(Atomics.load(claimed, 0)).toBe(mine.length);
          for (const { serial, user } of mine) {
            expect(actor.units.isClaimed(serial)).toBe(true);
            expect(actor.holds(user, 0, serial)).toBe(true);
          }
        }
      }
    }),
    { numRuns: 100 },
  );
});

test('in the end a node holds as unsold exactly what the ledger counts as its lease', () => {
  fc.assert(
    fc.property(stock, moves, (total, all) => {
      const market = run(total, all);
      market.model.assertUnits();
      const leased = market.model.pools(1);
      for (const { name, pools, owner } of market.nodes) {
        expect([owner.inFlight, owner.flights, owner.hasParked]).toEqual([0, 0, false]);
        for (const { actor, rules, slice } of pools) {
          expect(slice.pending).toBe(0);
          const there = leased.find(
            ({ ref }) => ref.templateId === actor.rules.templateId && ref.activityId === rules.activityId,
          );
          const ranges = there?.leases.find(({ nodeId }) => nodeId === name)?.ranges ?? [];
          const back = slice.giveBack(slice.unsold).flatMap(serials);
          expect(back.sort((a, b) => a - b)).toEqual(ranges.flatMap(serials));
        }
      }
    }),
    { numRuns: 100 },
  );
});

function serials({ from, to }: { from: number; to: number }): number[] {
  return Array.from({ length: to - from }, (_, i) => from + i);
}
