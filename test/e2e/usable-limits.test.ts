/** Limits that count usable coupons: a used one makes room for another, once. See cluster.test.ts for two nodes. */
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { line, PROFILES, Shop } from '../support/shop.ts';

const DISCOUNT = { kind: 'instant', off: 1000 };
const ITEMS = [line('1', 5000, 2)];
const AT_ONCE = 64;

describe.each(PROFILES)('limits of usable coupons, %s', (profile) => {
  let shop: Shop;
  let orders = 0;

  beforeAll(async () => {
    shop = await Shop.open(profile);
  });
  afterAll(() => shop.close());

  const template = (perUserLimit: number, more: object = {}): Promise<string> =>
    shop.template(DISCOUNT, { perUserLimit, limitCounts: 'usable', ...more });
  const claim = (user: string, of: string, expected: number | string = 201, key?: string) =>
    shop.must(expected, { user }, 'POST', `/v1/templates/${of}/claims`, undefined, {
      ...(key === undefined ? {} : { 'Idempotency-Key': key }),
    });
  /** → the redemption. */
  const use = async (userId: string, couponId: string): Promise<string> => {
    const order = { userId, orderId: `order-${++orders}`, couponIds: [couponId], items: ITEMS, use: true };
    return (await shop.must(201, 'service', 'POST', '/v1/redemptions', order)).redemptionId;
  };
  const revert = (redemptionId: string) =>
    shop.must(200, 'service', 'POST', `/v1/redemptions/${redemptionId}/revert`, {});

  test('at limit 1 a claim repeats what counts, and is new once nothing does', async () => {
    const user = shop.newUser();
    const of = await template(1);
    const { couponId: a } = await claim(user, of, 201, 'first');
    expect((await claim(user, of, 200)).couponId).toBe(a);
    const used = await use(user, a);
    const { couponId: b } = await claim(user, of, 201);
    expect(b).not.toBe(a);
    expect((await claim(user, of, 200)).couponId).toBe(b);
    // An answer that was lost is found by its key, whatever became of the coupon.
    expect((await claim(user, of, 200, 'first')).couponId).toBe(a);

    // A revert is never refused, and two are usable then; of these the newest is told.
    await revert(used);
    expect((await claim(user, of, 200)).couponId).toBe(b);
    await use(user, b);
    expect((await claim(user, of, 200)).couponId).toBe(a);
    await use(user, a);
    const { couponId: c } = await claim(user, of, 201);
    expect([a, b]).not.toContain(c);
  });

  test('at a higher limit used and voided ones make room, locked ones do not', async () => {
    const user = shop.newUser();
    const of = await template(2);
    const { couponId: a } = await claim(user, of);
    const { couponId: b } = await claim(user, of);
    const refused = await claim(user, of, 'limit_reached');
    expect(refused.couponIds).toEqual([b, a]);
    const order = { orderId: `order-${++orders}`, couponIds: [a], items: ITEMS };
    await shop.must(201, { user }, 'POST', '/v1/redemptions', order);
    await claim(user, of, 'limit_reached');
    await shop.must(200, 'operator', 'POST', `/v1/coupons/${b}/void`, { reason: 'a mistake' });
    await claim(user, of, 201);
    await claim(user, of, 'limit_reached');
  });

  test('an activity and its template count each for themselves', async () => {
    const user = shop.newUser();
    const of = await template(2);
    const startsAt = new Date(Date.now() - 1000).toISOString();
    const endsAt = new Date(Date.now() + 3_600_000).toISOString();
    const body = { templateId: of, name: `A ${of}`, stock: 50, startsAt, endsAt, perUserLimit: 1 };
    const { id } = await shop.must(201, 'operator', 'POST', '/v1/activities', body);
    const join = async (expected: number | string = 201) =>
      (await shop.must(expected, { user }, 'POST', `/v1/activities/${id}/claims`)).couponId;
    const a = await join();
    await claim(user, of);
    expect(await join(200)).toBe(a);
    await use(user, a);
    const b = await join();
    await claim(user, of, 'limit_reached');
    await use(user, b);
    await claim(user, of);
    await join('limit_reached');
  });

  test('of many claims at once, one use makes room for one', async () => {
    const user = shop.newUser();
    const of = await template(1);
    const held = [(await claim(user, of)).couponId];
    for (let round = 0; round < 5; round++) {
      const using = use(user, held.at(-1)!);
      if (round % 2 === 0) await using;
      const answers = await Promise.all(
        Array.from({ length: AT_ONCE }, () => shop.call({ user }, 'POST', `/v1/templates/${of}/claims`)),
      );
      await using;
      answers.push(await shop.call({ user }, 'POST', `/v1/templates/${of}/claims`));
      const won = answers.filter(({ status }) => status === 201);
      expect(answers.filter(({ status }) => status !== 201 && status !== 200)).toEqual([]);
      expect(won.length).toBe(1);
      held.push(won[0]!.json.couponId);
    }
    expect(new Set(held).size).toBe(held.length);
  });

  test('what counts may be widened, never narrowed, once it is published', async () => {
    const user = shop.newUser();
    const of = await shop.template(DISCOUNT, { perUserLimit: 1 });
    const path = `/v1/templates/${of}`;
    expect((await shop.must(200, 'nobody', 'GET', path)).limitCounts).toBe('all');
    const { couponId } = await claim(user, of);
    await use(user, couponId);
    expect((await claim(user, of, 200)).couponId).toBe(couponId);
    await shop.must(200, 'operator', 'PATCH', path, { limitCounts: 'usable' });
    await claim(user, of, 201);
    const refused = await shop.must('field_frozen', 'operator', 'PATCH', path, { limitCounts: 'all' });
    expect(refused.fields).toEqual(['limitCounts']);
    await shop.must('invalid_request', 'operator', 'PATCH', path, { limitCounts: 'used' });
  });

  test('the audit judges by the same rule', async () => {
    const audited = async () => (await shop.must(200, 'operator', 'GET', '/v1/audit')) as { ok: boolean };
    expect(await audited()).toMatchObject({ ok: true });
  });
});
