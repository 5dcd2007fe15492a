/** What operators are told when they take coupons out of use. */
import { afterEach, beforeEach, expect, test } from 'vitest';
import { NO_COUPON } from '../../src/operations/coupons.ts';
import { noTemplate } from '../../src/operations/templates.ts';
import { UnstoredClaims } from '../../src/operations/unstored-claims.ts';
import { Voids } from '../../src/operations/voids.ts';
import { SqliteStore } from '../../src/records/sqlite-store.ts';
import { announcedCoupons } from '../../src/wallet/announced-coupons.ts';
import { ALICE, CouponStage } from '../records/coupon-stage.ts';
import { value } from './catalog-stage.ts';

let stage: CouponStage;
let voids: Voids;
let templateId: number;
let told: string[];

beforeEach(async () => {
  const store = new SqliteStore(':memory:');
  stage = new CouponStage(store);
  templateId = await stage.template();
  told = [];
  const row = (couponId: number) => store.coupon(couponId);
  const holder = async (couponId: number) => (await row(couponId))?.userId ?? null;
  const wallets = {
    announce: async () => null,
    changed: async (userId: string, couponIds: readonly number[] = []) => {
      told.push(`${userId} ${couponIds.length}`);
    },
  };
  voids = new Voids({
    store: announcedCoupons({ store: stage.coupons, wallets, announces: false, holder }),
    hasTemplate: (id) => id === templateId,
    holder,
    isStored: () => true,
    unstored: new UnstoredClaims({
      wallet: { coupon: row },
      isStored: async (couponId) => (await row(couponId)) !== null,
      hurry: () => {},
      now: Date.now,
      sleep: async () => {},
    }),
    now: Date.now,
  });
});
afterEach(() => stage.store.close());

test('a coupon is voided once, and its holder is told of it before the operator', async () => {
  const couponId = await stage.claim(templateId, ALICE);
  expect(await voids.coupon(couponId + 1, 'wrong price')).toEqual({ ok: false, problem: NO_COUPON });
  expect(told).toEqual([]);
  expect(value(await voids.coupon(couponId, 'wrong price'))).toEqual({ isRepeat: false });
  expect(value(await voids.coupon(couponId, 'wrong price'))).toEqual({ isRepeat: true });
  expect(told).toEqual([`${ALICE} 1`, `${ALICE} 1`]);
  expect(await stage.state(couponId)).toBe('voided');
});

test('a coupon that is locked is left, and says so', async () => {
  const couponId = await stage.claim(templateId, ALICE);
  await stage.lock([couponId]);
  expect(await voids.coupon(couponId, 'wrong price')).toMatchObject({
    problem: { code: 'invalid_state', extra: { state: 'locked' } },
  });
  expect(await stage.state(couponId)).toBe('locked');
});

test('a template’s usable coupons are voided, the others counted; of one that is not there nothing', async () => {
  const locked = await stage.claim(templateId, ALICE);
  await stage.lock([locked]);
  for (let i = 0; i < 3; i++) await stage.claim(templateId, ALICE);
  expect(await voids.template(templateId + 1, 0, 'all')).toEqual({
    ok: false,
    problem: noTemplate(templateId + 1),
  });
  expect(value(await voids.template(templateId, 0, 'all'))).toEqual({
    counts: { voided: 3, locked: 1, used: 0, expired: 0 },
    next: null,
  });
  expect(told).toEqual([`${ALICE} 3`]);
});
