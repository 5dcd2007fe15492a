import { expect, test } from 'vitest';
import { usagePage } from '../../src/operations/usages.ts';
import { SqliteStore } from '../../src/records/sqlite-store.ts';
import { ALICE, CouponStage } from '../records/coupon-stage.ts';

test('usage records come in pages, each once', async () => {
  const stage = new CouponStage(new SqliteStore(':memory:'));
  const templateId = await stage.template();
  const used: number[] = [];
  for (let i = 0; i < 4; i++) {
    const couponId = await stage.claim(templateId, ALICE);
    await stage.lock([couponId], { use: true });
    used.push(couponId);
  }
  const query = { userId: ALICE, orderId: null, templateId: null, fromMs: null, untilMs: null, limit: 2 };
  const page = (after: Parameters<typeof usagePage>[1]['after']) =>
    usagePage((asked) => stage.coupons.usages(asked), { ...query, after });
  const first = await page(null);
  const second = await page(first.next);
  expect(first.next).not.toBeNull();
  expect(second.next).toBeNull();
  const told = [...first.items, ...second.items].map(({ couponId }) => couponId);
  expect(told.sort()).toEqual(used);
  await stage.store.close();
});
