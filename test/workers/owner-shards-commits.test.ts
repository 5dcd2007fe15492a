/** A commit is sent, just as it was, until it is known what became of it; its clients do not wait so long. */
import { expect, test } from 'vitest';
import { Verdict } from '../../src/actors/verdict.ts';
import { SHARD } from '../actors/cluster-stage.ts';
import { ShardsStage } from './shards-stage.ts';

const { claimed, alreadyClaimed, unavailable } = Verdict;

test('a commit is answered, and how long the stream is by then is noted before the claim is logged', async () => {
  const at = new ShardsStage();
  await at.open();
  at.sellElsewhere(90);
  const noted: number[] = [];
  at.stage.onAppend = () => noted.push(at.places.of(SHARD).known);
  const slot = at.claim(1);
  await at.clock.pass(0);
  expect([at.stage.verdict(slot), noted]).toEqual([claimed, [2]]);
});

test('a commit whose outcome is unknown is sent again just as it was, and executed once', async () => {
  const at = new ShardsStage();
  await at.open();
  at.losesAnswers = true;
  const slot = at.claim(1);
  await at.clock.pass(300);
  expect([at.stage.verdict(slot), at.stage.owner.flights]).toEqual([unavailable, 1]);
  at.losesAnswers = false;
  await at.clock.pass(1_000);
  expect(at.batches.length).toBeGreaterThan(2);
  expect(new Set(at.batches.map(({ sequence }) => sequence))).toEqual(new Set([1]));
  expect([at.head, at.stage.logged.length, at.stage.owner.flights]).toEqual([1, 1, 0]);
  const [again] = at.stage.drain([1], at.clock.nowMs());
  expect(at.stage.verdict(again)).toBe(alreadyClaimed);
});

test('a commit that never arrived is executed when the ledger is back', async () => {
  const at = new ShardsStage();
  await at.open();
  at.server.isAway = true;
  at.claim(1);
  await at.clock.pass(20_000);
  expect([at.head, at.stage.owner.flights]).toEqual([0, 1]);
  at.server.isAway = false;
  await at.clock.pass(700);
  expect([at.head, at.stage.owner.flights]).toEqual([1, 0]);
});

test('a commit that hangs is unavailable after a second, and what it sold is taken in when it is told', async () => {
  const at = new ShardsStage();
  await at.open();
  const answer = at.hangCommits();
  const slot = at.claim(1);
  await at.clock.pass(900);
  expect(at.stage.verdict(slot)).toBeUndefined();
  await at.clock.pass(300);
  expect([at.stage.verdict(slot), at.batches.length]).toEqual([unavailable, 1]);
  answer();
  await at.clock.pass(0);
  expect([at.stage.logged.length, at.stage.owner.flights]).toEqual([1, 0]);
});

test('a commit of a seat that was left is not sent again', async () => {
  const at = new ShardsStage();
  await at.open();
  at.server.isAway = true;
  at.claim(1);
  await at.clock.pass(100);
  at.shards.close(SHARD);
  at.stage.owner.suspend(SHARD);
  const { length } = at.batches;
  at.server.isAway = false;
  await at.clock.pass(5_000);
  expect([at.batches.length, at.head]).toEqual([length, 0]);
});

test('a commit refused as fenced or lost is told with the seat it was made under', async () => {
  const at = new ShardsStage();
  await at.open();
  at.join('a', '2');
  const slot = at.claim(1);
  await at.clock.pass(0);
  expect([at.stage.verdict(slot), at.stage.refused]).toEqual([
    unavailable,
    [[SHARD, 'fenced', 'its seat has passed']],
  ]);
  at.shards.refusedShard(SHARD, 'lost', 'why');
  const { epoch } = at.seat;
  expect(at.told.at(-1)).toEqual({
    kind: 'shardRefused',
    shard: SHARD,
    incarnation: 1,
    epoch,
    why: 'lost',
    detail: 'why',
  });
});

test('what an answer told of the shard is asked for from then on: a server that was rolled back is noticed', async () => {
  const at = new ShardsStage();
  await at.open();
  at.claim(1);
  await at.clock.pass(0);
  at.claim(2);
  await at.clock.pass(0);
  const [first, second] = at.batches.map(({ seat }) => seat.version);
  expect(second).toBeGreaterThan(first);
});

test('after the stop nothing is sent or read any more', async () => {
  const at = new ShardsStage();
  await at.open();
  at.server.isAway = true;
  at.claim(1);
  await at.clock.pass(0);
  at.shards.stop();
  at.server.isAway = false;
  const { length } = at.batches;
  at.sellElsewhere(2);
  await at.clock.pass(5_000);
  expect([at.batches.length, at.reads]).toEqual([length, []]);
});
