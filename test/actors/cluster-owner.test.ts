/** Claims that memory cannot decide are committed at the shared ledger, one flight a shard, and each is answered once. */
import { describe, expect, test } from 'vitest';
import { Verdict } from '../../src/actors/verdict.ts';
import { RECALL_WAIT_MS } from '../../src/limits.ts';
import { Committed, NO_COUPON } from '../../src/ports-commit.ts';
import { ClusterStage, entry, SHARD } from './cluster-stage.ts';
import { TEMPLATE } from './rules.ts';

const { claimed, alreadyClaimed, limitReached, soldOut, unavailable, notActive } = Verdict;
/** Another template of the same shard, and one of another. */
const SIBLING = TEMPLATE + 16;
const ELSEWHERE = TEMPLATE + 1;

describe('a claim', () => {
  test('is sold by the ledger, then logged, and answered when it is durable here', () => {
    const stage = ClusterStage.selling();
    const [slot] = stage.drain([1], 77);
    expect([stage.logged, stage.sent.length]).toEqual([[], 1]);
    stage.answer(null, 99);
    expect([stage.logged, stage.answers]).toEqual([[0], []]);
    expect([stage.isClaimed(0), stage.durableClaims()]).toEqual([false, 0]);
    stage.sync();
    expect(stage.answers).toEqual([{ slot, verdict: claimed, serial: 0 }]);
    expect([stage.isClaimed(0), stage.durableClaims()]).toEqual([true, 1]);
    // The time that went to the ledger, and into the stream: not that of the answer.
    expect(stage.owner.actor(TEMPLATE, 0)!.units.claimedAtMs(0)).toBe(77);
  });

  test('that memory can refuse never reaches the ledger', () => {
    const stage = ClusterStage.selling(100, { published: false });
    const [slot] = stage.drain([1]);
    expect([stage.verdict(slot), stage.sent]).toEqual([notActive, []]);
  });

  test('in a shard that is not open is unavailable at once', () => {
    const stage = new ClusterStage().grant(0, 10);
    const [slot] = stage.drain([1]);
    expect([stage.verdict(slot), stage.sent, stage.asked]).toEqual([unavailable, [], []]);
  });

  test('without a unit waits for one, and leaves when it comes', () => {
    const stage = ClusterStage.selling(1);
    stage.drain([1]);
    stage.answer();
    const [slot] = stage.drain([2], 10);
    expect([stage.verdict(slot), stage.sent.length, stage.asked.length]).toEqual([undefined, 1, 1]);
    stage.grant(50, 60, 20).answer().sync();
    expect([stage.verdict(slot), stage.logged]).toEqual([claimed, [0, 50]]);
  });

  test('for which no unit was left waits, and is unavailable after the longest wait', () => {
    const stage = ClusterStage.selling(1);
    const [first, second] = stage.drain([1, 2], 1_000);
    stage
      .answer(
        [
          [Committed.claimed, 0],
          [Committed.noUnit, NO_COUPON],
        ],
        1_010,
      )
      .sync();
    expect([stage.verdicts([first, second]), stage.asked]).toEqual([[claimed, undefined], [TEMPLATE]]);
    stage.owner.tick(1_000 + RECALL_WAIT_MS - 1);
    expect(stage.verdict(second)).toBeUndefined();
    stage.owner.tick(1_000 + RECALL_WAIT_MS);
    expect([stage.verdict(second), stage.owner.hasParked]).toEqual([unavailable, false]);
  });

  test('for which no unit was left, and that has waited long enough already, does not wait again', () => {
    const stage = ClusterStage.selling(1);
    const [, second] = stage.drain([1, 2], 1_000);
    stage.answer(
      [
        [Committed.claimed, 0],
        [Committed.noUnit, NO_COUPON],
      ],
      1_000 + RECALL_WAIT_MS,
    );
    expect([stage.verdict(second), stage.owner.hasParked]).toEqual([unavailable, false]);
  });
});

describe('one flight of a shard is on its way', () => {
  test('and what comes meanwhile leaves together when its outcome is known', () => {
    const stage = ClusterStage.selling(100, {}, { templateId: SIBLING });
    stage.drain([1]);
    stage.drain([2]);
    stage.drain([3], 0, SIBLING);
    expect([stage.sent.length, stage.owner.flights]).toEqual([1, 1]);
    stage.answer();
    const { flight } = stage.sent[1];
    expect(flight.groups.map(({ candidates }) => candidates.map(({ lo }) => lo))).toEqual([[2], [3]]);
    expect(flight.sequence).toBe(2);
    stage.answer();
    expect([stage.sent.length, stage.owner.flights]).toEqual([2, 0]);
  });

  test('while another shard has its own', () => {
    const stage = ClusterStage.selling(100, {}, { templateId: ELSEWHERE });
    stage.drain([1]);
    stage.drain([1], 0, ELSEWHERE);
    expect(stage.sent.map(({ shard }) => shard)).toEqual([SHARD, SHARD + 1]);
    expect(stage.owner.flights).toBe(2);
  });

  test('and an answer to one that is not expected any more changes nothing', () => {
    const stage = ClusterStage.selling();
    stage.drain([1]);
    stage.answer().answer(null, 0, stage.sent[0]);
    expect(stage.logged).toEqual([0]);
  });

  test('asks for the next units when it has taken the slice below half', () => {
    const stage = ClusterStage.selling(4);
    stage.drain([1, 2]);
    expect(stage.asked).toEqual([]);
    stage.answer();
    stage.drain([3]);
    expect(stage.asked).toEqual([TEMPLATE]);
  });
});

describe('a user who comes again', () => {
  test('in the same flight gets what the first claim got, not before it is durable', () => {
    const stage = ClusterStage.selling();
    const slots = stage.drain([1, 1]);
    stage.answer([
      [Committed.claimed, 0],
      [Committed.already, 0],
    ]);
    expect(stage.answers).toEqual([]);
    stage.sync();
    expect(stage.verdicts(slots)).toEqual([claimed, alreadyClaimed]);
    expect(stage.logged).toEqual([0]);
  });

  test('while the claim waits for the log is held until it is durable', () => {
    const stage = ClusterStage.selling();
    stage.drain([1]);
    stage.answer();
    const [again] = stage.drain([1]);
    expect([stage.verdict(again), stage.sent.length]).toEqual([undefined, 1]);
    stage.sync();
    expect([stage.verdict(again), stage.answers.at(-1)!.serial]).toEqual([alreadyClaimed, 0]);
  });

  test('with a durable coupon is answered at once and without the ledger', () => {
    const stage = ClusterStage.selling();
    stage.drain([1]);
    stage.answer().sync();
    const [again] = stage.drain([1]);
    expect([stage.verdict(again), stage.sent.length]).toEqual([alreadyClaimed, 1]);
  });

  test('at the limit, by what the ledger knows, is told so with the newest coupon', () => {
    const stage = ClusterStage.selling(100, { perUserLimit: 2 });
    const slots = stage.drain([1, 1, 1]);
    stage.answer([
      [Committed.claimed, 0],
      [Committed.claimed, 1],
      [Committed.limit, 1],
    ]);
    stage.sync();
    expect(stage.verdicts(slots)).toEqual([claimed, claimed, limitReached]);
    expect(stage.answers.at(-1)!.serial).toBe(1);
  });
});

describe('units that were offered and not sold', () => {
  test('are the next ones again', () => {
    const stage = ClusterStage.selling();
    stage.drain([1, 2, 3]);
    stage.answer([
      [Committed.already, 70],
      [Committed.claimed, 0],
      [Committed.already, 71],
    ]);
    expect([stage.pool().slice.pending, stage.pool().slice.unsold]).toEqual([1, 99]);
    stage.drain([4, 5]);
    expect(stage.sent[1].flight.groups[0].serials).toEqual([1, 2]);
  });

  test('are the next ones again also when other claims came in between by the stream', () => {
    const stage = ClusterStage.selling();
    stage.drain([1, 2]);
    stage.follow(1, entry(70, 1)).sync();
    stage
      .answer([
        [Committed.already, 70],
        [Committed.claimed, 0],
      ])
      .sync();
    expect([stage.pool().slice.pending, stage.pool().slice.unsold]).toEqual([0, 99]);
    expect(stage.logged).toEqual([70, 0]);
  });
});

describe('sold out', () => {
  test('is said from memory once the stream is followed to the last claim; until then the ledger is asked', () => {
    const stage = new ClusterStage();
    stage.owner.openShard(SHARD);
    stage.outcome({ kind: 'exhausted', head: 2 });
    stage.follow(1, entry(0, 50)).sync();
    const [early] = stage.drain([1]);
    expect(stage.sent.at(-1)!.flight.groups[0].serials).toEqual([]);
    stage.answer([[Committed.noUnit, NO_COUPON]]);
    stage.follow(2, entry(1, 51)).sync();
    const [later] = stage.drain([2]);
    expect([stage.verdicts([early, later]), stage.sent.length]).toEqual([[soldOut, soldOut], 1]);
  });

  test('tells a holder’s newest coupon: from memory, by the ledger, and once it has come by the stream', () => {
    const stage = new ClusterStage({ perUserLimit: 3 });
    stage.owner.openShard(SHARD);
    stage.outcome({ kind: 'exhausted', head: 3 });
    stage.follow(1, entry(0, 50)).sync();
    const [known, strange, coming] = stage.drain([50, 51, 52]);
    stage.answer([
      [Committed.noUnit, 0],
      [Committed.noUnit, NO_COUPON],
      [Committed.noUnit, 7],
    ]);
    expect(stage.answers).toEqual([
      { slot: known, verdict: soldOut, serial: 0 },
      { slot: strange, verdict: soldOut, serial: -1 },
    ]);
    stage.follow(3, entry(7, 52)).sync();
    expect(stage.answers[2]).toEqual({ slot: coming, verdict: soldOut, serial: 7 });
    const slots = stage.drain([50, 51, 52]);
    expect(stage.sent.length).toBe(1);
    expect(stage.answers.slice(3)).toEqual([
      { slot: slots[0], verdict: soldOut, serial: 0 },
      { slot: slots[1], verdict: soldOut, serial: -1 },
      { slot: slots[2], verdict: soldOut, serial: 7 },
    ]);
  });

  test('is not said any more when units came while it waited for the holder’s claim', () => {
    const stage = new ClusterStage({ perUserLimit: 3 });
    stage.owner.openShard(SHARD);
    stage.outcome({ kind: 'exhausted', head: 3 });
    const [slot] = stage.drain([52]);
    stage.answer([[Committed.noUnit, 7]]);
    stage.owner.replenished({ templateId: TEMPLATE, activityId: 0 }, 0);
    stage.follow(3, entry(7, 52)).sync();
    expect(stage.answers).toEqual([{ slot, verdict: unavailable, serial: 7 }]);
  });

  test('is not said to a holder whose claim has not come by the stream yet', () => {
    const stage = new ClusterStage();
    stage.owner.openShard(SHARD);
    stage.outcome({ kind: 'exhausted', head: 1 });
    const [slot] = stage.drain([50]);
    stage.answer([[Committed.already, 0]]);
    stage.follow(1, entry(0, 50));
    expect(stage.verdict(slot)).toBeUndefined();
    stage.sync();
    expect([stage.verdict(slot), stage.answers[0].serial]).toEqual([alreadyClaimed, 0]);
  });

  test('does not count what is followed and not durable', () => {
    const stage = new ClusterStage();
    stage.owner.openShard(SHARD);
    stage.outcome({ kind: 'exhausted', head: 1 }).follow(1, entry(0, 50));
    const [slot] = stage.drain([1]);
    expect([stage.verdict(slot), stage.sent.length]).toEqual([undefined, 1]);
  });
});
