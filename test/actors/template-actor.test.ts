/** The order of the checks is the contract: each test sets up two reasons and sees which one answers. */
import { describe, expect, test } from 'vitest';
import type { PoolRules, TemplateRules } from '../../src/actors/rules.ts';
import { spentOfPool, spentOfTemplate, spentWord } from '../../src/actors/spent.ts';
import { TemplateActor, WAIT } from '../../src/actors/template-actor.ts';
import { UnitTable } from '../../src/actors/unit-table.ts';
import { UserTable } from '../../src/actors/user-table.ts';
import { Verdict } from '../../src/actors/verdict.ts';
import { SPENT_MAX } from '../../src/limits.ts';
import { poolRules, templateRules } from './rules.ts';

const ACTIVITY = 31;
const USER: readonly [number, number] = [7, 0x7fff_ffff];
const OTHER: readonly [number, number] = [8, 0x7fff_ffff];
const NO_KEY: readonly [number, number] = [0, 0];
const KEY: readonly [number, number] = [0xdead_beef, 0];
const KEY2: readonly [number, number] = [0xdead_beef, 1];
const [FROM_MS, NOW_MS, UNTIL_MS] = [1000, 1500, 2000];

class Stage {
  readonly units = new UnitTable([]);
  readonly actor: TemplateActor;

  constructor(
    rules: Partial<TemplateRules> = {},
    general: Partial<PoolRules> = {},
    activity: Partial<PoolRules> = {},
  ) {
    this.units.grow(200);
    this.actor = new TemplateActor(this.rules(rules, general, activity), 0, UserTable.create(1), this.units);
  }

  rules(
    rules: Partial<TemplateRules>,
    general: Partial<PoolRules> = {},
    activity: Partial<PoolRules> = {},
  ): TemplateRules {
    const window = { fromMs: FROM_MS, untilMs: UNTIL_MS, perUserLimit: rules.perUserLimit ?? 1 };
    const pools = [
      poolRules({ ...window, ...general }),
      poolRules({ ...window, activityId: ACTIVITY, ...activity }),
    ];
    return templateRules({ pools, ...rules });
  }

  stock(activityId: number, from: number, units: number): this {
    this.actor.pools.get(activityId)!.grant(1, [{ from, to: from + units }]);
    return this;
  }

  soldOut(activityId = 0): this {
    const pool = this.actor.pools.get(activityId)!;
    pool.slice.giveBack(pool.slice.unsold);
    pool.soldOut = true;
    return this;
  }

  claim(user = USER, key = NO_KEY, activityId = 0, nowMs = NOW_MS, spent = 0): number {
    return this.actor.decide(this.actor.pools.get(activityId)!, ...user, ...key, nowMs, spent);
  }

  /** A claim beside which some of the user's coupons do not count: → verdict and serial. */
  claimBeside(ofPool: number, ofTemplate: number, key = NO_KEY, activityId = 0): [number, number] {
    const verdict = this.claim(USER, key, activityId, NOW_MS, spentWord(ofPool, ofTemplate));
    return [verdict, this.actor.serial];
  }

  /** Claims and expects to win `serial`. */
  wins(serial: number, user = USER, key = NO_KEY, activityId = 0): this {
    expect(this.claim(user, key, activityId)).toBe(Verdict.claimed);
    expect(this.actor.serial).toBe(serial);
    return this;
  }

  /** Claims and expects to be told of `serial` again. */
  repeats(serial: number, user = USER, key = NO_KEY, activityId = 0, nowMs = NOW_MS): void {
    expect(this.claim(user, key, activityId, nowMs)).toBe(Verdict.alreadyClaimed);
    expect(this.actor.serial).toBe(serial);
  }
}

describe('a repeat at limit 1 gets the first coupon', () => {
  const held = (): Stage => new Stage().stock(0, 50, 3).wins(50, USER, KEY);

  test('with the same key, another key, or none', () => {
    const stage = held();
    for (const key of [KEY, KEY2, NO_KEY]) stage.repeats(50, USER, key);
  });

  test('while its claim is still pending, and when it is durable', () => {
    const stage = held();
    expect(stage.units.isClaimed(50)).toBe(false);
    stage.repeats(50);
    stage.units.publish(50, NOW_MS);
    stage.repeats(50);
  });

  test('after the window, and before one that was moved', () => {
    const stage = held();
    stage.repeats(50, USER, NO_KEY, 0, UNTIL_MS);
    stage.repeats(50, USER, NO_KEY, 0, FROM_MS - 1);
  });

  test('after the stock ran out', () => held().soldOut().repeats(50));

  test('after the template was disabled, is only granted, and invites somebody else', () => {
    const stage = held();
    stage.actor.setRules(stage.rules({ published: false, claimable: false, audience: ['1'] }));
    stage.repeats(50);
  });

  test('without taking a unit', () => {
    const stage = held();
    stage.repeats(50);
    stage.wins(51, OTHER);
  });
});

describe('a repeat at limit 3', () => {
  const twice = (): Stage =>
    new Stage({ perUserLimit: 3 }).stock(0, 0, 9).wins(0, USER, KEY).wins(1, USER, KEY2);

  test('gets the coupon of its key, the newest or an older one', () => {
    const stage = twice();
    stage.repeats(0, USER, KEY);
    stage.repeats(1, USER, KEY2);
  });

  test('without a key is a further claim, up to the limit', () => {
    const stage = twice().wins(2);
    expect(stage.claim()).toBe(Verdict.limitReached);
    stage.repeats(0, USER, KEY);
  });

  test('with a key that another user used is a claim of its own', () => {
    twice().wins(2, OTHER, KEY);
  });
});

describe('pools of one template', () => {
  test('have a repeat each: the coupon of one does not answer the other', () => {
    const stage = new Stage({ perUserLimit: 5 }, { perUserLimit: 1 }, { perUserLimit: 1 });
    stage.stock(0, 0, 5).stock(ACTIVITY, 100, 5).wins(0).wins(100, USER, NO_KEY, ACTIVITY);
    stage.repeats(0);
    stage.repeats(100, USER, NO_KEY, ACTIVITY);
  });

  test('have a key each', () => {
    const stage = new Stage({ perUserLimit: 5 });
    stage.stock(0, 0, 5).stock(ACTIVITY, 100, 5).wins(0, USER, KEY).wins(100, USER, KEY, ACTIVITY);
    stage.repeats(0, USER, KEY);
    stage.repeats(100, USER, KEY, ACTIVITY);
  });

  test('share the limit of the template', () => {
    const stage = new Stage({ perUserLimit: 2 }, {}, { perUserLimit: 2 })
      .stock(0, 0, 5)
      .stock(ACTIVITY, 100, 5);
    stage.wins(0).wins(100, USER, NO_KEY, ACTIVITY);
    expect(stage.claim(USER, NO_KEY, ACTIVITY)).toBe(Verdict.limitReached);
    expect(stage.claim()).toBe(Verdict.limitReached);
    stage.wins(1, OTHER);
  });

  test('have a limit of their own below it', () => {
    const stage = new Stage({ perUserLimit: 5 }, {}, { perUserLimit: 2 })
      .stock(0, 0, 5)
      .stock(ACTIVITY, 100, 5);
    stage.wins(100, USER, NO_KEY, ACTIVITY).wins(101, USER, NO_KEY, ACTIVITY);
    expect(stage.claim(USER, NO_KEY, ACTIVITY)).toBe(Verdict.limitReached);
    stage.wins(0);
  });

  test('at limit 1 say limit reached to a user who holds the coupon of the other', () => {
    const stage = new Stage().stock(0, 0, 5).stock(ACTIVITY, 100, 5).wins(0);
    expect(stage.claim(USER, NO_KEY, ACTIVITY)).toBe(Verdict.limitReached);
  });
});

describe('coupons that do not count', () => {
  const { claimed, alreadyClaimed, limitReached, soldOut, ended } = Verdict;

  test('make room at limit 1, once each; what is named is the newest', () => {
    const stage = new Stage().stock(0, 50, 3).wins(50);
    expect(stage.claimBeside(0, 0)).toEqual([alreadyClaimed, 50]);
    expect(stage.claimBeside(1, 1)).toEqual([claimed, 51]);
    expect(stage.claimBeside(1, 1)).toEqual([alreadyClaimed, 51]);
    expect(stage.claimBeside(2, 2)).toEqual([claimed, 52]);
  });

  test('a key finds its coupon, whether it counts or not', () => {
    const stage = new Stage().stock(0, 50, 3).wins(50, USER, KEY);
    expect(stage.claimBeside(1, 1, KEY2)).toEqual([claimed, 51]);
    expect(stage.claimBeside(1, 1, KEY)).toEqual([alreadyClaimed, 50]);
    expect(stage.claimBeside(2, 2, KEY)).toEqual([alreadyClaimed, 50]);
    expect(stage.claimBeside(2, 2, KEY2)).toEqual([alreadyClaimed, 51]);
  });

  test('of an activity and of the template are two limits', () => {
    const stage = new Stage({ perUserLimit: 3 }, {}, { perUserLimit: 1 });
    stage.stock(0, 0, 5).stock(ACTIVITY, 100, 5);
    stage.wins(100, USER, NO_KEY, ACTIVITY).wins(0).wins(1);
    // The activity has room for one, the template for none.
    expect(stage.claimBeside(1, 0, NO_KEY, ACTIVITY)).toEqual([limitReached, 1]);
    // The other way round: a repeat.
    expect(stage.claimBeside(0, 2, NO_KEY, ACTIVITY)).toEqual([alreadyClaimed, 100]);
    expect(stage.claimBeside(1, 1, NO_KEY, ACTIVITY)).toEqual([claimed, 101]);
    expect(stage.claimBeside(0, 1)).toEqual([limitReached, 101]);
    expect(stage.claimBeside(0, 2)).toEqual([claimed, 2]);
  });

  test('leave every other reason as it is', () => {
    const stage = new Stage().stock(0, 50, 1).wins(50).soldOut();
    expect(stage.claimBeside(1, 1)).toEqual([soldOut, 50]);
    const late = new Stage().stock(0, 50, 2).wins(50);
    expect(late.claim(USER, NO_KEY, 0, UNTIL_MS, spentWord(1, 1))).toBe(ended);
  });

  test('more than can be said count as that many', () => {
    expect([spentOfPool(spentWord(9_000, 90_000)), spentOfTemplate(spentWord(9_000, 90_000))]).toEqual([
      SPENT_MAX,
      SPENT_MAX,
    ]);
    expect([spentOfPool(spentWord(5, 8_191)), spentOfTemplate(spentWord(5, 8_191))]).toEqual([5, 8_191]);
  });
});

describe('of two reasons to refuse, the first in this order is told', () => {
  const audience = ['9223372036854775000'];
  test.each<[string, Stage, number, number]>([
    ['not active before not started', new Stage({ published: false }), FROM_MS - 1, Verdict.notActive],
    ['not active before ended', new Stage({ published: false }), UNTIL_MS, Verdict.notActive],
    ['not started before not eligible', new Stage({ claimable: false }), FROM_MS - 1, Verdict.notStarted],
    ['ended before not eligible', new Stage({ audience }), UNTIL_MS, Verdict.ended],
    ['ended before sold out', new Stage().soldOut(), UNTIL_MS, Verdict.ended],
    ['granted only before sold out', new Stage({ claimable: false }).soldOut(), NOW_MS, Verdict.notEligible],
    ['not invited before sold out', new Stage({ audience }).soldOut(), NOW_MS, Verdict.notEligible],
    ['sold out, known', new Stage().soldOut(), NOW_MS, Verdict.soldOut],
    ['no unit at hand, and nothing known', new Stage(), NOW_MS, WAIT],
  ])('%s', (_, stage, nowMs, verdict) => expect(stage.claim(USER, NO_KEY, 0, nowMs)).toBe(verdict));

  test('not eligible before limit reached', () => {
    const stage = new Stage({ perUserLimit: 2 }).stock(0, 0, 5).wins(0).wins(1);
    stage.actor.setRules(stage.rules({ perUserLimit: 2, claimable: false }));
    expect(stage.claim()).toBe(Verdict.notEligible);
  });

  test('limit reached before sold out', () => {
    const stage = new Stage({ perUserLimit: 2 }).stock(0, 0, 5).wins(0).wins(1).soldOut();
    expect(stage.claim()).toBe(Verdict.limitReached);
  });
});

describe('a refusal names the newest coupon of the template, from which the others are found', () => {
  test.each<[string, Stage, number, number]>([
    ['not active', new Stage({ perUserLimit: 9, published: false }), NOW_MS, Verdict.notActive],
    ['not started', new Stage({ perUserLimit: 9 }), FROM_MS - 1, Verdict.notStarted],
    ['ended', new Stage({ perUserLimit: 9 }), UNTIL_MS, Verdict.ended],
    ['not eligible', new Stage({ perUserLimit: 9, claimable: false }), NOW_MS, Verdict.notEligible],
    ['sold out', new Stage({ perUserLimit: 9 }).soldOut(), NOW_MS, Verdict.soldOut],
  ])('%s', (_, stage, nowMs, verdict) => {
    const { actor } = stage;
    for (const serial of [3, 8]) actor.give(actor.pools.get(0)!, ...USER, ...KEY2, serial, serial - 5);
    // Somebody who holds nothing was judged in between.
    expect([stage.claim(USER, NO_KEY, 0, nowMs), actor.serial]).toEqual([verdict, 8]);
    expect([stage.claim(OTHER, NO_KEY, 0, nowMs), actor.serial]).toEqual([verdict, -1]);
    expect([stage.claim(USER, NO_KEY, ACTIVITY, nowMs), actor.serial][1]).toBe(8);
  });
});

describe('the window', () => {
  test.each([
    [FROM_MS - 1, Verdict.notStarted],
    [FROM_MS, Verdict.claimed],
    [UNTIL_MS - 1, Verdict.claimed],
    [UNTIL_MS, Verdict.ended],
  ])('at %i ms', (nowMs, verdict) =>
    expect(new Stage().stock(0, 0, 1).claim(USER, NO_KEY, 0, nowMs)).toBe(verdict),
  );
});

test('an audience lets in exactly the users it names', () => {
  const invited = new Stage({ audience: [String((0x7fff_ffffn << 32n) | 7n)] }).stock(0, 0, 5);
  invited.wins(0, USER);
  expect(invited.claim(OTHER)).toBe(Verdict.notEligible);
});

test('a refused claim changes nothing', () => {
  const stage = new Stage({ claimable: false }).stock(0, 0, 5);
  stage.claim();
  expect(stage.actor.users.users).toBe(0);
  expect(stage.actor.pools.get(0)!.slice.unsold).toBe(5);
});

test('new rules reach a pool that is there and keep its units', () => {
  const stage = new Stage().stock(0, 0, 5).wins(0);
  stage.actor.setRules(stage.rules({}, { untilMs: FROM_MS }));
  expect(stage.claim(OTHER)).toBe(Verdict.ended);
  stage.actor.setRules(stage.rules({}));
  stage.wins(1, OTHER);
});

test('units are linked to the ones their user got before', () => {
  const stage = new Stage({ perUserLimit: 3 }).stock(0, 0, 9).wins(0).wins(1, OTHER).wins(2);
  expect([stage.units.previous(2), stage.units.previous(0), stage.units.previous(1)]).toEqual([0, -1, -1]);
  expect(stage.actor.holds(...USER, 0)).toBe(true);
  expect(stage.actor.holds(...USER, 1)).toBe(false);
});
