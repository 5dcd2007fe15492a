/** When an owner dies, whatever it had is answered once, and nothing it still sends reaches anybody. */
import { afterEach, beforeEach, expect, test } from 'vitest';
import { Verdict } from '../../src/actors/verdict.ts';
import { DeskStage, until } from './desk-stage.ts';
import { Shelf } from './views.ts';

const { claimed, unavailable } = Verdict;

let stage: DeskStage;

beforeEach(() => {
  stage = new DeskStage(2);
});

afterEach(() => stage.close());

/** A template whose only actor is placed on this owner. */
function shelfOn(owner: number): Shelf {
  for (let id = 1; ; id++) {
    const shelf = new Shelf({ id }, [], 2);
    if (shelf.view.actors[0].owner === owner) return shelf;
  }
}

test('every claim in flight with it is unavailable, those of others are not', async () => {
  const [dead, alive] = [stage.up(0), stage.up(1)];
  const [pool, other] = [shelfOn(0).view.pools.get(0)!, shelfOn(1).view.pools.get(0)!];
  for (let lo = 1; lo <= 30; lo++) stage.send(pool, lo);
  const survivor = stage.send(other, 1);
  await until(() => dead.requests.length === 30 && alive.requests.length === 1, 'all requests');
  // These were only gathered, and never reached a ring that anybody reads.
  for (let lo = 31; lo <= 40; lo++) stage.send(pool, lo);
  stage.desk.ownerDown(0);
  expect(stage.answers.map(({ verdict }) => verdict)).toEqual(new Array(40).fill(unavailable));
  expect(new Set(stage.answers.map(({ slot }) => slot)).size).toBe(40);
  expect(stage.desk.inFlight).toBe(1);
  expect(stage.claim(pool, 50)).toBe(unavailable);
  alive.reply(alive.requests[0].slotWord, claimed);
  await until(() => stage.answers.length === 41, 'the answer of the other owner');
  expect(stage.answers[40]).toMatchObject({ slot: survivor, verdict: claimed });
});

test('what it had published before it died still counts', async () => {
  const dead = stage.up(0);
  const pool = shelfOn(0).view.pools.get(0)!;
  const slots = [stage.send(pool, 1), stage.send(pool, 2)];
  await until(() => dead.requests.length === 2, 'both requests');
  dead.put(dead.requests[0].slotWord, claimed, 9);
  dead.publish();
  stage.desk.ownerDown(0);
  expect(stage.answers.map(({ slot, verdict }) => [slot, verdict])).toEqual([
    [slots[0], claimed],
    [slots[1], unavailable],
  ]);
});

test('a reply that comes too late is dropped, also when its slot was given to somebody else', async () => {
  const dead = stage.up(0);
  const pool = shelfOn(0).view.pools.get(0)!;
  const slot = stage.send(pool, 1);
  await until(() => dead.requests.length === 1, 'the request');
  stage.desk.ownerDown(0);
  expect(stage.answers.length).toBe(1);
  const next = stage.up(0);
  expect(stage.send(pool, 2)).toBe(slot);
  await until(() => next.requests.length === 1, 'the request to the next life');
  dead.put(dead.requests[0].slotWord, claimed, 9);
  dead.publish();
  stage.desk.doorbell(dead.life);
  next.put(dead.requests[0].slotWord, claimed, 9);
  next.publish();
  stage.desk.doorbell(next.life);
  expect(stage.answers.length).toBe(1);
  next.reply(next.requests[0].slotWord, claimed, 10);
  await until(() => stage.answers.length === 2, 'the answer');
  expect(stage.answers[1]).toMatchObject({ slot, verdict: claimed, serial: 10 });
});

test('generations of a slot go round without mixing two claims up', async () => {
  const owner = stage.up(0);
  const pool = shelfOn(0).view.pools.get(0)!;
  const seen = new Set<number>();
  for (let lo = 1; lo <= 200; lo++) {
    stage.send(pool, lo);
    await until(() => owner.requests.length === lo, 'the request');
    const { slotWord } = owner.requests[lo - 1];
    seen.add(slotWord);
    owner.reply(slotWord, claimed, lo);
    await until(() => stage.answers.length === lo, 'the answer');
    expect(stage.answers[lo - 1].serial).toBe(lo);
  }
  expect(seen.size).toBe(200);
});

test('an owner that is not up is unavailable, and going down twice is no news', () => {
  expect(stage.claim(shelfOn(0).view.pools.get(0)!, 1)).toBe(unavailable);
  stage.desk.ownerDown(0);
  expect(stage.answers).toEqual([]);
});
