/** Who held more than a limit of usable coupons, judged by what became of them and when. */
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { UsableLimitCheck } from '../../src/audit/check-usable-limits.ts';
import { check } from '../../src/audit/checker.ts';
import type { RowFact } from '../../src/audit/facts.ts';
import { Findings } from '../../src/audit/report.ts';
import { EVENT_KINDS } from '../../src/coupons/states.ts';
import { couponId } from '../../src/domain/coupon-id.ts';
import type { CouponEventKind } from '../../src/ports-coupons.ts';
import { factsOf, type PlainClaim, rowOf, rules, type World } from './world.ts';

/** Longer than any two clocks are apart, and any claim waits. */
const HOUR_MS = 3_600_000;
const NEVER_MS = Number.MAX_SAFE_INTEGER;

interface Life {
  /** In hours, as all times here. */
  readonly claimedAt: number;
  readonly validUntil?: number;
  readonly events?: readonly (readonly [CouponEventKind, number])[];
}

function problems(limit: number, lives: readonly Life[]): string[] {
  const usable = new UsableLimitCheck();
  const claims = lives.map(({ claimedAt }, couponId) => ({ couponId, claimedAtMs: claimedAt * HOUR_MS }));
  usable.suspect(limit, 'user 7, template 3', claims);
  lives.forEach(({ validUntil, events = [] }, couponId) => {
    const validUntilMs = validUntil === undefined ? NEVER_MS : validUntil * HOUR_MS;
    usable.row({ couponId, validUntilMs } as RowFact);
    events.forEach(([kind, at], i) => {
      const rest = { redemptionId: null, detail: null };
      usable.event({
        couponId,
        sequence: i + 2,
        kind: EVENT_KINDS.indexOf(kind),
        atMs: at * HOUR_MS,
        ...rest,
      });
    });
  });
  const limits = new Findings('limits');
  usable.finish(limits);
  return limits.report().problems.map(String);
}

describe('of two coupons at limit 1', () => {
  const second: Life = { claimedAt: 5 };

  test.each<[string, Life]>([
    [
      'used before',
      {
        claimedAt: 1,
        events: [
          ['locked', 2],
          ['used', 3],
        ],
      },
    ],
    ['voided before', { claimedAt: 1, events: [['voided', 3]] }],
    ['over before', { claimedAt: 1, validUntil: 4 }],
    [
      'used before, and reverted afterwards',
      {
        claimedAt: 1,
        events: [
          ['used', 3],
          ['reverted', 9],
        ],
      },
    ],
    [
      'used before, then returned',
      {
        claimedAt: 1,
        events: [
          ['used', 3],
          ['returned', 9],
        ],
      },
    ],
    [
      'used and reverted after its time',
      {
        claimedAt: 1,
        validUntil: 3,
        events: [
          ['used', 2],
          ['reverted', 4],
        ],
      },
    ],
  ])('one that was %s made room', (_, first) => expect(problems(1, [first, second])).toEqual([]));

  test.each<[string, Life]>([
    ['usable', { claimedAt: 1 }],
    ['locked', { claimedAt: 1, events: [['locked', 2]] }],
    ['used only afterwards', { claimedAt: 1, events: [['used', 7]] }],
    ['voided only afterwards', { claimedAt: 1, events: [['voided', 7]] }],
    ['valid for longer', { claimedAt: 1, validUntil: 7 }],
    [
      'used and reverted before',
      {
        claimedAt: 1,
        events: [
          ['used', 2],
          ['reverted', 3],
        ],
      },
    ],
  ])('one that was %s did not', (_, first) => {
    expect(problems(1, [first, second])).toEqual([
      'user 7, template 3: coupon 1 was claimed while 1 others were usable, the limit is 1 (usable ones count)',
    ]);
  });
});

test('says what counting claim by claim says', () => {
  const life = fc.record({
    claimedAt: fc.integer({ min: 0, max: 60 }),
    validUntil: fc.option(fc.integer({ min: 1, max: 90 }), { nil: undefined }),
    times: fc.uniqueArray(fc.integer({ min: 61, max: 200 }), { maxLength: 6 }),
    shift: fc.integer({ min: 0, max: 130 }),
  });
  let refused = 0;
  fc.assert(
    fc.property(
      fc.array(life, { minLength: 2, maxLength: 7 }),
      fc.integer({ min: 1, max: 3 }),
      (drawn, limit) => {
        // Times an hour apart at least: what is nearer than clocks are may be judged either way.
        const lives = drawn.map(({ claimedAt, validUntil, times, shift }, n): Life => {
          const uses = [...times]
            .sort((a, b) => a - b)
            .map((at, i): [CouponEventKind, number] => [
              i % 2 === 0 ? 'used' : 'reverted',
              (at - shift) * 10 + 3,
            ]);
          const events = uses.filter(([, at]) => at > claimedAt * 10 + n);
          // A reverted one without its use is none.
          if (events[0]?.[0] === 'reverted') events.shift();
          return {
            claimedAt: claimedAt * 10 + n * 0.1,
            ...(validUntil === undefined ? {} : { validUntil: validUntil * 10 + 7 }),
            events,
          };
        });
        const isSpent = ({ validUntil = Infinity, events = [] }: Life, at: number): boolean =>
          validUntil <= at || events.filter((event) => event[1] <= at).at(-1)?.[0] === 'used';
        const isWrong = lives.some(({ claimedAt }) => {
          const before = lives.filter((one) => one.claimedAt < claimedAt && !isSpent(one, claimedAt));
          return before.length >= limit;
        });
        if (isWrong) refused++;
        expect(problems(limit, lives).length).toBe(isWrong ? 1 : 0);
      },
    ),
    { numRuns: 2000 },
  );
  expect(refused).toBeGreaterThan(100);
});

test('the checker looks at the template and at each activity, and only where usable coupons count', () => {
  const claim = (serial: number, activityId: number): PlainClaim => ({
    templateId: 3,
    serial,
    user: 9,
    activityId,
    code: 3000 + serial,
    time: serial,
  });
  const stored = [claim(0, 0), claim(1, 5), claim(2, 5)];
  const world = (countsUsable: boolean, validUntilMs?: number): World => ({
    templates: [{ templateId: 3, total: 3, perUserLimit: 2, countsUsable }],
    activities: [{ activityId: 5, templateId: 3, perUserLimit: 1, stock: 2, status: 'active' }],
    stored,
    logged: [],
    flushed: [],
    rows: stored.map((one) => ({ ...rowOf(one), ...(validUntilMs === undefined ? {} : { validUntilMs }) })),
    pools: [],
    logs: [],
  });
  const said = (facts: ReturnType<typeof factsOf>): string[] =>
    check({ ...facts, ledger: null, codes: rules })
      .checks.find(({ name }) => name === 'limits')!
      .problems.map(String);
  expect(said(factsOf(world(false)))).toHaveLength(2);
  expect(said(factsOf(world(true)))).toEqual([
    expect.stringMatching(new RegExp(`^user \\d+, template 3: coupon ${couponId(3, 2)} was claimed while 2`)),
    expect.stringMatching(
      new RegExp(`^user \\d+, activity 5, template 3: coupon ${couponId(3, 2)} was claimed while 1`),
    ),
  ]);
  expect(said(factsOf(world(true, 1)))).toEqual([]);
});
