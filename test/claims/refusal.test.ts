/** A refusal tells a holder what there is: of this pool, durable, newest first, and no more than a bound. */
import { describe, expect, test } from 'vitest';
import { Verdict } from '../../src/actors/verdict.ts';
import { heldCouponIds, refusal } from '../../src/claims/refusal.ts';
import { couponId } from '../../src/domain/coupon-id.ts';
import { REFUSAL_COUPON_IDS_MAX } from '../../src/limits.ts';
import { activity } from '../records/samples.ts';
import { Shelf } from './views.ts';

const TELLING = [
  ['limit_reached', Verdict.limitReached],
  ['sold_out', Verdict.soldOut],
  ['not_started', Verdict.notStarted],
  ['ended', Verdict.ended],
  ['not_active', Verdict.notActive],
  ['not_eligible', Verdict.notEligible],
] as const;

const USER = 42;

function ids(...serials: readonly number[]): string[] {
  return serials.map((serial) => String(couponId(3, serial)));
}

function shelf(): Shelf {
  return new Shelf({ perUserLimit: 5, claimFromMs: 900 }, [
    activity({ id: 12, templateId: 3, startsAtMs: 900 }),
  ]);
}

function newestOf({ tables }: Shelf): number {
  return tables[0].newest(USER, 0);
}

describe.each(TELLING)('%s', (code, verdict) => {
  test('names the holder’s coupons of the pool, newest first', () => {
    const shop = shelf();
    for (const [serial, activityId] of [
      [5, 0],
      [900, 12],
      [7, 0],
      [901, 12],
    ] as const)
      shop.sell(serial, USER, 0, activityId);
    shop.sell(8, USER + 1);
    const newest = newestOf(shop);
    expect(newest).toBe(901);
    const general = refusal(shop.view.pools.get(0)!, verdict, newest);
    expect([general.code, general.extra?.couponIds]).toEqual([code, ids(7, 5)]);
    const timed = refusal(shop.view.pools.get(12)!, verdict, newest);
    expect([timed.code, timed.extra?.couponIds]).toEqual([code, ids(901, 900)]);
  });

  test('has no such member for whoever holds nothing of the pool', () => {
    const shop = shelf();
    const pool = shop.view.pools.get(0)!;
    expect(refusal(pool, verdict, -1).extra ?? {}).not.toHaveProperty('couponIds');
    shop.sell(900, USER, 0, 12);
    expect(refusal(pool, verdict, newestOf(shop)).extra ?? {}).not.toHaveProperty('couponIds');
  });
});

test('only durable coupons are told', () => {
  const shop = shelf();
  const pool = shop.view.pools.get(0)!;
  shop.sell(5, USER);
  shop.take(6, USER);
  expect(heldCouponIds(pool, Verdict.ended, newestOf(shop))).toEqual(ids(5));
  shop.settle(6, USER);
  expect(heldCouponIds(pool, Verdict.ended, newestOf(shop))).toEqual(ids(6, 5));
});

test('one refusal tells of so many at most', () => {
  const shop = new Shelf({ perUserLimit: 200 });
  for (let serial = 0; serial < REFUSAL_COUPON_IDS_MAX + 10; serial++) shop.sell(serial, USER);
  const told = heldCouponIds(shop.view.pools.get(0)!, Verdict.soldOut, newestOf(shop));
  const newest = REFUSAL_COUPON_IDS_MAX + 9;
  expect(told).toEqual(ids(...Array.from({ length: REFUSAL_COUPON_IDS_MAX }, (_, i) => newest - i)));
});

test('not_started keeps saying when; a template that was deleted is not there, and its coupons are', () => {
  const shop = new Shelf({ claimFromMs: 5_000, perUserLimit: 2 });
  shop.sell(5, USER);
  const early = refusal(shop.view.pools.get(0)!, Verdict.notStarted, 5);
  expect(early.extra).toEqual({ startsAt: new Date(5_000).toISOString(), couponIds: ids(5) });
  const gone = new Shelf({ status: 'deleted', perUserLimit: 2 });
  gone.sell(5, USER);
  const pool = gone.view.pools.get(0)!;
  expect(refusal(pool, Verdict.notActive, -1)).toEqual({
    code: 'not_found',
    detail: 'There is no such template.',
  });
  expect(refusal(pool, Verdict.notActive, 5)).toMatchObject({
    code: 'not_found',
    extra: { couponIds: ids(5) },
  });
});

test.each([Verdict.unavailable, Verdict.overloaded])(
  'what is worth a retry (%i) tells nothing',
  (verdict) => {
    const shop = shelf();
    shop.sell(0, USER);
    expect(refusal(shop.view.pools.get(0)!, verdict, 0).extra).toBeUndefined();
  },
);
