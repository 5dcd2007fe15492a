/** An owner's shards open when memory has their streams, and are followed from then on. */
import { expect, test } from 'vitest';
import { ENTRY_BYTES } from '../../src/claimlog/entry.ts';
import { streamLogId } from '../../src/cluster/log-ids.ts';
import { SHARD } from '../actors/cluster-stage.ts';
import { TEMPLATE } from '../actors/rules.ts';
import { ShardsStage } from './shards-stage.ts';

test('a shard opens once the stream is followed to where it was fenced', async () => {
  const at = new ShardsStage();
  at.sellElsewhere(1, 2, 3);
  const noted: number[] = [];
  at.stage.onAppend = () => noted.push(at.places.of(SHARD).known);
  void at.shards.open(at.seat, null);
  await at.clock.pass(0);
  // How long the stream is at least, before any of it is logged.
  expect(new Set(noted)).toEqual(new Set([3]));
  expect(at.told).toEqual([{ kind: 'shardOpened', shard: SHARD, epoch: at.seat.epoch }]);
  expect([at.followed, at.stage.logged]).toEqual([3, [0, 1, 2]]);
});

test('what was stored before this life is not read again', async () => {
  const at = new ShardsStage();
  at.sellElsewhere(1, 2, 3);
  const watermark = { logId: streamLogId(SHARD, 1), offset: 2 * ENTRY_BYTES };
  await at.shards.start([watermark], [at.seat]);
  expect([at.stage.followed[0], at.reads, at.stage.logged]).toEqual([[SHARD, 2], [2], [2]]);
});

test('a shard that was rebuilt is followed from where it says', async () => {
  const at = new ShardsStage();
  at.sellElsewhere(1, 2, 3);
  await at.shards.open(at.seat, 1);
  expect([at.reads, at.stage.logged]).toEqual([[1], [1, 2]]);
});

test('a shard of a ledger that is away opens when it is back', async () => {
  const at = new ShardsStage();
  at.server.isAway = true;
  let started = false;
  void at.shards.start([], [at.seat]).then(() => {
    started = true;
  });
  await at.clock.pass(4_900);
  expect([started, at.kinds().includes('shardOpened')]).toEqual([false, false]);
  // The owner does not wait for ever: it answers what it can.
  await at.clock.pass(200);
  expect(started).toBe(true);
  at.server.isAway = false;
  await at.clock.pass(600);
  expect(at.kinds().filter((kind) => kind !== 'trouble')).toEqual(['shardOpened']);
});

test('a shard that is closed while it is being opened stays closed', async () => {
  const at = new ShardsStage();
  at.server.isAway = true;
  void at.shards.open(at.seat, null);
  at.shards.close(SHARD);
  at.server.isAway = false;
  await at.clock.pass(10_000);
  expect(at.kinds()).toEqual(['trouble']);
});

test('a seat that is lost or has passed is told, not opened', async () => {
  const at = new ShardsStage();
  at.join('a', '2');
  await at.shards.open(at.seat, null);
  const { epoch } = at.seat;
  const about = { kind: 'shardRefused', shard: SHARD, incarnation: 1, epoch };
  expect(at.told).toEqual([{ ...about, why: 'fenced', detail: 'its seat has passed' }]);
  at.server.of(SHARD).restart();
  await at.shards.open(at.seat, null);
  expect(at.told[1]).toMatchObject({ ...about, why: 'lost' });
});

test('a notice is followed at once, and without one the stream is looked at all the same', async () => {
  const at = new ShardsStage();
  await at.open();
  at.sellElsewhere(1);
  at.tellHead();
  await at.clock.pass(0);
  expect(at.followed).toBe(1);
  at.sellElsewhere(2, 3);
  await at.clock.pass(0);
  expect(at.followed).toBe(1);
  await at.clock.pass(130);
  expect([at.followed, at.stage.logged]).toEqual([3, [0, 1, 2]]);
});

test('claims of what the catalog has not brought yet wait for it, and main is told', async () => {
  const at = new ShardsStage();
  await at.open();
  at.stage.owner.learn(TEMPLATE, 1);
  at.sellElsewhere(1, 2);
  at.tellHead();
  await at.clock.pass(200);
  expect([at.followed, at.kinds().includes('catalogBehind')]).toEqual([0, true]);
  at.stage.owner.learn(TEMPLATE, 100);
  await at.clock.pass(40);
  expect([at.followed, at.stage.logged]).toEqual([2, [0, 1]]);
});

test('a stream that was trimmed beyond what was read is told as cut off', async () => {
  const at = new ShardsStage();
  at.sellElsewhere(1);
  at.isTrimmed = true;
  await at.shards.open(at.seat, null);
  expect(at.told).toEqual([{ kind: 'shardCutOff', shard: SHARD, incarnation: 1 }]);
});

test('and so is one that is trimmed while it is followed', async () => {
  const at = new ShardsStage();
  await at.open();
  at.isTrimmed = true;
  at.sellElsewhere(1);
  at.tellHead();
  await at.clock.pass(0);
  expect(at.told.at(-1)).toEqual({ kind: 'shardCutOff', shard: SHARD, incarnation: 1 });
});

test('stored claims are taken in when the catalog has what they are about, and move no position', async () => {
  const at = new ShardsStage();
  at.sellElsewhere(1);
  at.stage.owner.learn(TEMPLATE, 0);
  let took = false;
  void at.shards.takeIn(SHARD, at.server.of(SHARD).read(1, 0)).then(() => {
    took = true;
  });
  await at.clock.pass(100);
  expect([took, at.stage.logged]).toEqual([false, []]);
  at.stage.owner.learn(TEMPLATE, 100);
  await at.clock.pass(30);
  expect([took, at.stage.isClaimed(0), at.stage.followed]).toEqual([true, true, []]);
});

test('a read that comes back when the shard has been left changes nothing any more', async () => {
  const at = new ShardsStage();
  await at.open();
  at.sellElsewhere(1, 2);
  const answer = at.hangReads();
  at.tellHead();
  await at.clock.pass(0);
  at.shards.close(SHARD);
  answer();
  await at.clock.pass(10);
  expect([at.followed, at.stage.logged]).toEqual([0, []]);
  // And nothing of it was passed over: the next seat reads it.
  await at.shards.open(at.join('a', '2'), null);
  expect([at.followed, at.stage.logged]).toEqual([2, [0, 1]]);
});

test('a stream is followed on under a new seat, also when one read under the last seat comes back then', async () => {
  const at = new ShardsStage();
  await at.open();
  const answerReads = at.hangReads();
  at.sellElsewhere(1, 2);
  at.tellHead();
  await at.clock.pass(10);
  at.shards.close(SHARD);
  const seat = at.join('a', '2');
  void at.shards.open(seat, null);
  await at.clock.pass(10);
  answerReads();
  await at.clock.pass(1_000);
  at.sellElsewhere(3);
  await at.clock.pass(1_000);
  expect(at.failures).toEqual([]);
  expect([at.followed, at.head]).toEqual([3, 3]);
});

test('a life that has been outlived ends: it must not serve beside the later one', async () => {
  const at = new ShardsStage(1);
  at.server.of(SHARD).fenceOwner(at.seat, 0, 2);
  await at.shards.open(at.seat, null);
  await at.clock.pass(10_000);
  expect(at.failures.map(String)).toEqual(['Error: a later life of this owner is known to the ledger']);
  expect(at.told).toEqual([]);
});

test('a ledger that cannot be asked is told, and not each time', async () => {
  const at = new ShardsStage();
  at.server.isAway = true;
  void at.shards.start([], [at.seat]);
  await at.clock.pass(9_000);
  const troubles = () => at.told.flatMap((one) => (one.kind === 'trouble' ? [one.trouble.what] : []));
  expect(troubles()).toEqual(['a shard could not be opened', 'the length of a stream could not be asked']);
  await at.clock.pass(10_000);
  expect(troubles()).toHaveLength(4);
});
