/** No answer leaves before its batch is durable, and batches become durable in order. */
import { describe, expect, test } from 'vitest';
import { Verdict } from '../../src/actors/verdict.ts';
import { DRAIN_MAX } from '../../src/limits.ts';
import { OwnerStage } from './owner-stage.ts';

const { claimed, alreadyClaimed, ended, notStarted, soldOut, unavailable } = Verdict;

describe('an accepted claim', () => {
  test('is answered and published when its frame is durable, not before', () => {
    const stage = new OwnerStage().grant(0, 10);
    const [slot] = stage.drain([1]);
    expect(stage.verdict(slot)).toBeUndefined();
    expect(stage.units.isClaimed(0)).toBe(false);
    expect(Atomics.load(stage.pool.claimed, 0)).toBe(0);
    stage.sync();
    expect(stage.verdict(slot)).toBe(claimed);
    expect(stage.units.isClaimed(0)).toBe(true);
    expect(Atomics.load(stage.pool.claimed, 0)).toBe(1);
  });

  test('is in the log with all that the record store will need', () => {
    const stage = new OwnerStage().grant(3, 10);
    stage.units.setCode(3, 0xdead_beef, 0xabcd);
    const nowMs = 1_790_000_123_457;
    stage.owner.begin(nowMs);
    stage.owner.claim(9, 5, 0, 0, 0xffff_fffe, 0x7fff_ffff, 0xffff_ffff, 0x8000_0001);
    stage.owner.end();
    stage.sync();
    expect(stage.frames).toEqual([
      [
        {
          templateId: 5,
          serial: 3,
          userLo: 0xffff_fffe,
          userHi: 0x7fff_ffff,
          activityId: 0,
          code: 0xabcd_dead_beef,
          claimedAtMs: nowMs,
          keyLo: 0xffff_ffff,
          keyHi: 0x8000_0001,
        },
      ],
    ]);
    expect(stage.units.claimedAtMs(3)).toBe(nowMs);
  });

  test('is never taken back: a log that takes no more ends the owner', () => {
    const stage = new OwnerStage().grant(0, 10);
    stage.failure = new Error('ENOSPC');
    expect(() => stage.drain([1])).toThrow('ENOSPC');
    stage.durable = Number.MAX_SAFE_INTEGER;
    stage.owner.release();
    expect(stage.answers).toEqual([]);
  });
});

describe('batches', () => {
  test('are released in order, and only up to what is durable', () => {
    const stage = new OwnerStage().grant(0, 10);
    const slots = [stage.drain([1, 2]), stage.drain([3]), stage.drain([4])].flat();
    stage.durable = 1;
    stage.owner.release();
    expect(stage.answers).toEqual([]);
    stage.durable = 3;
    stage.owner.release();
    expect(stage.answers.map(({ slot }) => slot)).toEqual(slots.slice(0, 3));
    expect(stage.owner.inFlight).toBe(1);
    stage.sync();
    expect(stage.verdicts(slots)).toEqual([claimed, claimed, claimed, claimed]);
  });

  test('keep the time of their own drain', () => {
    const stage = new OwnerStage().grant(0, 10);
    stage.drain([1], 1000);
    stage.drain([2], 2000);
    stage.sync();
    stage.drain([3], 3000);
    stage.sync();
    expect([0, 1, 2].map((serial) => stage.units.claimedAtMs(serial))).toEqual([1000, 2000, 3000]);
  });

  test('hold DRAIN_MAX claims; the rest of the drain is the next one, at the same time', () => {
    const stage = new OwnerStage({}, DRAIN_MAX * 2).grant(0, DRAIN_MAX * 2);
    const users = Array.from({ length: DRAIN_MAX + 3 }, (_, i) => i + 1);
    const slots = stage.drain(users, 777);
    expect(stage.frames.map((frame) => frame.length)).toEqual([DRAIN_MAX, 3]);
    expect(stage.frames[1].map((entry) => entry.serial)).toEqual([DRAIN_MAX, DRAIN_MAX + 1, DRAIN_MAX + 2]);
    stage.sync();
    expect(new Set(stage.verdicts(slots))).toEqual(new Set([claimed]));
    expect(stage.units.claimedAtMs(DRAIN_MAX + 2)).toBe(777);
  });
});

describe('a repeat', () => {
  test('of a claim in the same drain waits for it and names its unit', () => {
    const stage = new OwnerStage().grant(4, 10);
    const slots = stage.drain([1, 1]);
    expect(stage.answers).toEqual([]);
    stage.sync();
    expect(stage.verdicts(slots)).toEqual([claimed, alreadyClaimed]);
    expect(stage.answers.map(({ serial }) => serial)).toEqual([4, 4]);
    expect(stage.frames.flat().length).toBe(1);
  });

  test('of a pending claim in a later drain is not answered before it', () => {
    const stage = new OwnerStage().grant(0, 10);
    const [first] = stage.drain([1]);
    const [repeat] = stage.drain([1]);
    expect(stage.answers).toEqual([]);
    stage.sync();
    expect(stage.answers.map(({ slot }) => slot)).toEqual([first, repeat]);
  });

  test('of a durable claim is answered at once and writes nothing', () => {
    const stage = new OwnerStage().grant(0, 10);
    stage.drain([1]);
    stage.sync();
    const [repeat] = stage.drain([1]);
    expect(stage.verdict(repeat)).toBe(alreadyClaimed);
    expect(stage.frames.length).toBe(1);
  });
});

test('a refusal leaves at once, past claims that wait for the log', () => {
  const stage = new OwnerStage({
    pools: [{ activityId: 0, perUserLimit: 1, fromMs: 100, untilMs: 200 }],
  }).grant(0, 9);
  const [won] = stage.drain([1], 150);
  const [refused] = stage.drain([2], 50);
  expect(stage.verdicts([won, refused])).toEqual([undefined, notStarted]);
});

test('a refusal of somebody whose claim waits for the log waits with it, to tell of it', () => {
  const stage = new OwnerStage({
    perUserLimit: 3,
    pools: [{ activityId: 0, perUserLimit: 3, fromMs: 100, untilMs: 200 }],
  }).grant(4, 9);
  const [won] = stage.drain([1], 150);
  const [refused] = stage.drain([1], 200);
  expect(stage.answers).toEqual([]);
  stage.sync();
  expect(stage.answers).toEqual([
    { slot: won, verdict: claimed, serial: 4 },
    { slot: refused, verdict: ended, serial: 4 },
  ]);
  const [again] = stage.drain([1], 200);
  expect(stage.answers.at(-1)).toEqual({ slot: again, verdict: ended, serial: 4 });
});

test.each([false, true])(
  'sold out waits for a claim of another pool, and is said if it is true still (units came: %s)',
  (came) => {
    const always = { fromMs: 0, untilMs: Number.POSITIVE_INFINITY, perUserLimit: 3 };
    const stage = new OwnerStage({
      perUserLimit: 3,
      pools: [
        { activityId: 0, ...always },
        { activityId: 31, ...always },
      ],
    });
    const activity = { templateId: 5, activityId: 31 };
    stage.owner.leaseOutcome(activity, 0, { kind: 'granted', epoch: 1, ranges: [{ from: 4, to: 6 }] }, 0);
    stage.outcome({ kind: 'exhausted' });
    stage.owner.begin(100);
    stage.owner.claim(900, 5, 0, 31, 1, 0, 0, 0);
    stage.owner.claim(901, 5, 0, 0, 1, 0, 0, 0);
    stage.owner.end();
    expect(stage.answers).toEqual([]);
    if (came) stage.owner.replenished(stage.ref, 0);
    stage.sync();
    expect(stage.answers).toEqual([
      { slot: 900, verdict: claimed, serial: 4 },
      { slot: 901, verdict: came ? unavailable : soldOut, serial: 4 },
    ]);
  },
);

test('a template or pool that is not here is unavailable', () => {
  const stage = new OwnerStage();
  stage.owner.begin(0);
  stage.owner.claim(1, 99, 0, 0, 1, 0, 0, 0);
  stage.owner.claim(2, 5, 1, 0, 1, 0, 0, 0);
  stage.owner.claim(3, 5, 0, 42, 1, 0, 0, 0);
  stage.owner.end();
  expect(stage.verdicts([1, 2, 3])).toEqual([unavailable, unavailable, unavailable]);
});

test('a drain must be ended before the next begins', () => {
  const stage = new OwnerStage().grant(0, 9);
  stage.owner.begin(0);
  stage.owner.claim(1, 5, 0, 0, 1, 0, 0, 0);
  expect(() => stage.owner.begin(1)).toThrow('not ended');
});
