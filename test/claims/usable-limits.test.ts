/** Limits that count usable coupons: what is asked of the record store, and what becomes of the claim then. */
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { partitionAt, spentAt, spentOfPool, spentOfTemplate } from '../../src/actors/spent.ts';
import { Verdict } from '../../src/actors/verdict.ts';
import { SENT } from '../../src/claims/claim-desk.ts';
import { couponId } from '../../src/domain/coupon-id.ts';
import { CLAIMS_HELD_BACK_MAX, SPENT_ASKED_MAX } from '../../src/limits.ts';
import { Unavailable } from '../../src/problems.ts';
import { activity } from '../records/samples.ts';
import { DeskStage, type OwnerEnd, until } from './desk-stage.ts';
import { Shelf } from './views.ts';

const { claimed, alreadyClaimed, limitReached, unavailable, overloaded } = Verdict;
const TEMPLATE = 3;
const USER = 7;

/** A record store that answers when the test says so. */
class Store {
  readonly asked: {
    ids: readonly number[];
    answer: (spent: number[]) => void;
    fail: (error: Error) => void;
  }[] = [];
  readonly failures: unknown[] = [];

  readonly options = {
    spent: (ids: readonly number[]) =>
      new Promise<number[]>((resolve, reject) => {
        this.asked.push({ ids, answer: resolve, fail: reject });
      }),
    onFailure: (error: unknown) => void this.failures.push(error),
  };

  async questions(count: number): Promise<void> {
    await until(() => this.asked.length === count, `${count} questions`);
  }
}

let store: Store;
let stage: DeskStage;
let owner: OwnerEnd;
let shelf: Shelf;

const id = (serial: number): number => couponId(TEMPLATE, serial);
const serials = (ids: readonly number[]): number[] => ids.map((one) => one - id(0));

beforeEach(() => {
  store = new Store();
  stage = new DeskStage(1, store.options);
  owner = stage.up();
  shelf = new Shelf({ limitCounts: 'usable', perUserLimit: 1 }, [
    activity({ id: 12, templateId: TEMPLATE, startsAtMs: 0, perUserLimit: 1 }),
  ]);
});
afterEach(() => stage.close());

const general = () => shelf.view.pools.get(0)!;

/** The n-th request at the owner (from 1). */
async function request(n: number) {
  await until(() => owner.requests.length >= n, `${n} requests`);
  return owner.requests[n - 1]!;
}

/** A claim that the owner answers so; → its slot word. */
async function refusedClaim(
  verdict: number,
  serial: number,
  { user = USER, pool = general(), key = 0 } = {},
) {
  const seen = owner.requests.length;
  stage.send(pool, user, key);
  const { slotWord } = await request(seen + 1);
  owner.reply(slotWord, verdict, serial);
  await until(() => owner.life.replies.available() === 0, 'the desk has the reply');
  return slotWord;
}

const answers = () => stage.answers.map(({ verdict, serial }) => [verdict, serial]);
const answered = (count: number) => until(() => stage.answers.length === count, `${count} answers`);

describe('a user at the limit', () => {
  test('one of whose coupons is spent: the claim goes to the owner once more, with their number', async () => {
    shelf.sell(5, USER);
    const slotWord = await refusedClaim(alreadyClaimed, 5);
    await store.questions(1);
    expect(serials(store.asked[0]!.ids)).toEqual([5]);
    expect(stage.answers).toEqual([]);
    store.asked[0]!.answer([id(5)]);
    const again = await request(2);
    const where = again.words[2]!;
    expect([partitionAt(where), spentOfPool(spentAt(where)), spentOfTemplate(spentAt(where))]).toEqual([
      0, 1, 1,
    ]);
    expect(again.slotWord).toBe(slotWord);
    owner.reply(slotWord, claimed, 6);
    await answered(1);
    expect(answers()).toEqual([[claimed, 6]]);
    expect(stage.desk.inFlight).toBe(0);
    expect([stage.desk.answers[claimed], stage.desk.answers[alreadyClaimed]]).toEqual([1, 0]);
  });

  test('none of whose coupons is spent: the answer stands', async () => {
    shelf.sell(5, USER);
    await refusedClaim(alreadyClaimed, 5);
    await store.questions(1);
    store.asked[0]!.answer([]);
    await answered(1);
    expect(answers()).toEqual([[alreadyClaimed, 5]]);
    expect(owner.requests.length).toBe(1);
  });

  test('what is not durable is not asked about', async () => {
    shelf.sell(5, USER);
    shelf.take(6, USER);
    await refusedClaim(limitReached, 6);
    await store.questions(1);
    expect(serials(store.asked[0]!.ids)).toEqual([5]);
    store.asked[0]!.answer([]);
    await answered(1);
  });

  test('of an activity is told apart from the template', async () => {
    shelf.sell(5, USER);
    shelf.sell(6, USER, 0, 12);
    await refusedClaim(limitReached, 6, { pool: shelf.view.pools.get(12)! });
    await store.questions(1);
    expect(serials(store.asked[0]!.ids)).toEqual([6, 5]);
    store.asked[0]!.answer([id(5), id(6)]);
    const spent = spentAt((await request(2)).words[2]!);
    expect([spentOfPool(spent), spentOfTemplate(spent)]).toEqual([1, 2]);
  });

  test('who asks with the key of a coupon gets that one: nobody is asked', async () => {
    shelf.take(5, USER, 0, 0, 99);
    shelf.settle(5, USER);
    await refusedClaim(alreadyClaimed, 5, { key: 99 });
    await answered(1);
    expect([answers(), store.asked.length]).toEqual([[[alreadyClaimed, 5]], 0]);
  });

  test('is told of the newest that counts, where a use was reverted', async () => {
    shelf.sell(5, USER);
    shelf.sell(6, USER);
    await refusedClaim(alreadyClaimed, 6);
    await store.questions(1);
    store.asked[0]!.answer([id(6)]);
    const { slotWord } = await request(2);
    owner.reply(slotWord, alreadyClaimed, 6);
    await answered(1);
    expect(answers()).toEqual([[alreadyClaimed, 5]]);
  });
});

test('other templates and other answers know nothing of it', async () => {
  shelf.sell(5, USER);
  general().mark(true, true);
  await refusedClaim(claimed, 8);
  await refusedClaim(Verdict.soldOut, 5);
  const plain = new Shelf({ id: 4, perUserLimit: 2 });
  plain.sell(1, USER);
  await refusedClaim(limitReached, 1, { pool: plain.view.pools.get(0)! });
  await answered(3);
  expect([answers(), store.asked.length]).toEqual([
    [
      [claimed, 8],
      [Verdict.soldOut, 5],
      [limitReached, 1],
    ],
    0,
  ]);
});

test('a claim at limit 1 goes to the owner, for the ingress cannot know whether its coupon counts', () => {
  shelf.sell(5, USER);
  expect(stage.claim(general(), USER)).toBe(SENT);
});

describe('many at once', () => {
  test('one question is under way, about all that came before it', async () => {
    for (let user = 1; user <= 4; user++) shelf.sell(user, user);
    await refusedClaim(alreadyClaimed, 1, { user: 1 });
    await store.questions(1);
    for (let user = 2; user <= 4; user++) await refusedClaim(alreadyClaimed, user, { user });
    expect(store.asked.length).toBe(1);
    store.asked[0]!.answer([]);
    await store.questions(2);
    expect(serials(store.asked[1]!.ids)).toEqual([2, 3, 4]);
    store.asked[1]!.answer([id(3)]);
    await answered(3);
    owner.reply((await request(5)).slotWord, claimed, 50);
    await answered(4);
    expect(answers()).toEqual([
      [alreadyClaimed, 1],
      [alreadyClaimed, 2],
      [alreadyClaimed, 4],
      [claimed, 50],
    ]);
  });

  test('a question is about so many coupons at most, or about one user', async () => {
    const many = new Shelf({ limitCounts: 'usable', perUserLimit: 10_000, total: 3 * SPENT_ASKED_MAX });
    const pool = many.view.pools.get(0)!;
    for (let serial = 0; serial < SPENT_ASKED_MAX + 5; serial++) many.sell(serial, 1);
    for (let user = 2; user <= 4; user++) many.sell(SPENT_ASKED_MAX + 5 + user, user);
    await refusedClaim(limitReached, 0, { user: 1, pool });
    await store.questions(1);
    for (let user = 2; user <= 4; user++) await refusedClaim(limitReached, 0, { user, pool });
    store.asked[0]!.answer([]);
    await store.questions(2);
    expect(store.asked.map(({ ids }) => ids.length)).toEqual([SPENT_ASKED_MAX + 5, 3]);
    store.asked[1]!.answer([]);
    await answered(4);
  });

  test('more than may wait are overloaded', async () => {
    stage.close();
    stage = new DeskStage(1, store.options);
    owner = stage.up(0, 8192);
    shelf.sell(5, USER);
    const claims = CLAIMS_HELD_BACK_MAX + 2;
    for (let n = 0; n < claims; n++) stage.send(general(), USER);
    await request(claims);
    owner.requests.forEach(({ slotWord }) => void owner.put(slotWord, alreadyClaimed, 5));
    owner.publish();
    await answered(2);
    expect(answers()).toEqual([
      [overloaded, 5],
      [overloaded, 5],
    ]);
  });
});

describe('nobody can say what counts', () => {
  beforeEach(() => shelf.sell(5, USER));

  test('the store cannot be reached: unavailable, and asked again by the next claim', async () => {
    await refusedClaim(alreadyClaimed, 5);
    await store.questions(1);
    store.asked[0]!.fail(new Unavailable('away'));
    await answered(1);
    expect([answers(), store.failures]).toEqual([[[unavailable, -1]], []]);
    await refusedClaim(alreadyClaimed, 5);
    await store.questions(2);
    store.asked[1]!.answer([]);
    await answered(2);
  });

  test('a fault of the store is told', async () => {
    await refusedClaim(alreadyClaimed, 5);
    await store.questions(1);
    const fault = new Error('no such table');
    store.asked[0]!.fail(fault);
    await answered(1);
    expect([answers(), store.failures]).toEqual([[[unavailable, -1]], [fault]]);
  });

  test('the owner dies meanwhile: unavailable once, and what the store says comes too late', async () => {
    await refusedClaim(alreadyClaimed, 5);
    await store.questions(1);
    stage.desk.ownerDown(0);
    expect(answers().map(([verdict]) => verdict)).toEqual([unavailable]);
    // Its slot has another claim by now.
    owner = stage.up();
    const slot = stage.send(general(), 99);
    store.asked[0]!.answer([id(5)]);
    const { slotWord } = await request(1);
    expect(slotWord & 0xffff).toBe(slot);
    owner.reply(slotWord, claimed, 8);
    await answered(2);
    expect([answers()[1], owner.requests.length]).toEqual([[claimed, 8], 1]);
  });

  test('the owner is away when the claim would go to it once more', async () => {
    await refusedClaim(alreadyClaimed, 5);
    await store.questions(1);
    stage.desk.lagging = true;
    store.asked[0]!.answer([id(5)]);
    await answered(1);
    expect([answers()[0]![0], stage.desk.inFlight]).toEqual([unavailable, 0]);
  });
});
