/** What becomes of a node's seats: kept, passed, taken anew, given up. */
import { afterEach, expect, test } from 'vitest';
import { TestCluster } from './test-cluster.ts';

let cluster: TestCluster;
afterEach(() => cluster.dispose());

test('the first nodes of an installation open every shard, and claims of all reach all', async () => {
  cluster = await TestCluster.open('a', 'b');
  expect(cluster.sell(cluster.nodes[0], 20)).toBe(20);
  expect(cluster.sell(cluster.nodes[1], 20)).toBe(20);
  await cluster.assertSound();
  expect(cluster.store.rows.size).toBe(40);
  expect(cluster.nodes[0].state?.shards.every(({ phase }) => phase === 'open')).toBe(true);
});

test("a dead node's units are back within 15 seconds, and it is no member when its claims are stored", async () => {
  cluster = await TestCluster.open('a', 'b');
  const [a, b] = cluster.nodes;
  cluster.sell(a, 10);
  cluster.server.of(1).lease(a.seats.get(1)!, { templateId: 1, activityId: 0 }, 999, [], [], 50);
  a.kill();
  await cluster.clock.pass(15_000);
  const [pool] = cluster.server.of(1).pools(b.seats.get(1)!.incarnation);
  expect(pool.leases.filter(({ nodeId }) => nodeId === 'a')).toEqual([]);
  await cluster.clock.pass(5_000);
  expect((await cluster.store.members()).filter(({ nodeId }) => nodeId === 'a')).toEqual([]);
  await cluster.assertSound([b]);
});

test('a frozen node is fenced when it wakes, joins anew and stays a member', async () => {
  cluster = await TestCluster.open('a', 'b');
  const [a] = cluster.nodes;
  cluster.sell(a, 10);
  const epoch = a.seats.get(1)!.epoch;
  a.isFrozen = true;
  await cluster.clock.pass(40_000);
  expect((await cluster.store.members()).some(({ nodeId }) => nodeId === 'a')).toBe(false);
  a.isFrozen = false;
  cluster.sell(a, 2);
  await cluster.clock.until(() => (a.seats.get(1)?.epoch ?? epoch) !== epoch, 'a has a new seat');
  await cluster.clock.pass(2_000);
  expect((await cluster.store.members()).filter(({ nodeId }) => nodeId === 'a')).toHaveLength(16);
  expect(cluster.sell(a, 10)).toBe(10);
  await cluster.assertSound();
});

test('with the record store away claims go on, and are stored when it is back', async () => {
  cluster = await TestCluster.open('a', 'b');
  cluster.store.isAway = true;
  await cluster.clock.pass(60_000);
  expect(cluster.sell(cluster.nodes[0], 10)).toBe(10);
  expect(cluster.nodes[0].state?.storeAwaySinceMs).not.toBeNull();
  cluster.store.isAway = false;
  await cluster.clock.pass(20_000);
  await cluster.assertSound();
});

test('a ledger that was only away loses nothing', async () => {
  cluster = await TestCluster.open('a', 'b');
  cluster.sell(cluster.nodes[0], 10);
  const incarnations = (await cluster.store.shards()).map(({ incarnation }) => incarnation);
  cluster.server.isAway = true;
  await cluster.clock.pass(60_000);
  cluster.server.isAway = false;
  await cluster.clock.pass(20_000);
  await cluster.allOpen();
  expect((await cluster.store.shards()).map(({ incarnation }) => incarnation)).toEqual(incarnations);
  expect(cluster.sell(cluster.nodes[1], 10)).toBe(10);
  await cluster.assertSound();
});

test('a node that stops cleanly leaves nothing behind', async () => {
  cluster = await TestCluster.open('a', 'b');
  const [a, b] = cluster.nodes;
  cluster.sell(a, 10);
  expect(await a.stop()).toBe(true);
  expect((await cluster.store.members()).some(({ nodeId }) => nodeId === 'a')).toBe(false);
  expect((await cluster.store.nodes()).find(({ nodeId }) => nodeId === 'a')?.state).toBe('stopped');
  await cluster.assertSound([b]);
});

test('a node that starts again stores its old logs, then has them removed, and knows every claim', async () => {
  cluster = await TestCluster.open('a', 'b');
  const [a, b] = cluster.nodes;
  cluster.sell(a, 10);
  a.kill();
  cluster.sell(b, 10);
  await cluster.clock.pass(1_000);
  a.start();
  await cluster.allOpen();
  await cluster.clock.pass(2_000);
  expect(a.said).toContain('old logs stored: 1');
  expect((await cluster.store.shards()).every(({ incarnation }) => incarnation <= 4)).toBe(true);
  await cluster.assertSound();
});

test('a node that was cut off from the stream is given the rest from the store', async () => {
  cluster = await TestCluster.open('a', 'b');
  const [a, b] = cluster.nodes;
  cluster.sell(a, 40);
  await cluster.clock.pass(5_000);
  const { incarnation } = b.seats.get(1)!;
  cluster.server.of(1).trim(incarnation, 20);
  b.coordinator.met(1, (keeper) => keeper.cutOff(incarnation));
  await cluster.clock.until(() => b.memory.has('1/0'), 'b has the claims');
  await cluster.allOpen();
  await cluster.assertSound();
});

test('a forgotten node, and one whose directory was copied, stop', async () => {
  cluster = await TestCluster.open('a', 'b');
  const [a, b] = cluster.nodes;
  await cluster.store.forgetNode('a');
  await cluster.store.registerNode('b', 'another', 'elsewhere');
  await cluster.clock.pass(10_000);
  expect(a.fatal[0]).toMatch(/forgotten/);
  expect(b.fatal[0]).toMatch(/another process/);
});

test('what cannot be reached is told and tried on, and shows by shard as long as it lasts', async () => {
  cluster = await TestCluster.open('a', 'b');
  const [a] = cluster.nodes;
  expect(a.troubles).toEqual([]);
  cluster.server.isAway = true;
  await cluster.clock.pass(5_000);
  expect(a.troubles).toContain('seats could not be kept');
  expect(a.state?.shards.every(({ ledgerAway }) => ledgerAway !== null)).toBe(true);
  cluster.server.isAway = false;
  await cluster.clock.pass(10_000);
  expect(a.state?.shards.every(({ ledgerAway }) => ledgerAway === null)).toBe(true);
  const before = a.troubles.length;
  cluster.store.isAway = true;
  await cluster.clock.pass(5_000);
  expect(a.troubles.slice(before)).toContain('the record store could not be looked at');
  // Once in ten seconds each, however often they are tried.
  await cluster.clock.pass(100_000);
  expect(a.troubles.length - before).toBeLessThan(80);
});

test('a stream that cannot be flushed is told', async () => {
  cluster = await TestCluster.open('a');
  const [a] = cluster.nodes;
  cluster.store.commitClaims = async () => {
    throw new Error('the disk of the database is full');
  };
  cluster.sell(a, 10);
  await cluster.clock.pass(5_000);
  expect(a.troubles).toContain('a stream could not be flushed');
});

test('a record store that has lost its last rows gets them again from the streams', async () => {
  cluster = await TestCluster.open('a', 'b');
  const [a, b] = cluster.nodes;
  cluster.sell(a, 20);
  await cluster.clock.pass(5_000);
  const before = cluster.store.copyOfClaims();
  cluster.sell(b, 20);
  await cluster.clock.pass(5_000);
  expect(cluster.store.rows.size).toBe(40);
  const incarnations = (await cluster.store.shards()).map(({ incarnation }) => incarnation);
  cluster.store.goBackTo(before);
  await cluster.clock.pass(30_000);
  await cluster.assertSound();
  expect((await cluster.store.shards()).map(({ incarnation }) => incarnation)).toEqual(incarnations);
});

test('one that has gone back behind what is left of a stream gets the rest from local logs, and the shard is rebuilt', async () => {
  cluster = await TestCluster.open('a', 'b');
  const [a, b] = cluster.nodes;
  cluster.sell(a, 20);
  await cluster.clock.pass(5_000);
  const before = cluster.store.copyOfClaims();
  cluster.sell(b, 20);
  cluster.followAll();
  await cluster.clock.pass(5_000);
  const { incarnation } = a.seats.get(1)!;
  cluster.server.of(1).trim(incarnation, 20);
  expect(cluster.server.of(1).start(incarnation)).toBe(20);
  cluster.store.goBackTo(before);
  await cluster.clock.pass(40_000);
  await cluster.allOpen();
  expect(a.seats.get(1)!.incarnation).toBeGreaterThan(incarnation);
  expect(a.seats.get(2)!.incarnation).toBe(b.seats.get(2)!.incarnation);
  expect(
    [...a.troubles, ...b.troubles].filter((what) => what.startsWith('the record store has lost claims')),
  ).not.toEqual([]);
  await cluster.assertSound();
  expect(cluster.sell(a, 10)).toBe(10);
  await cluster.assertSound();
});

test('and from the stream, as far as that goes, what only a node knew that is gone for good', async () => {
  cluster = await TestCluster.open('a', 'b');
  const [a, b] = cluster.nodes;
  cluster.sell(a, 20);
  await cluster.clock.pass(5_000);
  const before = cluster.store.copyOfClaims();
  cluster.sell(a, 20);
  cluster.followAll();
  await cluster.clock.pass(5_000);
  for (const id of [1, 2]) cluster.server.of(id).trim(a.seats.get(id)!.incarnation, 20);
  cluster.store.goBackTo(before);
  cluster.sell(b, 6);
  b.kill();
  await cluster.store.forgetNode('b');
  await cluster.clock.pass(60_000);
  await cluster.allOpen([a]);
  await cluster.assertSound([a]);
});
