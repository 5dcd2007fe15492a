/** What the ingress answers itself, what it sends, and what becomes of it. */
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { Verdict } from '../../src/actors/verdict.ts';
import { SENT } from '../../src/claims/claim-desk.ts';
import { SLOTS } from '../../src/limits.ts';
import { activity } from '../records/samples.ts';
import { DeskStage, type OwnerEnd, until } from './desk-stage.ts';
import { Shelf } from './views.ts';

const {
  claimed,
  alreadyClaimed,
  soldOut,
  notStarted,
  ended,
  notActive,
  notEligible,
  unavailable,
  overloaded,
} = Verdict;

let stage: DeskStage;

beforeEach(() => {
  stage = new DeskStage();
});

afterEach(() => stage.close());

function general(shelf: Shelf) {
  return shelf.view.pools.get(0)!;
}

async function arrived(owner: OwnerEnd, requests: number): Promise<void> {
  await until(() => owner.requests.length === requests, `${requests} requests at the owner`);
}

describe('a claim that is sent', () => {
  test('reaches its owner whole, and its answer the waiter', async () => {
    const owner = stage.up();
    const shelf = new Shelf({}, [activity({ id: 12, templateId: 3, startsAtMs: 0 })]);
    const pool = shelf.view.pools.get(12)!;
    expect(stage.desk.claim(pool, 0xffff_ffff, 0x7fff_ffff, 0xdead_beef, 1, 1000, stage)).toBe(SENT);
    const { slot } = stage.desk;
    await arrived(owner, 1);
    const [{ slotWord, words }] = owner.requests;
    expect(words.slice(1).map((word) => word >>> 0)).toEqual([
      3, 0, 12, 0xffff_ffff, 0x7fff_ffff, 0xdead_beef, 1,
    ]);
    expect(stage.desk.inFlight).toBe(1);
    owner.reply(slotWord, claimed, 77);
    await until(() => stage.answers.length > 0, 'the answer');
    expect(stage.answers).toEqual([{ slot, pool, verdict: claimed, serial: 77 }]);
    expect(stage.desk.inFlight).toBe(0);
    expect(stage.desk.answers[claimed]).toBe(1);
    expect(stage.desk.answeredHere).toBe(0);
  });

  test('of a unit that is not known here yet is answered once the news of it has come', async () => {
    const owner = stage.up();
    const shelf = new Shelf();
    const { view } = shelf;
    const before = view.extents[0]!.length;
    stage.send(general(shelf), 8);
    await arrived(owner, 1);
    owner.reply(owner.requests[0]!.slotWord, claimed, before);
    await new Promise((resolve) => setTimeout(resolve, 10));
    expect([stage.answers.length, stage.desk.inFlight]).toEqual([0, 1]);

    // Whoever is there already under such a unit is asked about at the owner, too.
    view.units.grow(before + 64);
    shelf.sell(before, 9);
    expect(stage.claim(general(shelf), 9)).toBe(SENT);

    view.extents.push({ ...view.extents[0]!, firstSerial: before, length: 64, offset: before });
    await until(() => stage.answers.length > 0, 'the answer');
    expect(stage.answers[0]).toMatchObject({ verdict: claimed, serial: before });
    expect(stage.claim(general(shelf), 9)).toBe(alreadyClaimed);
  });

  test('goes with the others of its turn: one doorbell', async () => {
    const owner = stage.up();
    const pool = general(new Shelf());
    for (let lo = 1; lo <= 20; lo++) stage.send(pool, lo);
    await arrived(owner, 20);
    expect(owner.doorbells).toBe(1);
    expect(owner.life.requests.depth).toBe(0);
  });

  test('goes to the owner of its partition', async () => {
    stage = new DeskStage(2);
    const owners = [stage.up(0), stage.up(1)];
    const shelf = new Shelf({ partitions: 2 }, [], 2);
    for (let lo = 1; lo <= 40; lo++) stage.send(general(shelf), lo);
    await until(() => owners[0].requests.length + owners[1].requests.length === 40, 'all requests');
    for (const [index, { requests }] of owners.entries()) {
      expect(requests.length).toBeGreaterThan(5);
      for (const { words } of requests) expect(shelf.view.actors[words[2]].owner).toBe(index);
    }
  });

  test('from inside an answer leaves with that turn', async () => {
    const owner = stage.up();
    const pool = general(new Shelf());
    stage.send(pool, 1);
    await arrived(owner, 1);
    stage.onAnswer = () => {
      if (stage.answers.length === 1) stage.send(pool, 2);
    };
    owner.reply(owner.requests[0].slotWord, claimed);
    await arrived(owner, 2);
    expect(stage.desk.inFlight).toBe(1);
  });
});

describe('a repeat', () => {
  test('at limit 1 of a durable coupon is answered here', () => {
    stage.up();
    const shelf = new Shelf();
    shelf.sell(5, 42);
    expect(stage.claim(general(shelf), 42)).toBe(alreadyClaimed);
    expect(stage.desk.serial).toBe(5);
    expect([stage.desk.inFlight, stage.desk.answeredHere, stage.desk.answers[alreadyClaimed]]).toEqual([
      0, 1, 1,
    ]);
  });

  test('is answered here after the window, the sell-out, and while the owner is down', () => {
    const shelf = new Shelf({ claimUntilMs: 500 });
    shelf.sell(5, 42);
    general(shelf).mark(true, true);
    expect(stage.claim(general(shelf), 42, 1000)).toBe(alreadyClaimed);
  });

  test.each<[string, () => Shelf]>([
    ['of a pending claim', () => new Shelf()],
    ['where more than one is allowed', () => new Shelf({ perUserLimit: 2 })],
  ])('%s is for the owner to answer', (_, make) => {
    stage.up();
    const shelf = make();
    shelf.take(5, 42);
    if (shelf.view.rules.perUserLimit > 1) shelf.settle(5, 42);
    stage.send(general(shelf), 42);
  });

  test('in another pool than that of the coupon is for the owner to answer', () => {
    stage.up();
    const shelf = new Shelf({}, [activity({ id: 12, templateId: 3, startsAtMs: 0 })]);
    shelf.sell(5, 42, 0, 12);
    stage.send(general(shelf), 42);
    expect(stage.claim(shelf.view.pools.get(12)!, 42)).toBe(alreadyClaimed);
  });

  test('after a crowd of strangers is answered all the same, here or by the owner', async () => {
    const owner = stage.up(0, 1024);
    const shelf = new Shelf();
    shelf.sell(5, 42);
    for (let lo = 1000; lo < 1200; lo++) stage.send(general(shelf), lo);
    await arrived(owner, 200);
    let here = 0;
    for (let i = 0; i < 20; i++) {
      const verdict = stage.claim(general(shelf), 42);
      if (verdict === alreadyClaimed) here++;
      else expect(verdict).toBe(SENT);
    }
    expect(here).toBeGreaterThan(10);
  });
});

describe('refused here', () => {
  test.each<[string, Shelf, number, number]>([
    ['not active', new Shelf({ status: 'disabled', claimUntilMs: 500 }), 1000, notActive],
    ['not started', new Shelf({ claimFromMs: 2000, distribution: 'grant' }), 1999, notStarted],
    ['ended', new Shelf({ claimUntilMs: 1000, distribution: 'grant' }), 1000, ended],
    ['only granted', new Shelf({ distribution: 'grant' }), 1000, notEligible],
  ])('%s', (_, shelf, nowMs, verdict) => {
    stage.up();
    general(shelf).mark(true, true);
    expect(stage.claim(general(shelf), 1, nowMs)).toBe(verdict);
    expect([stage.desk.inFlight, stage.desk.answers[verdict]]).toEqual([0, 1]);
  });

  test('sold out, but not where an audience must be asked first', () => {
    stage.up();
    const [open, invited] = [new Shelf(), new Shelf({ audience: { userIds: ['9'] } })];
    for (const shelf of [open, invited]) general(shelf).mark(true, true);
    expect(stage.claim(general(open), 1)).toBe(soldOut);
    stage.send(general(invited), 1);
  });

  test('unavailable while too much is not flushed', () => {
    stage.up();
    stage.desk.lagging = true;
    expect(stage.claim(general(new Shelf()), 1)).toBe(unavailable);
    stage.desk.lagging = false;
    stage.send(general(new Shelf()), 1);
  });

  test('overloaded when the ring is full, which costs no slot', async () => {
    const owner = stage.up(0, 8);
    const pool = general(new Shelf());
    for (let lo = 1; lo <= 8; lo++) stage.send(pool, lo);
    expect(stage.claim(pool, 9)).toBe(overloaded);
    expect(stage.desk.inFlight).toBe(8);
    await arrived(owner, 8);
    stage.send(pool, 9);
  });

  test('overloaded when every slot is taken, until one is given back', async () => {
    const owner = stage.up(0, 2 * SLOTS);
    const pool = general(new Shelf());
    const slots = new Set<number>();
    for (let lo = 1; lo <= SLOTS; lo++) slots.add(stage.send(pool, lo));
    expect([slots.size, stage.desk.slotsFree]).toEqual([SLOTS, 0]);
    expect(stage.claim(pool, SLOTS + 1)).toBe(overloaded);
    await arrived(owner, SLOTS);
    owner.reply(owner.requests[4].slotWord, claimed);
    await until(() => stage.desk.slotsFree === 1, 'a free slot');
    stage.send(pool, SLOTS + 1);
    expect(stage.claim(pool, SLOTS + 2)).toBe(overloaded);
  });
});

describe('a refusal whose reason has passed since the owner gave it is worth a retry', () => {
  test.each<[string, number]>([
    ['there are units again', soldOut],
    ['there is no opening to wait for any more', notStarted],
  ])('%s', async (_, verdict) => {
    const owner = stage.up();
    const pool = general(new Shelf());
    const slot = stage.send(pool, 42);
    await arrived(owner, 1);
    owner.reply(owner.requests[0].slotWord, verdict, -1);
    await until(() => stage.answers.length > 0, 'the answer');
    expect(stage.answers).toEqual([{ slot, pool, verdict: unavailable, serial: -1 }]);
  });
});

test('a refusal given here names no coupon, whatever the claim before it named', () => {
  const shelf = new Shelf({ claimUntilMs: 1000 });
  shelf.sell(5, 42);
  expect([stage.claim(general(shelf), 42), stage.desk.serial]).toEqual([alreadyClaimed, 5]);
  expect([stage.claim(general(shelf), 43), stage.desk.serial]).toEqual([ended, -1]);
  expect([stage.claim(general(new Shelf()), 43), stage.desk.serial]).toEqual([unavailable, -1]);
});

describe('a reader that is out of date', () => {
  test('asks the owner', () => {
    stage.up();
    const shelf = new Shelf();
    shelf.sell(5, 42);
    const table = shelf.tables[0];
    table.onSegment = () => {};
    for (let lo = 100; lo < 200; lo++) table.put(lo, 0, lo);
    stage.send(general(shelf), 42);
    shelf.view.actors[0].users = null;
    stage.send(general(shelf), 42);
  });
});
