/** What a node has sold is reported to the shared ledger, and what is left of a pool that has ended goes back there. */
import { afterEach, describe, expect, test } from 'vitest';
import {
  ACTIVITY,
  GENERAL,
  SHARD,
  SupplyMarket,
  type SupplyNode,
  type SupplyOptions,
} from './supply-stage.ts';

/** A report is worth a call of its own from here on. */
const REPORT_UNITS = 16_384;

let market: SupplyMarket;
let node: SupplyNode;

/** Two nodes; the first has opened the general pool. */
async function start(units: number, options: SupplyOptions = {}): Promise<void> {
  market = new SupplyMarket(['a', 'b'], units, options);
  [node] = market.nodes;
  node.upper.open(GENERAL);
  await market.pass(5);
}

afterEach(() => market.dispose());

describe('a pool that has ended', () => {
  test('gives back what is free at once and the rest when owners have given it back', async () => {
    await start(200, { ofActivity: 60 });
    node.upper.open(ACTIVITY);
    await market.pass(5);
    node.take(ACTIVITY, 20);
    market.model.closePool(node.seats.get(SHARD)!, ACTIVITY);
    node.upper.close(ACTIVITY);
    await market.pass(5);
    expect([market.leased('a', ACTIVITY).length, node.recalls[0]]).toEqual([20, true]);
    node.sell(ACTIVITY, 5);
    node.putBack(ACTIVITY);
    await market.pass(5);
    expect([market.leased('a', ACTIVITY), node.upper.mayCome(ACTIVITY)]).toEqual([[], false]);
    market.model.assertUnits();
  });

  test('stays ended under a new seat and when somebody looks', async () => {
    await start(200, { ofActivity: 60 });
    node.upper.open(ACTIVITY);
    await market.pass(5);
    node.upper.close(ACTIVITY);
    await market.pass(5);
    node.sit();
    node.upper.look(ACTIVITY);
    await market.pass(500);
    expect([node.free(ACTIVITY), node.upper.mayCome(ACTIVITY)]).toEqual([0, false]);
  });
});

describe('sales', () => {
  test('are reported with the next call, or alone once there are many', async () => {
    await start(20_100, { held: 20_000 });
    const calls = node.calls.length;
    node.sell(GENERAL, REPORT_UNITS - 1);
    expect(node.calls.length).toBe(calls);
    node.sell(GENERAL, 1);
    await market.pass(5);
    expect(node.calls.at(-1)).toMatchObject({ sequence: calls + 1, want: 0 });
    expect(market.leased('a', GENERAL).length).toBe(20_064 - REPORT_UNITS);
    node.sell(GENERAL, 100);
    node.take(GENERAL, 60);
    await market.pass(5);
    expect(market.leased('a', GENERAL).length).toBe(node.free(GENERAL) + node.leased(GENERAL));
  });

  test('that the ledger was told by each commit are not told again', async () => {
    await start(20_100, { held: 20_000, reportsSales: false });
    node.sell(GENERAL, 20_000);
    expect(node.calls.length).toBe(1);
  });

  test('before the ledger was written anew are no lease there', async () => {
    await start(200);
    node.take(GENERAL, 10);
    node.sell(GENERAL, 10);
    node.upper.planned(SHARD);
    node.take(GENERAL, 40);
    await market.pass(5);
    expect(market.leased('a', GENERAL).filter((serial) => serial < 10).length).toBe(10);
  });
});
