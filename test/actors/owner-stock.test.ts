/** Leasing ahead of need, giving back, and claims that wait until it is known whether units are left. */
import { describe, expect, test } from 'vitest';
import { Verdict } from '../../src/actors/verdict.ts';
import { RECALL_WAIT_MS, SLICE_IDLE_MS } from '../../src/limits.ts';
import { OwnerStage } from './owner-stage.ts';

const { claimed, soldOut, unavailable } = Verdict;

describe('a claim with no unit at hand', () => {
  test('waits and asks for a lease, once however many wait', () => {
    const stage = new OwnerStage();
    const slots = stage.drain([1, 2, 3]);
    expect(stage.asked).toEqual([{ epoch: 0, sold: [] }]);
    expect(stage.verdicts(slots)).toEqual([undefined, undefined, undefined]);
    expect(stage.owner.hasParked).toBe(true);
  });

  test('is decided when units come, and then as durable as any other', () => {
    const stage = new OwnerStage();
    const slots = stage.drain([1, 2], 10);
    stage.grant(0, 9, 20);
    expect(stage.answers).toEqual([]);
    expect(stage.owner.hasParked).toBe(false);
    stage.sync();
    expect(stage.verdicts(slots)).toEqual([claimed, claimed]);
    expect(stage.units.claimedAtMs(1)).toBe(20);
  });

  test('is sold out when the ledger knows that nothing is left, and so are later ones at once', () => {
    const stage = new OwnerStage();
    const [waiting] = stage.drain([1]);
    stage.outcome({ kind: 'exhausted' });
    const [later] = stage.drain([2]);
    expect(stage.verdicts([waiting, later])).toEqual([soldOut, soldOut]);
    expect(stage.asked.length).toBe(1);
  });

  test('is unavailable after the longest wait, not a moment earlier', () => {
    const stage = new OwnerStage();
    const [first] = stage.drain([1], 1000);
    stage.outcome({ kind: 'recalling' });
    const [second] = stage.drain([2], 1100);
    stage.owner.tick(1000 + RECALL_WAIT_MS - 1);
    expect(stage.answers).toEqual([]);
    stage.owner.tick(1000 + RECALL_WAIT_MS);
    expect(stage.verdicts([first, second])).toEqual([unavailable, undefined]);
    stage.owner.tick(1100 + RECALL_WAIT_MS);
    expect(stage.verdict(second)).toBe(unavailable);
    expect(stage.owner.hasParked).toBe(false);
  });

  test('asks for more when what was granted was not enough for all that wait', () => {
    const stage = new OwnerStage();
    const slots = stage.drain([1, 2, 3]);
    stage.grant(0, 2);
    expect(stage.asked.length).toBe(2);
    stage.sync().outcome({ kind: 'exhausted' });
    expect(stage.verdicts(slots)).toEqual([claimed, claimed, soldOut]);
  });

  test('keeps its place in the queue', () => {
    const stage = new OwnerStage();
    const slots = stage.drain([1, 2, 3]);
    stage.grant(0, 1).grant(1, 2).sync();
    expect(stage.verdicts(slots)).toEqual([claimed, claimed, undefined]);
  });
});

describe('the next slice is asked for ahead of need', () => {
  test('when half of the last one is sold, with the durable sales reported', () => {
    const stage = new OwnerStage().grant(0, 8);
    stage.drain([1, 2, 3, 4]);
    expect(stage.asked).toEqual([]);
    stage.sync();
    stage.drain([5]);
    expect(stage.asked).toEqual([{ epoch: 1, sold: [{ from: 0, to: 4 }] }]);
  });

  test('not again while an answer is on its way, nor after one that held nothing', () => {
    const stage = new OwnerStage().grant(0, 8);
    stage.drain([1, 2, 3, 4, 5, 6]);
    expect(stage.asked.length).toBe(1);
    stage.outcome({ kind: 'recalling' });
    stage.drain([7]);
    expect(stage.asked.length).toBe(1);
  });
});

describe('units that come when those who waited for them are gone', () => {
  /** Two claims are sent away; `units` come afterwards, at 2000. */
  function late(units: number): OwnerStage {
    const stage = new OwnerStage({ partitions: 8 });
    stage.drain([1, 2], 1000);
    stage.outcome({ kind: 'recalling' });
    stage.owner.tick(1000 + RECALL_WAIT_MS);
    return stage.grant(0, units, 2000);
  }

  function spared(stage: OwnerStage): number {
    return stage.given.flatMap(({ unsold }) => unsold).reduce((sum, { from, to }) => sum + to - from, 0);
  }

  test('are kept for their return, one each, when others ask for units; the rest is not', () => {
    const few = late(2);
    few.owner.recall(few.ref, 0, false, 2001);
    expect(spared(few)).toBe(0);
    expect(few.sync().verdicts(few.drain([1, 2], 2100))).toEqual([undefined, undefined]);
    expect(
      few
        .sync()
        .answers.slice(-2)
        .map(({ verdict }) => verdict),
    ).toEqual([claimed, claimed]);
    const many = late(12);
    // Nobody has taken one for long: all that can be spared.
    many.owner.recall(many.ref, 0, false, 2001);
    expect(spared(many)).toBe(10);
  });

  test('are kept no longer than a slice may lie idle, and not once somebody takes one', () => {
    const idle = late(2);
    idle.owner.returnIdle(2000 + SLICE_IDLE_MS);
    expect(spared(idle)).toBe(0);
    idle.owner.returnIdle(2000 + SLICE_IDLE_MS + 1);
    expect(spared(idle)).toBe(2);
    const taken = late(3);
    taken.drain([1], 2100);
    taken.owner.recall(taken.ref, 0, false, 2101);
    expect(spared(taken)).toBe(1);
  });

  test('go back where all of them are asked for', () => {
    const stage = late(2);
    stage.owner.recall(stage.ref, 0, true, 2001);
    expect(spared(stage)).toBe(2);
  });

  test('are not kept for those who waited and got theirs', () => {
    const stage = new OwnerStage({ partitions: 8 });
    stage.drain([1, 2], 1000);
    stage.grant(0, 6, 1100);
    stage.owner.recall(stage.ref, 0, false, 1100 + SLICE_IDLE_MS + 1);
    expect(spared(stage)).toBe(4);
  });
});

describe('a recall', () => {
  test('of what can be spared takes half of what a selling actor has, rounded up', () => {
    const stage = new OwnerStage().grant(0, 10);
    stage.drain([1], 5000);
    stage.sync();
    stage.owner.recall(stage.ref, 0, false, 5001);
    expect(stage.given).toEqual([{ epoch: 1, sold: [{ from: 0, to: 1 }], unsold: [{ from: 5, to: 10 }] }]);
  });

  test('takes everything from an actor that sells nothing', () => {
    const stage = new OwnerStage().grant(0, 10);
    stage.drain([1], 5000);
    stage.sync();
    stage.owner.recall(stage.ref, 0, false, 5000 + SLICE_IDLE_MS + 1);
    expect(stage.given[0].unsold).toEqual([{ from: 1, to: 10 }]);
  });

  test('of everything takes everything, and the next claim asks again', () => {
    const stage = new OwnerStage().grant(0, 10);
    stage.drain([1], 5000);
    stage.owner.recall(stage.ref, 0, true, 5001);
    expect(stage.given[0].unsold).toEqual([{ from: 1, to: 10 }]);
    const [slot] = stage.drain([2], 5002);
    expect(stage.verdict(slot)).toBeUndefined();
    expect(stage.asked.length).toBe(1);
  });

  test('while claims are pending is followed by a report of them', () => {
    const stage = new OwnerStage().grant(0, 10);
    stage.drain([1, 2], 5000);
    stage.owner.recall(stage.ref, 0, true, 5001);
    expect(stage.given[0].sold).toEqual([]);
    stage.sync();
    expect(stage.given.slice(1)).toEqual([{ epoch: 1, sold: [{ from: 0, to: 2 }], unsold: [] }]);
  });

  test('that nobody has to follow is not followed', () => {
    const stage = new OwnerStage().grant(0, 10);
    stage.drain([1]);
    stage.sync();
    stage.owner.recall(stage.ref, 0, true, 1);
    stage.drain([]);
    stage.sync();
    expect(stage.given.length).toBe(1);
  });
});

describe('an idle slice', () => {
  test('goes back when others could use it, after the time and not before', () => {
    const stage = new OwnerStage({ partitions: 2 }).grant(0, 10);
    stage.drain([1], 5000);
    stage.sync().owner.returnIdle(5000 + SLICE_IDLE_MS);
    expect(stage.given).toEqual([]);
    stage.owner.returnIdle(5000 + SLICE_IDLE_MS + 1);
    expect(stage.given).toEqual([{ epoch: 1, sold: [{ from: 0, to: 1 }], unsold: [{ from: 1, to: 10 }] }]);
    stage.owner.returnIdle(5000 + 3 * SLICE_IDLE_MS);
    expect(stage.given.length).toBe(1);
  });

  test('stays where nobody else could use it', () => {
    const stage = new OwnerStage({ partitions: 1 }).grant(0, 10);
    stage.owner.returnIdle(1e9);
    expect(stage.given).toEqual([]);
  });
});

describe('more units', () => {
  test('end a sell-out: the next claim asks again', () => {
    const stage = new OwnerStage();
    stage.drain([1]);
    stage.outcome({ kind: 'exhausted' });
    stage.owner.replenished(stage.ref, 0);
    const [slot] = stage.drain([2]);
    expect(stage.asked.length).toBe(2);
    stage.grant(0, 5).sync();
    expect(stage.verdict(slot)).toBe(claimed);
  });

  test('are asked for at once when claims wait for them', () => {
    const stage = new OwnerStage();
    const [slot] = stage.drain([1]);
    stage.outcome({ kind: 'recalling' });
    expect(stage.asked.length).toBe(1);
    stage.owner.replenished(stage.ref, 0);
    expect(stage.asked.length).toBe(2);
    stage.grant(0, 5).sync();
    expect(stage.verdict(slot)).toBe(claimed);
  });
});

test('an owner whose lease is fenced ends', () => {
  const stage = new OwnerStage().grant(0, 10);
  expect(() => stage.outcome({ kind: 'fenced' })).toThrow('fenced');
});

test('an owner that still has units does not believe that the pool is exhausted', () => {
  const stage = new OwnerStage().grant(0, 10);
  expect(() => stage.outcome({ kind: 'exhausted' })).toThrow('still holds units');
});

test('a clean stop gives back everything unsold and reports everything sold', () => {
  const stage = new OwnerStage().grant(0, 10);
  stage.drain([1, 2]);
  stage.sync().owner.giveAllBack();
  expect(stage.given).toEqual([{ epoch: 1, sold: [{ from: 0, to: 2 }], unsold: [{ from: 2, to: 10 }] }]);
});
