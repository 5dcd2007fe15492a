/** Who is told what of coupons: over the real store, with claims that are stored and some that are not yet. */
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import {
  type CouponReads,
  couponLife,
  couponOfCode,
  NO_COUPON,
  ownCoupon,
  walletPage,
} from '../../src/operations/coupons.ts';
import { SqliteStore } from '../../src/records/sqlite-store.ts';
import { Wallet } from '../../src/wallet/wallet.ts';
import { Shelf } from '../claims/views.ts';
import { ALICE, BOB, CouponStage } from '../records/coupon-stage.ts';
import { value } from './catalog-stage.ts';

const MINUTE_MS = 60_000;

let stage: CouponStage;
let shelf: Shelf;
let templateId: number;
let reads: CouponReads;
let startMs: number;

beforeEach(async () => {
  startMs = Date.now();
  const store = new SqliteStore(':memory:');
  stage = new CouponStage(store);
  templateId = await stage.template();
  shelf = new Shelf({ id: templateId, name: 'Autumn' });
  reads = {
    wallet: new Wallet({
      store,
      templates: () => [shelf.view],
      template: (id) => (id === templateId ? shelf.view : undefined),
    }),
    template: (id) => (id === templateId ? shelf.view : undefined),
    history: (couponId) => stage.coupons.history(couponId),
    couponOfCode: (code) => (code === 'unclaimed' ? templateId * 2 ** 32 + 900 : null),
  };
});
afterEach(() => stage.store.close());

describe('a coupon', () => {
  test('of another user looks like one that is not there, and not to operators', async () => {
    const couponId = await stage.claim(templateId, ALICE);
    const absent = { ok: false, problem: NO_COUPON };
    expect(await ownCoupon(reads, couponId, BOB, startMs)).toEqual(absent);
    expect(await ownCoupon(reads, couponId + 1, BOB, startMs)).toEqual(absent);
    expect(await couponLife(reads, couponId + 1, startMs)).toEqual(absent);
    expect(value(await ownCoupon(reads, couponId, ALICE, startMs))).toMatchObject({
      coupon: { couponId, userId: ALICE },
      name: 'Autumn',
      status: 'usable',
      orderId: null,
      lockedUntilMs: null,
    });
    expect(value(await couponLife(reads, couponId, startMs)).coupon.userId).toBe(ALICE);
  });

  test('is told with the order that holds it, as long as that does', async () => {
    const couponId = await stage.claim(templateId, ALICE);
    const { orderId, lockedUntilMs } = await stage.lock([couponId], { lockMs: MINUTE_MS });
    const at = async (nowMs: number) => value(await ownCoupon(reads, couponId, ALICE, nowMs));
    expect(await at(lockedUntilMs - 1)).toMatchObject({ status: 'locked', orderId, lockedUntilMs });
    expect(await at(lockedUntilMs)).toMatchObject({ status: 'usable', orderId: null, lockedUntilMs: null });
  });

  test('has its claim at the head of its history, stored or not', async () => {
    const atMs = startMs;
    const couponId = await stage.claim(templateId, ALICE, atMs);
    await stage.lock([couponId]);
    const { history } = value(await couponLife(reads, couponId, startMs));
    expect(history).toMatchObject([
      { kind: 'claimed', sequence: 1, atMs, redemptionId: null, detail: null },
      { kind: 'locked', sequence: 2 },
    ]);
    shelf.sell(500, 12, 0, 0, atMs);
    const fresh = value(await couponLife(reads, templateId * 2 ** 32 + 500, startMs));
    expect(fresh).toMatchObject({ coupon: { userId: BOB }, history: [{ kind: 'claimed', atMs }] });
  });

  test('is not found by what is no code, nor by a code that nobody has claimed', async () => {
    expect(await couponOfCode(reads, 'no code', startMs)).toMatchObject({
      problem: { code: 'not_found', detail: 'There is no such code.' },
    });
    expect(await couponOfCode(reads, 'unclaimed', startMs)).toEqual({ ok: false, problem: NO_COUPON });
    const { couponId, code } = (await stage.store.coupon(await stage.claim(templateId, ALICE)))!;
    const typed = { ...reads, couponOfCode: (text: string) => (text === code ? couponId : null) };
    expect(value(await couponOfCode(typed, code, startMs)).coupon.couponId).toBe(couponId);
  });
});

test('a wallet is told in pages, the newest first, of its user alone', async () => {
  const ids: number[] = [];
  // All of them before now: a coupon of later is not valid yet.
  const firstMs = startMs - 10;
  for (let i = 0; i < 4; i++) {
    ids.unshift(await stage.claim(templateId, ALICE, firstMs + i));
    await stage.claim(templateId, BOB, firstMs + i);
  }
  const query = { userId: ALICE, status: null, nowMs: startMs, limit: 2 };
  const first = await walletPage(reads, { ...query, after: null });
  expect(first.next).toEqual({ couponId: ids[1], claimedAtMs: firstMs + 2 });
  const second = await walletPage(reads, { ...query, after: first.next });
  expect([...first.items, ...second.items].map(({ coupon }) => coupon.couponId)).toEqual(ids);
  // As many as fit: nobody is sent for a page that is empty.
  expect(second.next).toBeNull();
  await stage.lock([ids[0]!]);
  const locked = await walletPage(reads, { ...query, status: 'locked', after: null });
  expect(locked).toMatchObject({ items: [{ status: 'locked', coupon: { couponId: ids[0] } }], next: null });
});
