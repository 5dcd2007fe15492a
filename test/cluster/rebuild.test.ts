/** Lost ledgers: what was acknowledged is never lost with them, whoever is frozen, silent or dies meanwhile. */
import { afterEach, expect, test } from 'vitest';
import { TestCluster } from './test-cluster.ts';

let cluster: TestCluster;
afterEach(() => cluster.dispose());

function restartLedger(empty = true): void {
  for (const model of cluster.server.models) model.restart({ empty });
}

async function rebuilt(): Promise<void> {
  await cluster.clock.until(() => cluster.nodes.some((node) => !node.isOpen(1)), 'the loss is seen');
  await cluster.allOpen();
}

for (const empty of [true, false]) {
  test(`a ledger that comes back ${empty ? 'empty' : 'with its data'} is opened anew from records and logs`, async () => {
    cluster = await TestCluster.open('a', 'b');
    cluster.sell(cluster.nodes[0], 30);
    cluster.sell(cluster.nodes[1], 30);
    restartLedger(empty);
    await rebuilt();
    await cluster.assertSound();
    expect(cluster.sell(cluster.nodes[0], 20)).toBe(20);
    expect(cluster.sell(cluster.nodes[1], 20)).toBe(20);
    await cluster.assertSound();
    expect(cluster.store.rows.size).toBe(100);
  });
}

test('an older ledger is not sold from', async () => {
  cluster = await TestCluster.open('a', 'b');
  cluster.sell(cluster.nodes[0], 10);
  const snapshots = cluster.server.models.map((model) => model.snapshot());
  cluster.sell(cluster.nodes[0], 10);
  cluster.server.models.forEach((model, i) => void model.rollBack(snapshots[i]));
  expect(cluster.sell(cluster.nodes[1], 10)).toBe(0);
  await rebuilt();
  cluster.sell(cluster.nodes[1], 10);
  await cluster.assertSound();
});

test('each of all units is sold once, across losses', async () => {
  cluster = await TestCluster.open('a', 'b');
  for (let round = 0; round < 12; round++) {
    cluster.sell(cluster.nodes[round % 2], 40);
    if (round % 4 === 3) {
      restartLedger(round % 8 === 3);
      await rebuilt();
    }
  }
  await cluster.assertSound();
  expect(cluster.acknowledged.size).toBe(400);
});

test('a silent member keeps the shard closed and is named, until it is back', async () => {
  cluster = await TestCluster.open('a', 'b');
  const [a, b] = cluster.nodes;
  cluster.store.isAway = true;
  cluster.sell(a, 10);
  a.kill();
  cluster.store.isAway = false;
  restartLedger();
  await cluster.clock.pass(60_000);
  expect(b.isOpen(1)).toBe(false);
  expect(b.state?.shards[1].waitingFor).toEqual(['a']);
  a.start();
  await cluster.allOpen();
  await cluster.assertSound();
});

test('a silent member that is forgotten is waited for no more', async () => {
  cluster = await TestCluster.open('a', 'b');
  const [a, b] = cluster.nodes;
  a.kill();
  restartLedger();
  await cluster.clock.pass(30_000);
  expect(b.isOpen(1)).toBe(false);
  await cluster.store.forgetNode('a');
  await cluster.allOpen([b]);
  cluster.sell(b, 10);
  await cluster.assertSound([b]);
});

test('a frozen member is waited for, and what it had is not lost', async () => {
  cluster = await TestCluster.open('a', 'b');
  const [a, b] = cluster.nodes;
  cluster.store.isAway = true;
  cluster.sell(a, 10);
  a.isFrozen = true;
  cluster.store.isAway = false;
  restartLedger();
  await cluster.clock.pass(60_000);
  expect(b.isOpen(1)).toBe(false);
  a.isFrozen = false;
  await cluster.allOpen();
  await cluster.assertSound();
});

test('a rebuilder that dies half way is followed by another', async () => {
  cluster = await TestCluster.open('a', 'b', 'c');
  cluster.sell(cluster.nodes[0], 20);
  cluster.followAll();
  await cluster.clock.pass(3_000);
  let dead = 0;
  cluster.server.beforeOpen = (shard) => {
    if (shard !== 1 || dead > 0) return;
    dead++;
    // Whoever it is stands still for longer than anybody's patience.
    const rebuilders = cluster.nodes.filter((node) =>
      node.state?.shards[1].why?.startsWith('its ledger is being rebuilt'),
    );
    for (const node of rebuilders) node.isFrozen = true;
    return cluster.clock.sleep(200_000);
  };
  restartLedger();
  await cluster.clock.pass(190_000);
  for (const node of cluster.nodes) node.isFrozen = false;
  await cluster.allOpen();
  expect(dead).toBe(1);
  cluster.sell(cluster.nodes[2], 10);
  await cluster.assertSound();
});

test('shards open however long the store counts and other shards load', async () => {
  cluster = await TestCluster.open('a', 'b');
  cluster.sell(cluster.nodes[0], 30);
  const { store, clock } = cluster;
  const count = store.countByTemplate.bind(store);
  store.countByTemplate = async () => {
    await clock.sleep(100_000);
    return await count();
  };
  let loads = 0;
  cluster.server.beforeOpen = () => clock.sleep(loads++ < 40 ? 45_000 : 0);
  restartLedger();
  await clock.until(() => cluster.nodes.some((node) => !node.isOpen(1)), 'the loss is seen');
  await clock.pass(100_000 + 16 * 45_000 + 60_000);
  expect(cluster.nodes.map((node) => [node.isOpen(1), node.isOpen(2)])).toEqual([
    [true, true],
    [true, true],
  ]);
  expect(loads).toBeLessThan(20);
  cluster.sell(cluster.nodes[1], 10);
  await cluster.assertSound();
});

test('a ledger that is lost again while it is rebuilt', async () => {
  cluster = await TestCluster.open('a', 'b');
  cluster.sell(cluster.nodes[0], 20);
  let times = 0;
  cluster.server.beforeOpen = (shard) => {
    if (shard === 1 && times++ < 2) cluster.server.models[1].restart({ empty: true });
    if (shard === 2 && times++ < 4) throw new Error('the ledger is away');
  };
  restartLedger();
  await rebuilt();
  cluster.sell(cluster.nodes[1], 20);
  await cluster.assertSound();
});

test('claims that nobody acknowledged may go or stay, but never twice', async () => {
  cluster = await TestCluster.open('a', 'b');
  const [a, b] = cluster.nodes;
  cluster.store.isAway = true;
  // In the stream only: its node dies before it has them in its log.
  for (let user = 1_000; user < 1_010; user++) a.claim(1, user, false);
  a.kill();
  cluster.store.isAway = false;
  a.start();
  restartLedger(false);
  await cluster.allOpen();
  expect(cluster.sell(b, 20)).toBe(20);
  await cluster.assertSound();
});

test('a conflict stops every node that meets it', async () => {
  cluster = await TestCluster.open('a', 'b');
  const [a] = cluster.nodes;
  cluster.store.isAway = true;
  cluster.sell(a, 2);
  cluster.store.rows.set('1/0', new Uint8Array(40));
  cluster.store.isAway = false;
  restartLedger();
  await cluster.clock.pass(20_000);
  expect(a.fatal[0]).toMatch(/two holders/);
});

test('old logs of a node that nobody waited for end the incarnation that lacks them', async () => {
  cluster = await TestCluster.open('a', 'b');
  const [a, b] = cluster.nodes;
  cluster.store.isAway = true;
  cluster.sell(a, 10);
  a.kill();
  cluster.store.isAway = false;
  restartLedger();
  // As if its membership had been struck off wrongly.
  const members = (await cluster.store.members()).filter(({ nodeId }) => nodeId === 'a');
  for (const { shard } of members) await cluster.store.contributed(shard, 'a', 1_000);
  await cluster.allOpen([b]);
  const { incarnation } = b.seats.get(1)!;
  a.start();
  await cluster.clock.until(() => (b.seats.get(1)?.incarnation ?? 0) > incarnation, 'a new incarnation');
  await cluster.allOpen();
  cluster.sell(b, 10);
  await cluster.assertSound();
});
