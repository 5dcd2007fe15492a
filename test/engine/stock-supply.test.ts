/** A node asks the shared ledger for units before they run out, and gives back what others need. */
import { afterEach, describe, expect, test } from 'vitest';
import {
  ACTIVITY,
  GENERAL,
  SHARD,
  SupplyMarket,
  type SupplyNode,
  type SupplyOptions,
} from './supply-stage.ts';

let market: SupplyMarket;
let node: SupplyNode;
let other: SupplyNode;

/** Two nodes; the first has opened the general pool. */
async function start(units: number, options: SupplyOptions = {}): Promise<void> {
  market = new SupplyMarket(['a', 'b'], units, options);
  [node, other] = market.nodes;
  node.upper.open(GENERAL);
  await market.pass(5);
}

afterEach(() => market.dispose());

describe('a pool', () => {
  test('asks for units when it is opened, once', async () => {
    await start(1_000);
    node.upper.open(GENERAL);
    await market.pass(5);
    expect(node.calls).toEqual([{ activityId: 0, sequence: 1, want: 65_536 }]);
    // Half of what is free, shared by the nodes.
    expect([node.free(GENERAL), market.leased('a', GENERAL).length]).toEqual([250, 250]);
  });

  test('asks for more below half of what it last got, not at half', async () => {
    await start(1_000);
    node.take(GENERAL, 125);
    expect(node.calls.length).toBe(1);
    node.take(GENERAL, 1);
    await market.pass(5);
    expect(node.calls.at(-1)).toMatchObject({ sequence: 2, want: 65_536 });
    expect(node.free(GENERAL)).toBe(124 + 188);
  });

  test('without a seat asks nothing, and asks when there is one', async () => {
    await start(1_000);
    node.seats.close(SHARD);
    node.take(GENERAL, 250);
    expect(node.calls.length).toBe(1);
    node.sit();
    await market.pass(5);
    expect(node.calls.length).toBe(2);
    expect(market.leased('a', GENERAL).length).toBe(node.free(GENERAL));
  });

  test('that is not known to the ledger is closed, until it is looked at again', async () => {
    await start(100);
    const unknown = { templateId: GENERAL.templateId, activityId: 9 };
    node.upper.open(unknown);
    await market.pass(5);
    expect(node.upper.mayCome(unknown)).toBe(false);
    market.model.fund(node.seats.get(SHARD)!, unknown, 10);
    node.upper.look(unknown);
    await market.pass(5);
    expect([node.upper.mayCome(unknown), node.free(unknown)]).toEqual([true, 10]);
  });
});

describe('a call whose outcome is unknown', () => {
  test('that was executed is repeated under its sequence and leases once', async () => {
    market = new SupplyMarket(['a'], 1_000);
    [node] = market.nodes;
    node.fault = 'answer lost';
    node.upper.open(GENERAL);
    await market.pass(2_000);
    expect(node.free(GENERAL)).toBe(0);
    node.fault = 'none';
    await market.pass(2_000);
    expect(new Set(node.calls.map(({ sequence }) => sequence))).toEqual(new Set([1]));
    expect([node.free(GENERAL), market.leased('a', GENERAL).length]).toEqual([500, 500]);
  });

  test('is not repeated under a new seat, which asks anew', async () => {
    market = new SupplyMarket(['a'], 1_000);
    [node] = market.nodes;
    node.fault = 'answer lost';
    node.upper.open(GENERAL);
    await market.pass(100);
    node.fault = 'none';
    node.sit();
    await market.pass(3_000);
    expect([node.free(GENERAL), market.leased('a', GENERAL).length]).toEqual([500, 500]);
    market.model.assertUnits();
  });

  test('leaves units in hand to be sold, and reports them when it is known', async () => {
    await start(1_000);
    node.fault = 'away';
    node.take(GENERAL, 200);
    node.sell(GENERAL, 200);
    await market.pass(1_000);
    node.fault = 'none';
    node.take(GENERAL, 200);
    await market.pass(3_000);
    node.take(GENERAL, 200);
    await market.pass(100);
    expect(market.leased('a', GENERAL).length).toBe(node.free(GENERAL) + node.leased(GENERAL));
  });
});

describe('units that other nodes have', () => {
  test('are waited for, and come when a node gives them back', async () => {
    await start(64);
    other.upper.open(GENERAL);
    await market.pass(100);
    expect([node.free(GENERAL), other.free(GENERAL)]).toEqual([32, 32]);
    expect(other.upper.mayCome(GENERAL)).toBe(true);
  });

  test('are looked for again though the notice got lost, while somebody waits', async () => {
    await start(64);
    other.upper.open(GENERAL);
    await market.pass(20, true);
    other.take(GENERAL, 1);
    market.model.giveBack(node.seats.get(SHARD)!, GENERAL, 9, [], node.withdraw(GENERAL, 32));
    await market.pass(100, true);
    expect(other.free(GENERAL)).toBe(32);
  });

  test('are not asked for again and again while nobody waits', async () => {
    await start(64);
    other.upper.open(GENERAL);
    await market.pass(1_000, true);
    expect(other.calls.length).toBe(1);
  });

  test('given back on another’s behalf are not made up for before they are needed', async () => {
    await start(1_000);
    market.model.notices.push({ kind: 'recall', shard: SHARD, ref: GENERAL, all: false });
    await market.pass(5);
    expect([node.free(GENERAL), node.calls.length, node.recalls]).toEqual([125, 2, [false]]);
    node.take(GENERAL, 124);
    await market.pass(5);
    expect(node.calls.length).toBe(2);
    node.take(GENERAL, 1);
    await market.pass(5);
    expect(node.calls.length).toBe(2);
    node.take(GENERAL, 1);
    await market.pass(5);
    expect(node.calls.length).toBe(3);
  });

  test('given back for good are not asked for again at once', async () => {
    await start(64);
    market.model.recall(node.seats.get(SHARD)!, GENERAL);
    await market.pass(100);
    expect([node.free(GENERAL), market.free(GENERAL), node.recalls]).toEqual([0, 64, [true]]);
    node.take(GENERAL, 1);
    await market.pass(80);
    expect(market.free(GENERAL)).toBe(64);
    await market.pass(200);
    expect(node.free(GENERAL)).toBe(64);
  });

  test('given back for a move are asked for again as soon as it is made', async () => {
    await start(64);
    market.model.fund({ shard: SHARD, incarnation: 1, version: 0 }, ACTIVITY, 40);
    await market.pass(5);
    node.take(GENERAL, 1);
    await market.pass(20);
    expect([node.free(GENERAL), market.free(GENERAL)]).toEqual([0, 64]);
    market.model.fund({ shard: SHARD, incarnation: 1, version: 0 }, ACTIVITY, 40);
    await market.pass(5);
    expect(node.free(GENERAL)).toBe(24);
  });

  test('given back for good are asked for again, be the timer early', async () => {
    await start(64, { timersEarlyMs: 0.4 });
    market.model.recall(node.seats.get(SHARD)!, GENERAL);
    await market.pass(100);
    node.take(GENERAL, 1);
    await market.pass(150);
    expect(node.free(GENERAL)).toBe(64);
  });

  test('of a pool that has ended go back, also those whose codes are made only then', async () => {
    await start(164, { ofActivity: 64 });
    node.upper.open(ACTIVITY);
    await market.pass(5);
    expect(node.free(ACTIVITY)).toBeGreaterThan(0);
    const made = node.makeCodes(ACTIVITY);
    market.model.closePool({ shard: SHARD, incarnation: 1, version: 0 }, ACTIVITY);
    node.upper.close(ACTIVITY);
    await market.pass(50);
    made();
    await market.pass(50);
    expect([node.free(ACTIVITY), market.leased('a', ACTIVITY)]).toEqual([0, []]);
  });

  test('too few for all nodes come to rest where they were wanted last', async () => {
    await start(1);
    other.upper.open(GENERAL);
    await market.pass(3_000);
    expect([node.free(GENERAL), other.free(GENERAL)]).toEqual([0, 1]);
    expect(node.calls.length + other.calls.length).toBeLessThan(8);
    node.take(GENERAL, 1);
    await market.pass(100);
    expect([node.free(GENERAL), other.free(GENERAL)]).toEqual([1, 0]);
  });

  test('that came unnoticed are found, also where everything was sold', async () => {
    await start(64);
    node.take(GENERAL, 65);
    node.sell(GENERAL, 64);
    await market.pass(500);
    expect(node.upper.mayCome(GENERAL)).toBe(false);
    market.model.raise(node.seats.get(SHARD)!, GENERAL.templateId, 74);
    market.model.notices.splice(0);
    await market.pass(500);
    expect(node.free(GENERAL)).toBe(10);
  });
});

describe('a pool without units anywhere', () => {
  test('is exhausted with the length of the stream of then', async () => {
    await start(64);
    node.take(GENERAL, 65);
    node.sell(GENERAL, 64);
    await market.pass(500);
    expect([node.upper.mayCome(GENERAL), node.upper.exhaustedAt(GENERAL)]).toEqual([false, 0]);
    node.upper.look(GENERAL);
    expect(node.upper.mayCome(GENERAL)).toBe(true);
    await market.pass(100);
    expect(node.upper.mayCome(GENERAL)).toBe(false);
  });

  test('asks again when it was given more', async () => {
    await start(64);
    node.take(GENERAL, 65);
    node.sell(GENERAL, 64);
    await market.pass(500);
    market.model.raise(node.seats.get(SHARD)!, GENERAL.templateId, 74);
    await market.pass(100);
    expect([node.free(GENERAL), node.upper.mayCome(GENERAL)]).toEqual([10, true]);
  });
});

test('a refused call stays until there is a new seat, and is told once', async () => {
  await start(1_000);
  market.model.restart();
  node.take(GENERAL, 250);
  await market.pass(5_000);
  expect([node.lost, node.calls.length]).toEqual([['the server was restarted or replaced'], 2]);
});

test('everything that is free is given back before the end', async () => {
  await start(1_000);
  node.take(GENERAL, 30);
  node.sell(GENERAL, 10);
  const given = node.upper.giveAllBack();
  await market.pass(5);
  await given;
  expect(market.leased('a', GENERAL).length).toBe(20);
  market.model.assertUnits();
});

describe('what goes wrong with the units of a pool', () => {
  const TAKEN_ANEW = 'the units of a pool are not what the ledger has; its shard is taken anew';

  test('because the ledger knows a later call gives the seat up, and a new one sells on', async () => {
    await start(1_000);
    const late = market.model.lease(node.seats.get(SHARD)!, GENERAL, 5, [], [], 1);
    expect(late.kind).toBe('granted');
    node.take(GENERAL, 200);
    await market.pass(5);
    await market.pass(200);
    expect([node.said, node.lost]).toEqual([[TAKEN_ANEW], ['fenced']]);
    node.sit();
    await market.pass(5);
    expect(market.leased('a', GENERAL).length).toBe(node.free(GENERAL));
    expect(node.free(GENERAL)).toBeGreaterThan(0);
  });

  test('here asks nothing more under that seat, and gives it up again ever more rarely', async () => {
    await start(1_000);
    node.supply = () => {
      throw new Error('these units are here already');
    };
    node.take(GENERAL, 200);
    for (const pauseMs of [50, 100, 200, 400]) {
      const calls = node.calls.length;
      await market.pass(pauseMs * 0.7);
      expect(node.lost.length).toBe(0);
      await market.pass(pauseMs * 0.6);
      expect(node.lost.splice(0)).toEqual(['fenced']);
      await market.pass(1_000);
      expect(node.calls.length).toBeLessThanOrEqual(calls + 1);
      node.sit();
    }
    expect(new Set(node.said)).toEqual(new Set([TAKEN_ANEW]));
  });

  test('while something else is told of it does not reach that', async () => {
    await start(1_000);
    node.withdraw = () => {
      throw new Error('there are not so many');
    };
    market.model.recall(node.seats.get(SHARD)!, GENERAL);
    await market.pass(100);
    expect([node.said, node.lost]).toEqual([[TAKEN_ANEW], ['fenced']]);
  });
});

test('a ledger that does not answer is told of once, and once that it does again', async () => {
  await start(1_000);
  node.fault = 'away';
  node.take(GENERAL, 200);
  await market.pass(20_000);
  expect(node.said).toEqual(['the ledger does not answer; units in hand are sold meanwhile']);
  node.fault = 'none';
  await market.pass(3_000);
  expect(node.said.slice(1)).toEqual(['the ledger answers again']);
});

test('who is asked for units it has sold tells that they are, few as they may be', async () => {
  await start(100);
  const mine = node.free(GENERAL);
  node.take(GENERAL, mine);
  await market.pass(100);
  const all = node.free(GENERAL);
  node.take(GENERAL, all);
  node.sell(GENERAL, mine + all);
  await market.pass(100);
  const before = market.leased('a', GENERAL).length;
  const short = market.model.fund(node.seats.get(SHARD)!, ACTIVITY, 90);
  expect([before > 0, short.kind]).toEqual([true, 'short']);
  await market.pass(100);
  expect(market.leased('a', GENERAL)).toEqual([]);
});
