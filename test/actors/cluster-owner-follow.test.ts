/** Claims of other nodes come in by the streams: logged, then published and counted once, and known to every decision. */
import { describe, expect, test } from 'vitest';
import { UnitBits } from '../../src/actors/unit-bits.ts';
import { Verdict } from '../../src/actors/verdict.ts';
import { DRAIN_MAX, RECALL_WAIT_MS } from '../../src/limits.ts';
import { Committed } from '../../src/ports-commit.ts';
import { ClusterStage, entry, SHARD } from './cluster-stage.ts';
import { poolRules, TEMPLATE } from './rules.ts';

const { claimed, alreadyClaimed, unavailable } = Verdict;

describe('a claim of another node', () => {
  test('is published and counted when it is durable here, not before', () => {
    const stage = ClusterStage.selling();
    stage.follow(1, entry(70, 1, 1_234));
    expect([stage.logged, stage.isClaimed(70), stage.durableClaims()]).toEqual([[70], false, 0]);
    expect(stage.followed).toEqual([]);
    stage.sync();
    expect([stage.isClaimed(70), stage.durableClaims()]).toEqual([true, 1]);
    expect(stage.owner.actor(TEMPLATE, 0)!.units.claimedAtMs(70)).toBe(1_234);
    expect(stage.owner.actor(TEMPLATE, 0)!.units.code(70)).toBe(3 * 2 ** 32 + 79);
    expect(stage.followed).toEqual([[SHARD, 1]]);
  });

  test('takes nothing out of the slice of this owner', () => {
    const stage = ClusterStage.selling(10);
    stage.follow(1, entry(70, 1)).sync();
    const { slice } = stage.pool();
    expect([slice.pending, slice.unsold, slice.unreported]).toEqual([0, 10, 0]);
  });

  test('answers its user from memory from then on', () => {
    const stage = ClusterStage.selling();
    stage.follow(1, entry(70, 1)).sync();
    const [slot] = stage.drain([1]);
    expect(stage.answers).toEqual([{ slot, verdict: alreadyClaimed, serial: 70 }]);
    expect(stage.sent).toEqual([]);
  });

  test('that comes twice is logged and counted once', () => {
    const stage = ClusterStage.selling();
    stage.follow(1, entry(70, 1)).follow(2, entry(70, 1), entry(71, 2)).sync();
    expect([stage.logged, stage.durableClaims()]).toEqual([[70, 71], 2]);
  });

  test('that memory had from the start is counted no more, and its position is told all the same', () => {
    const stage = ClusterStage.selling();
    const actor = stage.owner.actor(TEMPLATE, 0)!;
    actor.give(stage.pool(), 1, 0, 0, 0, 70, -1);
    actor.units.publish(70, 1_000);
    const taken = new UnitBits(100);
    taken.add(70);
    stage.owner.startFrom([[TEMPLATE, taken]]);
    stage.follow(1, entry(70, 1)).sync();
    expect([stage.logged, stage.durableClaims(), stage.followed]).toEqual([[], 0, [[SHARD, 1]]]);
  });

  test('of a unit that somebody else holds stops this owner', () => {
    const stage = ClusterStage.selling();
    stage.follow(1, entry(70, 1)).sync();
    expect(() => stage.follow(2, entry(70, 2))).toThrow('claimed by two users');
  });

  test('of a user or template served elsewhere is passed over', () => {
    const stage = ClusterStage.selling(10, { partitions: 2 });
    stage.owner.learn(TEMPLATE + 16, 10);
    const users = Array.from({ length: 20 }, (_, user) => user + 1);
    stage
      .follow(
        40,
        ...users.map((user) => entry(user, user)),
        ...users.map((user) => entry(user, user, 1_000, TEMPLATE + 16)),
      )
      .sync();
    expect(stage.logged.length).toBeGreaterThan(0);
    expect(stage.logged.length).toBeLessThan(20);
    expect(stage.followed).toEqual([[SHARD, 40]]);
  });
});

test('claims keep the time of their own drain, and each drain is a batch of the log', () => {
  const stage = ClusterStage.selling();
  stage.follow(3, entry(70, 1, 1_000), entry(71, 2, 1_000), entry(72, 3, 2_000)).sync();
  const { units } = stage.owner.actor(TEMPLATE, 0)!;
  expect([70, 71, 72].map((serial) => units.claimedAtMs(serial))).toEqual([1_000, 1_000, 2_000]);
  // Two with claims, one that only tells how far the stream was followed.
  expect(stage.end).toBe(3);
});

test('more claims of one time than a frame holds are logged in several', () => {
  const stage = ClusterStage.selling();
  const entries = Array.from({ length: DRAIN_MAX + 1 }, (_, serial) => entry(serial, serial + 1));
  stage.follow(entries.length, ...entries).sync();
  expect([stage.end, stage.logged.length, stage.durableClaims()]).toEqual([3, DRAIN_MAX + 1, DRAIN_MAX + 1]);
});

test('stored claims are taken in without moving the position', () => {
  const stage = ClusterStage.selling();
  stage.follow(-1, entry(70, 1)).sync();
  expect([stage.isClaimed(70), stage.followed]).toEqual([true, []]);
});

describe('an own claim that comes back by the stream before the answer', () => {
  test('is logged and counted once, and answered when it is durable', () => {
    const stage = ClusterStage.selling(10);
    const [slot] = stage.drain([1]);
    stage.follow(1, entry(0, 1)).answer();
    expect([stage.logged, stage.verdict(slot)]).toEqual([[0], undefined]);
    stage.sync();
    expect([stage.verdict(slot), stage.durableClaims()]).toEqual([claimed, 1]);
    const { slice } = stage.pool();
    expect([slice.pending, slice.unsold, slice.report()]).toEqual([0, 9, [{ from: 0, to: 1 }]]);
  });

  test('is answered at once when it is durable already', () => {
    const stage = ClusterStage.selling(10);
    const [slot] = stage.drain([1]);
    stage.follow(1, entry(0, 1)).sync().answer();
    expect(stage.answers).toEqual([{ slot, verdict: claimed, serial: 0 }]);
    expect(stage.pool().slice.pending).toBe(0);
  });

  test('of another user than it was sold to stops this owner', () => {
    const stage = ClusterStage.selling(10);
    stage.drain([1]);
    stage.follow(1, entry(0, 2));
    expect(() => stage.answer()).toThrow('sold to two users');
  });
});

describe('an answer that names a coupon not followed yet', () => {
  test('waits until the coupon is durable here', () => {
    const stage = ClusterStage.selling();
    const [slot] = stage.drain([1]);
    stage.answer([[Committed.already, 70]]);
    expect([stage.verdict(slot), stage.owner.hasParked]).toEqual([undefined, true]);
    stage.follow(1, entry(70, 1));
    expect(stage.verdict(slot)).toBeUndefined();
    stage.sync();
    expect(stage.answers).toEqual([{ slot, verdict: alreadyClaimed, serial: 70 }]);
    expect(stage.owner.hasParked).toBe(false);
  });

  test('is unavailable after the longest wait, and never answered again', () => {
    const stage = ClusterStage.selling();
    const [slot] = stage.drain([1]);
    stage.answer([[Committed.already, 70]], 500);
    stage.owner.tick(500 + RECALL_WAIT_MS - 1);
    expect(stage.verdict(slot)).toBeUndefined();
    stage.owner.tick(500 + RECALL_WAIT_MS);
    stage.follow(1, entry(70, 1)).sync();
    expect(stage.verdict(slot)).toBe(unavailable);
  });

  test('goes with the batch when the coupon is followed and waits for the log', () => {
    const stage = ClusterStage.selling();
    const [slot] = stage.drain([1]);
    stage.follow(1, entry(70, 1)).answer([[Committed.already, 70]]);
    expect([stage.verdict(slot), stage.owner.hasParked]).toEqual([undefined, false]);
    stage.sync();
    expect(stage.verdict(slot)).toBe(alreadyClaimed);
  });
});

describe('claims can be followed', () => {
  test('when their template, its units and the activity have arrived', () => {
    const stage = new ClusterStage({ pools: [poolRules(), poolRules({ activityId: 8 })] });
    const ofActivity = entry(1, 1);
    ofActivity[4] = 8;
    const ofUnknown = entry(1, 1);
    ofUnknown[4] = 9;
    const all = [entry(9_999, 1), ofActivity, entry(10_000, 1), ofUnknown, entry(1, 1, 0, TEMPLATE + 16)];
    expect(all.map((words) => stage.owner.canFollow(words))).toEqual([true, true, false, false, false]);
    expect(stage.owner.canFollow(Uint32Array.of(...all[0], ...all[2]))).toBe(false);
  });

  test('also those of a template without actors here, once it is known', () => {
    const stage = new ClusterStage();
    const elsewhere = entry(5, 1, 0, TEMPLATE + 16);
    stage.owner.learn(TEMPLATE + 16, 5);
    expect(stage.owner.canFollow(elsewhere)).toBe(false);
    stage.owner.learn(TEMPLATE + 16, 6);
    expect(stage.owner.canFollow(elsewhere)).toBe(true);
  });
});
