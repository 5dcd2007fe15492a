import { expect, test } from 'vitest';
import { POSITION_START } from '../../src/domain/event-position.ts';
import { eventsAfter, NOW } from '../../src/operations/events.ts';
import { SqliteStore } from '../../src/records/sqlite-store.ts';
import { ALICE, CouponStage } from '../records/coupon-stage.ts';

test('whoever begins now is told nothing of what was, and all that comes', async () => {
  const store = new SqliteStore(':memory:');
  const stage = new CouponStage(store);
  const templateId = await stage.template();
  await stage.claim(templateId, ALICE);
  const now = await eventsAfter(store.events, NOW, 10);
  expect(now.events).toEqual([]);
  const couponId = await stage.claim(templateId, ALICE);
  const later = await eventsAfter(store.events, now.next, 10);
  expect(later.events.at(-1)).toMatchObject({ couponId, kind: 'claimed' });
  expect((await eventsAfter(store.events, POSITION_START, 1)).events).toHaveLength(1);
  await store.close();
});
