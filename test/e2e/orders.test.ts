/** An order's life over HTTP: quoted, locked, used, returned, reverted, and what everybody is told about it. */
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { line, PROFILES, Shop } from '../support/shop.ts';

describe.each(PROFILES)('orders, %s', (profile) => {
  let shop: Shop;
  let user: string;

  beforeAll(async () => {
    shop = await Shop.open(profile);
    user = shop.newUser();
  });
  afterAll(() => shop.close());

  const nextOrder = (() => {
    let orders = 0;
    return () => `order-${++orders}`;
  })();
  const instant = (off: number, more: object = {}) => ({ kind: 'instant', off, ...more });

  interface Asked {
    readonly items: readonly object[];
    readonly couponIds: readonly string[] | 'best';
    readonly [more: string]: unknown;
  }
  /** By the order system; → the redemption. */
  const lock = (of: string, asked: Asked, expected: number | string = 201) =>
    shop.must(expected, 'service', 'POST', '/v1/redemptions', { userId: of, orderId: nextOrder(), ...asked });
  const move = (
    redemptionId: string,
    action: string,
    body: object = {},
    expected: number | string = action === 'returns' ? 201 : 200,
  ) => shop.must(expected, 'service', 'POST', `/v1/redemptions/${redemptionId}/${action}`, body);
  const used = async (of: string, asked: Asked) => lock(of, { ...asked, use: true });
  const giveBack = (redemptionId: string, returnId: string, at: number, quantity: number, more = {}) =>
    move(redemptionId, 'returns', { returnId, items: [{ line: at, quantity }], ...more });

  test('claimed, quoted, locked at once, used, partly returned, reverted', async () => {
    const someone = shop.newUser();
    const items = [line('1', 5000, 2)];
    const a = await shop.coupon(someone, instant(1000));
    // Nothing has waited for the claim to reach the record store.
    const order = { orderId: nextOrder(), items, shippingFee: 500, couponIds: 'best' };
    const made = await shop.must(201, { user: someone }, 'POST', '/v1/redemptions', order);
    expect(made).toMatchObject({ state: 'locked', verified: false, userId: someone });
    expect(made.quote).toMatchObject({ original: 10_500, discount: 1000, payable: 9500 });
    expect(Date.parse(made.lockedUntil) - Date.parse(made.lockedAt)).toBe(900_000);
    expect(await shop.seen(someone, a)).toMatchObject({
      status: 'locked',
      orderId: order.orderId,
      lockedUntil: made.lockedUntil,
    });
    const locked = await shop.must(200, { user: someone }, 'GET', '/v1/me/coupons?status=locked');
    expect(locked.items).toMatchObject([{ couponId: a, orderId: order.orderId }]);
    const quote = { items, shippingFee: 500, couponIds: [a] };
    const quoted = await shop.must(200, { user: someone }, 'POST', '/v1/quotes', quote);
    expect(quoted).toMatchObject({ payable: 10_500, coupons: [{ couponId: a, reason: 'locked' }] });

    const refused = await move(made.redemptionId, 'use', {}, 'invalid_request');
    expect(refused.detail).toContain('items');
    const paid = await move(made.redemptionId, 'use', { items, shippingFee: 500 });
    expect(paid).toMatchObject({ state: 'used', verified: true, usedAt: expect.any(String) });
    const shown = await shop.seen(someone, a);
    expect(shown).toMatchObject({ status: 'used', usedAt: paid.usedAt, orderId: order.orderId });
    expect(shown).not.toHaveProperty('lockedUntil');

    expect(await giveBack(made.redemptionId, 'r1', 0, 1)).toMatchObject({ refund: 4500, shortfall: 0 });
    const again = { returnId: 'r1', items: [{ line: 0, quantity: 1 }] };
    expect(await move(made.redemptionId, 'returns', again, 200)).toMatchObject({ refund: 4500 });
    const one = await shop.must(200, { user: someone }, 'GET', `/v1/redemptions/${made.redemptionId}`);
    expect(one.returned).toEqual({ items: [1], refunded: 4500, shippingRefunded: 0 });

    const usages = `/v1/usages?userId=${someone}`;
    expect((await shop.must(200, 'service', 'GET', usages)).items).toEqual([
      {
        redemptionId: made.redemptionId,
        couponId: a,
        userId: someone,
        templateId: expect.any(String),
        orderId: order.orderId,
        original: 10_500,
        discount: 1000,
        final: 9500,
        usedAt: paid.usedAt,
      },
    ]);
    for (let time = 0; time < 2; time++)
      expect(await move(made.redemptionId, 'revert')).toMatchObject({ state: 'reverted', refund: 5000 });
    expect((await shop.must(200, 'service', 'GET', usages)).items).toMatchObject([
      { revertedAt: expect.any(String) },
    ]);
    const free = await shop.seen(someone, a);
    expect(free.status).toBe('usable');
    for (const field of ['orderId', 'usedAt', 'lockedUntil']) expect(free).not.toHaveProperty(field);
    expect(await shop.history(a)).toMatchObject({
      userId: someone,
      history: ['claimed', 'locked', 'used', 'returned', 'reverted'].map((event, i) => ({
        event,
        sequence: i + 1,
      })),
    });
  });

  test('18, 23: what comes back in parts is what was paid in all', async () => {
    const ids = [await shop.coupon(user, instant(1000))];
    const paid = await used(user, { items: [line('A', 5000), line('B', 1000)], couponIds: ids });
    expect(paid).toMatchObject({ state: 'used', quote: { payable: 5000 } });
    expect(await giveBack(paid.redemptionId, 'r1', 0, 1)).toMatchObject({ refund: 4167 });
    expect(await giveBack(paid.redemptionId, 'r2', 1, 1)).toMatchObject({ refund: 833 });
    for (const [order, refunds] of [
      [
        [1, 0],
        [0, 24_000],
      ],
      [
        [0, 1],
        [19_000, 5000],
      ],
    ] as const) {
      const discount = { kind: 'threshold', tiers: [{ spend: 30_000, off: 6000 }] };
      const couponIds = [await shop.coupon(user, discount)];
      const items = [line('A', 25_000), line('B', 5000)];
      const { redemptionId } = await used(user, { items, couponIds });
      for (const [i, at] of order.entries())
        expect(await giveBack(redemptionId, `r${i}`, at, 1)).toMatchObject({ refund: refunds[i] });
    }
  });

  test('19: a return is held to the rules of the lock, whatever the template says by then', async () => {
    const a = await shop.coupon(user, {
      kind: 'threshold',
      tiers: [{ spend: 40_100, off: 200 }],
    });
    const tiers = [
      { spend: 30_000, off: 3000 },
      { spend: 40_000, off: 10_000 },
    ];
    // Of the same kind: only a group of its own lets it stand beside the other.
    const second = await shop.template({ kind: 'threshold', tiers }, { stacking: { group: 'b' } });
    const b = await shop.coupon(user, second);
    const items = [line('A', 100), line('B', 40_000)];
    const { redemptionId, quote } = await used(user, { items, couponIds: [a, b] });
    expect(quote.payable).toBe(36_900);
    await shop.must(200, 'operator', 'PATCH', `/v1/templates/${second}`, { useSuspended: true });
    await shop.must(200, 'operator', 'POST', `/v1/templates/${second}/disable`);
    expect(await giveBack(redemptionId, 'r1', 0, 1)).toMatchObject({ refund: 92 });
    expect(await giveBack(redemptionId, 'r2', 1, 1)).toMatchObject({ refund: 36_808 });
  });

  test('20, 21, 22, 24: the fee, units of a run, a minimum that is missed', async () => {
    const lines = { one: [line('1', 6000, 2)], three: [line('1', 1000, 3)], six: [line('1', 5000, 6)] };
    const free = [await shop.coupon(user, { kind: 'shipping', minSpend: 10_000 })];
    const first = await used(user, { items: lines.one, shippingFee: 590, couponIds: free });
    expect(first.quote).toMatchObject({ payable: 12_000, shippingDiscount: 590 });
    for (const returnId of ['r1', 'r2'])
      expect(await giveBack(first.redemptionId, returnId, 0, 1)).toMatchObject({ refund: 6000 });

    const each = [await shop.coupon(user, instant(1000))];
    const second = await used(user, { items: lines.three, couponIds: each });
    for (const [i, refund] of [667, 667, 666].entries())
      expect(await giveBack(second.redemptionId, `r${i}`, 0, 1, { recheck: false })).toMatchObject({
        refund,
      });

    const tenth = { kind: 'percent', rate: 9000 };
    const third = await used(user, {
      items: lines.six,
      couponIds: [await shop.coupon(user, { ...tenth, minSpend: 30_000 })],
    });
    const five = { refund: 22_000, exact: 22_500, shortfall: 500 };
    expect(await giveBack(third.redemptionId, 'r1', 0, 5)).toMatchObject(five);
    expect(await giveBack(third.redemptionId, 'r2', 0, 1)).toMatchObject({ refund: 5000 });

    const fourth = await used(user, {
      items: [line('1', 333, 3)],
      shippingFee: 590,
      couponIds: [await shop.coupon(user, tenth)],
    });
    for (const [i, refund] of [300, 299, 300].entries())
      expect(await giveBack(fourth.redemptionId, `r${i}`, 0, 1, { shipping: true })).toMatchObject({
        refund,
        shippingRefund: i === 2 ? 590 : 0,
      });
  });

  test('25: one return is one refund', async () => {
    const couponIds = [await shop.coupon(user, instant(300))];
    const { redemptionId } = await used(user, { items: [line('1', 1000, 3)], couponIds });
    const path = `/v1/redemptions/${redemptionId}/returns`;
    const ask = (returnId: string, quantity: number, more: object = {}) =>
      shop.call('service', 'POST', path, { returnId, items: [{ line: 0, quantity }], ...more });
    const dry = await ask('r1', 1, { dryRun: true });
    expect(dry).toMatchObject({ status: 200, json: { refund: 900 } });
    const same = await Promise.all([ask('r1', 1), ask('r1', 1), ask('r1', 1)]);
    expect(same.map(({ status }) => status).sort()).toEqual([200, 200, 201]);
    expect(new Set(same.map(({ json }) => json.refund))).toEqual(new Set([900]));
    expect(await ask('r1', 2)).toMatchObject({ status: 409, json: { code: 'idempotency_conflict' } });
    const most = { status: 409, json: { code: 'invalid_return', field: 'items[0].quantity' } };
    expect(await ask('r2', 3)).toMatchObject(most);
    const twice = [
      { line: 0, quantity: 1 },
      { line: 0, quantity: 2 },
    ];
    const both = await shop.call('service', 'POST', path, { returnId: 'r2', items: twice });
    expect(both).toMatchObject({ status: 409, json: { code: 'invalid_return', field: 'items[1].quantity' } });
    expect((await ask('r3', 1)).status).toBe(201);
    const last = await Promise.all([ask('r4', 1), ask('r5', 1)]);
    expect(last.map(({ status }) => status).sort()).toEqual([201, 409]);
    const found = await shop.must(200, 'service', 'GET', `/v1/redemptions/${redemptionId}`);
    expect(found.returned).toEqual({ items: [3], refunded: 2700, shippingRefunded: 0 });
    expect(await move(redemptionId, 'revert')).toMatchObject({ refund: 0 });
    expect((await ask('r6', 1)).json.code).toBe('reverted');
    expect(await ask('r3', 1)).toMatchObject({ status: 200, json: { refund: 900 } });
  });

  test('26, 32: many orders at once for one coupon, and for two in both orders', async () => {
    const items = [line('1', 5000)];
    const [a, b] = [
      await shop.coupon(user, instant(100)),
      await shop.coupon(user, { kind: 'percent', rate: 9000 }),
    ];
    const ask = (couponIds: readonly string[]) =>
      shop.call('service', 'POST', '/v1/redemptions', {
        userId: user,
        orderId: nextOrder(),
        items,
        couponIds,
      });
    const fifty = await Promise.all(Array.from({ length: 50 }, () => ask([a])));
    expect(fifty.filter(({ status }) => status === 201).length).toBe(1);
    for (const { status, json } of fifty.filter((one) => one.status !== 201))
      expect({ status, ...json }).toMatchObject({ status: 409, code: 'coupon_locked', couponIds: [a] });
    await move(fifty.find(({ status }) => status === 201)!.json.redemptionId, 'release');
    for (let round = 0; round < 20; round++) {
      const answers = await Promise.all([ask([a, b]), ask([b, a])]);
      expect(answers.map(({ status }) => status).sort()).toEqual([201, 409]);
      await move(answers.find(({ status }) => status === 201)!.json.redemptionId, 'release');
    }
    for (const id of [a, b]) expect((await shop.seen(user, id)).status).toBe('usable');
  });

  test('27: two uses at once are one', async () => {
    const a = await shop.coupon(user, instant(100));
    const { redemptionId, orderId } = await lock(user, { items: [line('1', 5000)], couponIds: [a] });
    const both = await Promise.all([move(redemptionId, 'use'), move(redemptionId, 'use')]);
    expect(both[0]).toEqual(both[1]);
    // A use that has nothing more to say needs no body.
    expect(await shop.must(200, 'service', 'POST', `/v1/redemptions/${redemptionId}/use`)).toEqual(both[0]);
    expect((await shop.must(200, 'service', 'GET', `/v1/usages?orderId=${orderId}`)).items.length).toBe(1);
    expect(await shop.events(a)).toEqual(['claimed', 'locked', 'used']);
  });

  test('28: the same lock again is the frozen one; a late copy after the release locks nothing', async () => {
    const someone = shop.newUser();
    const a = await shop.coupon(someone, instant(100));
    const body = { orderId: nextOrder(), items: [line('1', 5000)], couponIds: 'best' };
    const key = { 'Idempotency-Key': `key-${body.orderId}` };
    const ask = (expected: number | string, changes: object = {}) =>
      shop.must(expected, { user: someone }, 'POST', '/v1/redemptions', { ...body, ...changes }, key);
    const first = await ask(201);
    await shop.coupon(someone, instant(200));
    // Of another currency: by now nobody could say what is the best of all that is there.
    await shop.coupon(someone, await shop.template(instant(300), { currency: 'USD' }));
    expect(await ask(200)).toEqual(first);
    const noKey = await shop.must(200, { user: someone }, 'POST', '/v1/redemptions', body);
    expect(noKey).toEqual(first);
    const other = { ...body, items: [line('1', 5001)], currency: 'CNY' };
    await shop.must('order_changed', { user: someone }, 'POST', '/v1/redemptions', other);
    await shop.must(200, { user: someone }, 'POST', `/v1/redemptions/${first.redemptionId}/release`);
    expect(await ask(200)).toMatchObject({ redemptionId: first.redemptionId, state: 'released' });
    await ask('idempotency_conflict', { items: [line('1', 1)] });
    expect((await shop.seen(someone, a)).status).toBe('usable');
    expect(await shop.events(a)).toEqual(['claimed', 'locked', 'released']);
  });

  test('a lock that is replaced shows at once in the wallet, whoever looked before', async () => {
    const [a, b] = [await shop.coupon(user, instant(100)), await shop.coupon(user, instant(200))];
    const body = { userId: user, orderId: nextOrder(), items: [line('1', 5000)] };
    const first = await shop.must(201, 'service', 'POST', '/v1/redemptions', { ...body, couponIds: [a] });
    expect((await shop.seen(user, a)).status).toBe('locked');
    expect((await shop.seen(user, b)).status).toBe('usable');
    const next = { ...body, couponIds: [b], replace: true };
    const second = await shop.must(201, 'service', 'POST', '/v1/redemptions', next);
    expect((await shop.seen(user, a)).status).toBe('usable');
    expect((await shop.seen(user, b)).status).toBe('locked');
    const quote = { userId: user, items: body.items, couponIds: [a] };
    expect(await shop.must(200, 'service', 'POST', '/v1/quotes', quote)).toMatchObject({ payable: 4900 });
    const list = await shop.must(200, 'service', 'GET', `/v1/redemptions?orderId=${body.orderId}`);
    expect(list.items).toMatchObject([
      { redemptionId: second.redemptionId, state: 'locked' },
      { redemptionId: first.redemptionId, state: 'released' },
    ]);
  });

  test('a till that uses at once is not told that a mere lock is what it asked for', async () => {
    const couponIds = [await shop.coupon(user, instant(100))];
    const body = { userId: user, orderId: nextOrder(), items: [line('1', 5000)], couponIds };
    await shop.must(201, 'service', 'POST', '/v1/redemptions', body);
    await shop.must('order_changed', 'service', 'POST', '/v1/redemptions', { ...body, use: true });
    const swapped = { ...body, use: true, replace: true };
    const till = await shop.must(201, 'service', 'POST', '/v1/redemptions', swapped);
    expect(till.state).toBe('used');
    expect(await shop.must(200, 'service', 'POST', '/v1/redemptions', swapped)).toEqual(till);
  });

  test('30: a price that only the client knows is order_changed', async () => {
    const discount = { kind: 'threshold', tiers: [{ spend: 20_000, off: 2000 }] };
    const a = await shop.coupon(user, discount);
    const items = [line('1', 20_001)];
    const body = { orderId: nextOrder(), items, couponIds: [a] };
    const made = await shop.must(201, { user }, 'POST', '/v1/redemptions', body);
    for (const real of [
      { items: [line('1', 5000)] },
      { items, shippingFee: 1 },
      { items: [line('2', 20_001)] },
      { items: [...items, line('2', 1)] },
    ])
      await move(made.redemptionId, 'use', real, 'order_changed');
    // Half an order says nothing, and must not pass for the whole.
    expect((await move(made.redemptionId, 'use', { shippingFee: 0 }, 'invalid_request')).detail).toContain(
      'items',
    );
    expect((await shop.seen(user, a)).status).toBe('locked');
    expect(await shop.events(a)).toEqual(['claimed', 'locked']);
    await move(made.redemptionId, 'use', { items });
    const shops = await lock(user, { items, couponIds: [await shop.coupon(user, discount)] });
    await move(shops.redemptionId, 'use', { shippingFee: 700 }, 'invalid_request');
  });

  test('31: a use that comes after its revert leaves the next order alone', async () => {
    const a = await shop.coupon(user, instant(100));
    const items = [line('1', 5000)];
    const one = await used(user, { items, couponIds: [a] });
    await move(one.redemptionId, 'revert');
    const two = await used(user, { items, couponIds: [a] });
    await move(one.redemptionId, 'use', {}, 'reverted');
    await move(one.redemptionId, 'release');
    expect(await shop.seen(user, a)).toMatchObject({ status: 'used', orderId: two.orderId });
    expect((await shop.must(200, 'service', 'GET', `/v1/usages?orderId=${two.orderId}`)).items.length).toBe(
      1,
    );
  });

  test('34: used after its time when locked before it; released after it, it is expired once', async () => {
    const until = Date.now() + 2500;
    const validity = { from: new Date(0).toISOString(), until: new Date(until).toISOString() };
    const templateId = await shop.template(instant(100), { validity });
    const items = [line('1', 5000)];
    const [a, b, c] = [
      await shop.coupon(user, templateId),
      await shop.coupon(user, templateId),
      await shop.coupon(user, templateId),
    ] as const;
    const kept = await lock(user, { items, couponIds: [a] });
    const left = await lock(user, { items, couponIds: [b] });
    for (let status = ''; status !== 'expired'; ) {
      const before = Date.now();
      ({ status } = await shop.seen(user, c));
      if (status === 'usable') expect(before).toBeLessThan(until);
      else expect(Date.now()).toBeGreaterThanOrEqual(until);
    }
    expect((await shop.seen(user, a)).status).toBe('locked');
    await lock(user, { items, couponIds: [c] }, 'not_applicable');
    expect(await move(kept.redemptionId, 'use')).toMatchObject({ state: 'used' });
    await move(left.redemptionId, 'release');
    expect((await shop.seen(user, b)).status).toBe('expired');
    expect(await shop.events(b)).toEqual(['claimed', 'locked', 'released', 'expired']);
    await move(kept.redemptionId, 'revert');
    expect(await shop.events(a)).toEqual(['claimed', 'locked', 'used', 'reverted', 'expired']);
  });

  test('35: disabled and deleted templates live on with their holders; suspended ones do not', async () => {
    const templateId = await shop.template(instant(100));
    const items = [line('1', 5000)];
    const ids = [1, 2, 3, 4].map(() => shop.coupon(user, templateId));
    const [a, b, c, d] = (await Promise.all(ids)) as [string, string, string, string];
    const path = `/v1/templates/${templateId}`;
    const held = await lock(user, { items, couponIds: [a] });
    await shop.must(200, 'operator', 'PATCH', path, { useSuspended: true });
    const quoted = await shop.must(200, { user }, 'POST', '/v1/quotes', { items, couponIds: [b] });
    expect(quoted.coupons).toEqual([{ couponId: b, reason: 'suspended' }]);
    const refused = await lock(user, { items, couponIds: [b] }, 'not_applicable');
    expect(refused.quote.coupons).toEqual([{ couponId: b, reason: 'suspended' }]);
    const best = await lock(user, { items, couponIds: 'best', orderId: '订单 ①/&%' });
    expect(best.quote.coupons.map(({ couponId }: { couponId: string }) => couponId)).not.toContain(b);
    const list = await shop.must(
      200,
      { user },
      'GET',
      `/v1/redemptions?orderId=${encodeURIComponent('订单 ①/&%')}`,
    );
    expect(list.items).toMatchObject([{ redemptionId: best.redemptionId, orderId: '订单 ①/&%' }]);
    await move(best.redemptionId, 'release');
    await move(held.redemptionId, 'use');
    await shop.must(200, 'operator', 'PATCH', path, { useSuspended: false });
    await lock(user, { items, couponIds: [b] });
    await shop.must(200, 'operator', 'POST', `${path}/disable`);
    await used(user, { items, couponIds: [c] });
    const gone = await shop.call('operator', 'DELETE', path);
    expect(gone.status).toBeLessThan(300);
    const still = await shop.must(200, { user }, 'POST', '/v1/quotes', { items, couponIds: [d] });
    expect(still.payable).toBe(4900);
    await used(user, { items, couponIds: [d] });
  });

  test('what is expected to be paid, and codes as a till reads them', async () => {
    const a = await shop.coupon(user, instant(100));
    const items = [line('1', 5000)];
    const changed = await lock(user, { items, couponIds: [a], expectPayable: 1 }, 'quote_changed');
    expect(changed.quote).toMatchObject({ payable: 4900, coupons: [{ couponId: a, off: 100 }] });
    const { couponCode } = await shop.must(200, { user }, 'GET', `/v1/me/coupons/${a}`);
    const body = { userId: user, orderId: nextOrder(), items, expectPayable: 4900, use: true };
    const typed = ` ${couponCode.slice(0, 6)}-${couponCode.slice(6)} `;
    const till = await shop.must(201, 'service', 'POST', '/v1/redemptions', {
      ...body,
      couponCodes: [typed],
    });
    expect(till).toMatchObject({ state: 'used', quote: { coupons: [{ couponId: a }] } });
    await lock(user, { items, couponIds: ['1'] }, 'not_applicable');
    await lock(shop.newUser(), { items, couponIds: 'best' }, 'no_coupon');
    const longer = { lockSeconds: 86_400 };
    const held = await lock(user, { items, couponIds: [await shop.coupon(user, instant(1))] });
    const extended = await move(held.redemptionId, 'extend', longer);
    expect(Date.parse(extended.lockedUntil) - Date.now()).toBeGreaterThan(86_000_000);
  });

  test('who may do what', async () => {
    const [mine, other] = [{ user }, { user: shop.newUser() }];
    const items = [line('1', 5000)];
    const body = { orderId: nextOrder(), items, couponIds: [await shop.coupon(user, instant(100))] };
    const made = await shop.must(201, mine, 'POST', '/v1/redemptions', body);
    const path = `/v1/redemptions/${made.redemptionId}`;
    const shops = await lock(user, { items, couponIds: [await shop.coupon(user, instant(100))] });

    const calls: [string, string, object?][] = [
      ['POST', '/v1/redemptions', { ...body, orderId: nextOrder() }],
      ['GET', '/v1/redemptions?orderId=x'],
      ['GET', path],
      ['POST', `${path}/release`],
      ['POST', `${path}/use`, { items }],
      ['POST', `${path}/revert`],
      ['POST', `${path}/extend`, { lockSeconds: 60 }],
      ['POST', `${path}/returns`, { returnId: 'r', items: [{ line: 0, quantity: 1 }] }],
      ['GET', '/v1/usages'],
      ['POST', '/v1/quotes', { items, couponIds: 'best' }],
    ];
    for (const [method, route, sent] of calls) {
      const { status, json } = await shop.call('nobody', method, route, sent);
      expect({ route, status, code: json.code }).toEqual({ route, status: 401, code: 'unauthenticated' });
    }
    // What only services may is refused to the owner as to anybody.
    for (const caller of [mine, other])
      for (const [method, route, sent] of calls.slice(4, 9)) {
        const { status, json } = await shop.call(caller, method, route, sent);
        expect({ route, status, code: json.code }).toEqual({ route, status: 403, code: 'forbidden' });
      }
    const more = { ...body, orderId: nextOrder() };
    await shop.must('forbidden', mine, 'POST', '/v1/redemptions', { ...more, use: true });
    const { couponIds: _, ...coded } = { ...more, couponCodes: ['x'] };
    await shop.must('forbidden', mine, 'POST', '/v1/redemptions', coded);
    await shop.must('forbidden', mine, 'POST', '/v1/redemptions', { ...more, userId: other.user });
    await shop.must('forbidden', mine, 'POST', `/v1/redemptions/${shops.redemptionId}/release`);
    // Another's is not there.
    await shop.must('not_found', other, 'GET', path);
    await shop.must('not_found', other, 'POST', `${path}/release`);
    await shop.must('not_found', other, 'POST', `/v1/redemptions/${shops.redemptionId}/release`);
    const none = await shop.must(200, other, 'GET', `/v1/redemptions?orderId=${body.orderId}`);
    expect(none).toEqual({ items: [], next: null });
    const theirs = await shop.must('not_applicable', other, 'POST', '/v1/redemptions', more);
    expect(theirs.quote.coupons).toMatchObject([{ reason: 'not_found' }]);
    const nameless = await shop.must('invalid_request', 'service', 'POST', '/v1/redemptions', more);
    expect(nameless.detail).toContain('userId');
    for (const id of ['0', '9007199254740993', '404404'])
      for (const action of ['use', 'revert', 'release'])
        await shop.must('not_found', 'service', 'POST', `/v1/redemptions/${id}/${action}`, {});
    for (const caller of ['service', 'operator'] as const) {
      expect(await shop.must(200, caller, 'GET', path)).toMatchObject({ userId: user });
      await shop.must(200, caller, 'GET', `/v1/usages?userId=${user}`);
    }
    expect(await shop.must(200, mine, 'POST', `${path}/release`)).toMatchObject({ state: 'released' });
    await shop.must(200, 'operator', 'POST', `/v1/redemptions/${shops.redemptionId}/release`);
  });

  test('bad input is named by its field', async () => {
    const items = [line('1', 5000)];
    const good = { userId: user, orderId: 'bad-input', items, couponIds: ['1'] };
    const bad: [object, string][] = [
      [{ orderId: '' }, 'orderId'],
      [{ orderId: 'x'.repeat(65) }, 'orderId'],
      [{ orderId: 'a\nb' }, 'orderId'],
      [{ orderId: undefined }, 'orderId'],
      [{ items: [] }, 'items'],
      [{ items: [{ ...items[0], price: -1 }] }, 'items[0].price'],
      [{ items: [{ ...items[0], price: 0.5 }] }, 'items[0].price'],
      [{ items: [items[0], { ...items[0], quantity: 0 }] }, 'items[1].quantity'],
      [{ items: [{ ...items[0], surprise: 1 }] }, 'items[0].surprise'],
      [{ shippingFee: -1 }, 'shippingFee'],
      [{ couponIds: ['x'] }, 'couponIds'],
      [{ couponIds: undefined }, 'couponIds'],
      [{ couponCodes: ['x'] }, 'couponIds'],
      [{ couponIds: undefined, couponCodes: [''] }, 'couponCodes[0]'],
      [{ lockSeconds: 59 }, 'lockSeconds'],
      [{ lockSeconds: 86_401 }, 'lockSeconds'],
      [{ expectPayable: '1' }, 'expectPayable'],
      [{ replace: 1 }, 'replace'],
      [{ use: 'yes' }, 'use'],
      [{ userId: 'x' }, 'userId'],
      [{ currency: 'cny' }, 'currency'],
      [{ surprise: 1 }, 'surprise'],
    ];
    for (const [change, field] of bad) {
      const refused = await shop.must(400, 'service', 'POST', '/v1/redemptions', { ...good, ...change });
      const fields = refused.errors.map((error: { field: string }) => error.field).join(' ');
      expect(`${JSON.stringify(change)} ${fields}`).toContain(` ${field}`);
      expect(refused.code).toBe('invalid_request');
    }
    const [id] = [await shop.coupon(user, instant(1))];
    await lock(user, { items, couponIds: [id, Number(id) as never] }, 'duplicate_coupon');
    const huge = [line('1', Number.MAX_SAFE_INTEGER, 2)];
    await lock(user, { items: huge, couponIds: [id] }, 'amount_too_large');
    const key = { 'Idempotency-Key': 'x'.repeat(300) };
    const long = await shop.must(400, 'service', 'POST', '/v1/redemptions', good, key);
    expect(long.detail).toContain('Idempotency-Key');
    const { redemptionId } = await lock(user, { items, couponIds: [id] });
    const wrong: [string, object, string][] = [
      ['use', { paidAt: 'yesterday' }, 'paidAt'],
      ['use', { items: [] }, 'items'],
      ['extend', {}, 'lockSeconds'],
      ['extend', { lockSeconds: 1 }, 'lockSeconds'],
      ['returns', { items: [{ line: 0, quantity: 1 }] }, 'returnId'],
      ['returns', { returnId: 'r', items: [] }, 'items'],
      ['returns', { returnId: 'r', items: [{ line: -1, quantity: 1 }] }, 'items[0].line'],
      ['returns', { returnId: 'r', items: [{ line: 0, quantity: 1.5 }] }, 'items[0].quantity'],
      ['revert', { surprise: 1 }, 'surprise'],
    ];
    for (const [action, body, field] of wrong) {
      const refused = await move(redemptionId, action, body, 400);
      expect(`${action} ${refused.detail}`).toContain(field);
    }
    for (const query of ['limit=0', 'limit=201', 'cursor=x', 'from=x', 'userId=x', 'surprise=1']) {
      const refused = await shop.must(400, 'service', 'GET', `/v1/usages?${query}`);
      expect(refused.detail).toContain(query.split('=')[0]);
    }
    expect((await shop.must(400, 'service', 'GET', '/v1/redemptions')).detail).toContain('orderId');
    await move(redemptionId, 'release');
  });

  test('usages are listed newest first, page by page, by whose, which and when', async () => {
    const someone = shop.newUser();
    const templateId = await shop.template({ kind: 'percent', rate: 9000 });
    const items = [line('1', 5000)];
    const made: string[] = [];
    for (let i = 0; i < 5; i++) {
      const couponIds = [await shop.coupon(someone, templateId), await shop.coupon(someone, instant(10))];
      made.unshift((await used(someone, { items, couponIds })).redemptionId);
    }
    const pages: { redemptionId: string; couponId: string; usedAt: string }[] = [];
    for (let cursor = ''; ; ) {
      const path = `/v1/usages?userId=${someone}&limit=3${cursor}`;
      const page = await shop.must(200, 'service', 'GET', path);
      pages.push(...page.items);
      if (page.next === null) break;
      expect(page.items.length).toBe(3);
      cursor = `&cursor=${page.next}`;
    }
    expect(pages.map(({ redemptionId }) => redemptionId)).toEqual(made.flatMap((id) => [id, id]));
    expect(new Set(pages.map(({ couponId }) => couponId)).size).toBe(10);
    const by = async (query: string) => (await shop.must(200, 'service', 'GET', `/v1/usages?${query}`)).items;
    expect((await by(`templateId=${templateId}`)).length).toBe(5);
    const [newest, oldest] = [pages[0]!.usedAt, pages.at(-1)!.usedAt];
    expect((await by(`userId=${someone}&from=${newest}`)).length).toBeGreaterThanOrEqual(2);
    expect((await by(`userId=${someone}&until=${oldest}`)).length).toBe(0);
    const wallet = await shop.must(200, { user: someone }, 'GET', '/v1/me/coupons?status=used&limit=4');
    expect(wallet.items.length).toBe(4);
    const rest = `/v1/me/coupons?status=used&limit=20&cursor=${wallet.next}`;
    expect((await shop.must(200, { user: someone }, 'GET', rest)).items.length).toBe(6);
  });
});
