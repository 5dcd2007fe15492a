/** What an owner of a cluster does when flights, recalls and reports overlap. */
import { expect, test } from 'vitest';
import { Verdict } from '../../src/actors/verdict.ts';
import { RECALL_WAIT_MS, SLICE_IDLE_MS } from '../../src/limits.ts';
import { Committed, NO_COUPON } from '../../src/ports-commit.ts';
import { ClusterStage, entry, SHARD } from './cluster-stage.ts';
import { poolRules, TEMPLATE } from './rules.ts';

test('a flight that leaves when an answer comes carries the time of then', () => {
  const stage = ClusterStage.selling();
  stage.drain([1], 1_000);
  stage.drain([2], 5_000); // came 4 s later, waits behind
  stage.answer(null, 5_010);
  expect(stage.sent[1].flight.timeMs).toBe(5_010);
});

test('flights that follow one another do not keep the time of the first', () => {
  const stage = ClusterStage.selling();
  stage.drain([1], 1_000);
  for (let i = 0; i < 50; i++) {
    const nowMs = 1_000 + (i + 1) * 100;
    stage.drain([10 + i], nowMs);
    stage.answer(null, nowMs + 50);
  }
  stage.answer(null, 6_100).sync();
  expect(stage.owner.actor(TEMPLATE, 0)!.units.claimedAtMs(50)).toBeGreaterThanOrEqual(5_900);
});

test('a claim of an activity is not recorded before the activity began', () => {
  const stage = ClusterStage.selling(100, {
    pools: [poolRules({ fromMs: 0 }), poolRules({ activityId: 8, fromMs: 2_000 })],
    perUserLimit: 5,
  });
  stage.owner.leaseOutcome(
    { templateId: TEMPLATE, activityId: 8 },
    0,
    { kind: 'granted', epoch: 1, ranges: [{ from: 500, to: 600 }] },
    0,
  );
  stage.drain([1], 1_999);
  stage.owner.begin(2_000);
  stage.owner.claim(99, TEMPLATE, 0, 8, 2, 0, 0, 0);
  stage.owner.end();
  stage.answer(null, 2_005).answer(null, 2_010).sync();
  expect(stage.verdict(99)).toBe(Verdict.claimed);
  expect(stage.owner.actor(TEMPLATE, 0)!.units.claimedAtMs(500)).toBeGreaterThanOrEqual(2_000);
});

test('a parked claim keeps its deadline when it is tried again', () => {
  const stage = new ClusterStage();
  stage.owner.openShard(SHARD);
  const [, other] = stage.drain([1, 2], 1_000);
  // A unit for one of them comes late in the wait.
  stage.grant(0, 1, 1_000 + RECALL_WAIT_MS - 10);
  stage.answer(
    [
      [Committed.claimed, 0],
      [Committed.noUnit, NO_COUPON],
    ],
    1_000 + RECALL_WAIT_MS - 5,
  );
  stage.owner.tick(1_000 + RECALL_WAIT_MS);
  expect(stage.verdict(other)).toBe(Verdict.unavailable);
});

test('a claim without a unit asks for some, also when idle units were given back before', () => {
  const stage = ClusterStage.selling(10, { partitions: 2 }, { templateId: TEMPLATE + 16 });
  stage.drain([500], 1_000, TEMPLATE + 16);
  stage.owner.returnIdle(1_000 + SLICE_IDLE_MS + 1);
  const before = stage.asked.filter((id) => id === TEMPLATE).length;
  const [slot] = stage.drain([1], 4_000);
  stage.answer(null, 4_001, stage.sent[0]); // the sibling's flight
  stage.answer([[Committed.noUnit, NO_COUPON]], 4_002);
  expect(stage.verdict(slot)).toBeUndefined();
  expect(stage.asked.filter((id) => id === TEMPLATE).length).toBe(before + 1);
});

test('those who come after it do not ask again', () => {
  const stage = ClusterStage.selling(10, { partitions: 2 }, { templateId: TEMPLATE + 16 });
  stage.drain([500], 1_000, TEMPLATE + 16);
  stage.owner.returnIdle(1_000 + SLICE_IDLE_MS + 1);
  stage.drain([1], 4_000);
  stage.answer(null, 4_001, stage.sent[0]);
  stage.answer([[Committed.noUnit, NO_COUPON]], 4_002);
  for (let i = 0; i < 20; i++) stage.drain([2 + i], 4_003 + i);
  expect(stage.asked.filter((id) => id === TEMPLATE).length).toBe(1);
});

test('units recalled while they are in flight go back when they are not sold', () => {
  const stage = ClusterStage.selling(10);
  stage.drain([1, 2], 1_000);
  stage.owner.recall({ templateId: TEMPLATE, activityId: 0 }, 0, true, 1_001);
  expect(stage.given.at(-1)!.unsold).toEqual([{ from: 2, to: 10 }]);
  stage
    .answer(
      [
        [Committed.already, 70],
        [Committed.already, 71],
      ],
      1_010,
    )
    .sync();
  stage.owner.tick(9_000);
  stage.owner.returnIdle(9_000);
  // the recall was for all: nobody else asks for these again
  expect(stage.pool().slice.unsold).toBe(0);
});

test('a report owed is made when the last pending unit turns out unsold', () => {
  const stage = ClusterStage.selling(3);
  stage.drain([1], 1_000);
  stage.answer(null, 1_001).sync(); // unit 0 durable, not reported
  stage.drain([2, 3], 1_010);
  stage.owner.recall({ templateId: TEMPLATE, activityId: 0 }, 0, true, 1_011);
  stage
    .answer(
      [
        [Committed.already, 70],
        [Committed.already, 71],
      ],
      1_020,
    )
    .sync();
  expect(stage.pool().slice.pending).toBe(0);
  expect(stage.pool().owesReport).toBe(false);
});

test('a report owed is made when the stream brings the last pending claim first', () => {
  const stage = ClusterStage.selling(1);
  stage.drain([1], 1_000);
  stage.outcome({ kind: 'recalling' }, 1_001); // the ask ahead of need was told: wait for the last of it
  stage.follow(1, entry(0, 1)).sync().answer(null, 1_010).sync();
  expect(stage.pool().slice.pending).toBe(0);
  expect(stage.given.flatMap(({ sold }) => sold)).toEqual([{ from: 0, to: 1 }]);
});
