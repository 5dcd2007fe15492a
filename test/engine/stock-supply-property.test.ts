/** However calls, notices and answers get lost: each unit is in one place, and what a node has is its lease. */
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { ACTIVITY, type Fault, GENERAL, SHARD, SupplyMarket, type SupplyNode } from './supply-stage.ts';

type Move = (node: SupplyNode, market: SupplyMarket) => Promise<void> | void;

const pool = fc.constantFrom(GENERAL, ACTIVITY);
const units = fc.integer({ min: 1, max: 40 });
const move: fc.Arbitrary<Move> = fc.oneof(
  {
    weight: 4,
    arbitrary: fc.tuple(pool, units).map(
      ([ref, n]): Move =>
        (node) =>
          node.take(ref, n),
    ),
  },
  {
    weight: 3,
    arbitrary: fc.tuple(pool, units).map(
      ([ref, n]): Move =>
        (node) =>
          node.sell(ref, n),
    ),
  },
  {
    weight: 1,
    arbitrary: pool.map(
      (ref): Move =>
        (node) =>
          node.putBack(ref),
    ),
  },
  {
    weight: 1,
    arbitrary: pool.map(
      (ref): Move =>
        (node) =>
          node.upper.look(ref),
    ),
  },
  { weight: 1, arbitrary: fc.constant<Move>((node) => node.upper.close(ACTIVITY)) },
  {
    weight: 1,
    arbitrary: fc.constant<Move>((node) => {
      node.upper.planned(SHARD);
      node.sit();
    }),
  },
  {
    weight: 3,
    arbitrary: fc.constantFrom<Fault>('none', 'away', 'answer lost').map(
      (fault): Move =>
        (node) => {
          node.fault = fault;
        },
    ),
  },
  {
    weight: 3,
    arbitrary: fc.tuple(fc.constantFrom(1, 20, 300), fc.boolean()).map(
      ([ms, isDeaf]): Move =>
        (_node, market) =>
          market.pass(ms, isDeaf),
    ),
  },
);
const moves = fc.array(fc.tuple(fc.nat(1), move), { maxLength: 40, size: 'max' });

test('every unit is free, in one lease or sold, and no node has what is not its lease', async () => {
  await fc.assert(
    fc.asyncProperty(fc.constantFrom(30, 200), moves, async (stock, all) => {
      const market = new SupplyMarket(['a', 'b'], stock, { ofActivity: 20 });
      for (const node of market.nodes) for (const ref of [GENERAL, ACTIVITY]) node.upper.open(ref);
      for (const [at, one] of all) await one(market.nodes[at], market);
      for (const node of market.nodes) node.fault = 'none';
      await market.pass(1_500);
      market.model.assertUnits();
      for (const [at, node] of market.nodes.entries()) {
        for (const ref of [GENERAL, ACTIVITY]) {
          const { free, held } = node.here(ref);
          const lease = new Set(market.leased(['a', 'b'][at], ref));
          expect([...free, ...held].filter((serial) => !lease.has(serial))).toEqual([]);
        }
        expect(node.lost).toEqual([]);
      }
      market.dispose();
    }),
    { numRuns: 40 },
  );
});
