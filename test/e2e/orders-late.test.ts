/** Locks that lapse over HTTP, which takes a minute: what is paid in time and told late, and who else may have it then. */
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { line, PROFILES, Shop } from '../support/shop.ts';
import { until } from '../support/wait.ts';

const LAPSE_MS = 75_000;

describe.concurrent.each(PROFILES)('late payments, %s', (profile) => {
  let shop: Shop;

  beforeAll(async () => {
    shop = await Shop.open(profile);
  });
  afterAll(() => shop.close());

  test('29: paid before the lapse and told after it counts, unless another order has the coupon', async () => {
    const user = shop.newUser();
    const items = [line('1', 5000)];
    const lock = async (orderId: string, couponId: string) =>
      shop.must(201, 'service', 'POST', '/v1/redemptions', {
        ...{ userId: user, orderId, items, couponIds: [couponId] },
        lockSeconds: 60,
      });
    const use = (redemptionId: string, expected: number | string, paidAt?: string) =>
      shop.must(expected, 'service', 'POST', `/v1/redemptions/${redemptionId}/use`, { paidAt });
    const a = await shop.coupon(user, { kind: 'instant', off: 100 });
    const b = await shop.coupon(user, { kind: 'instant', off: 200 });
    const [kept, lost] = [await lock('kept', a), await lock('lost', b)];
    const paidAt = new Date(Date.parse(lost.lockedAt) + 59_000).toISOString();
    const lapsesMs = Date.parse(lost.lockedUntil);
    await until(
      async () => {
        const sentMs = Date.now();
        const { status } = await shop.seen(user, b);
        if (status === 'usable') expect(Date.now()).toBeGreaterThanOrEqual(lapsesMs);
        else expect(sentMs).toBeLessThan(lapsesMs);
        return status === 'usable';
      },
      'the lock lapses',
      LAPSE_MS,
    );
    // At once, whether the sweeper has been there or not.
    const next = await lock('next', b);
    const path = `/v1/redemptions/${lost.redemptionId}`;
    expect(await shop.must(200, { user }, 'GET', path)).toMatchObject({ state: 'lapsed' });
    await use(kept.redemptionId, 'lock_expired');
    await use(kept.redemptionId, 'lock_expired', kept.lockedUntil);
    const refused = await use(lost.redemptionId, 'lock_expired', paidAt);
    expect(refused).toMatchObject({
      state: 'lapsed',
      coupons: [{ couponId: b, status: 'locked', redemptionId: next.redemptionId }],
    });
    expect(await use(kept.redemptionId, 200, paidAt)).toMatchObject({ state: 'used' });
    expect(await shop.seen(user, a)).toMatchObject({ status: 'used', orderId: 'kept' });
    expect(await shop.seen(user, b)).toMatchObject({ status: 'locked', orderId: 'next' });
    const extended = { lockSeconds: 60 };
    await shop.must('lock_expired', 'service', 'POST', `${path}/extend`, extended);
    expect(await use(next.redemptionId, 200)).toMatchObject({ state: 'used' });
    expect(await shop.events(b)).toEqual(['claimed', 'locked', 'released', 'locked', 'used']);
    const { items: usages } = await shop.must(200, 'service', 'GET', `/v1/usages?userId=${user}`);
    expect(usages.map(({ orderId }: { orderId: string }) => orderId).sort()).toEqual(['kept', 'next']);
  }, 120_000);
});
