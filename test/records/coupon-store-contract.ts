/** What every store of coupons' later life must do, whatever the database. */
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import type { Redemption } from '../../src/ports-coupons.ts';
import { until } from '../support/wait.ts';
import { ALICE, BOB, CouponStage, lockedOf, type Opened, ORDER } from './coupon-stage.ts';

export interface CouponStoreHome {
  open(): Promise<Opened>;
  dispose(): Promise<void>;
}

const SECOND_MS = 1000;

export function couponStoreContract(name: string, newHome: () => Promise<CouponStoreHome>): void {
  describe(`coupons in ${name}`, () => {
    let home: CouponStoreHome;
    let stage: CouponStage;
    let a: number;
    let b: number;

    beforeEach(async () => {
      home = await newHome();
      stage = new CouponStage(await home.open());
      a = await stage.claim(await stage.template(), ALICE);
      b = await stage.claim(await stage.template({ discount: { kind: 'percent', rate: 9000 } }), ALICE);
    });

    afterEach(async () => {
      await stage.store.close();
      await home.dispose();
    });

    /** A lock of one millisecond, when that has passed. */
    async function lapsed(couponIds: readonly number[], orderId: string): Promise<Redemption> {
      const { redemptionId } = await stage.lock(couponIds, { orderId, lockMs: 1 });
      return until(async () => {
        const now = await stage.coupons.redemption(redemptionId);
        return now?.state === 'lapsed' && now;
      }, 'the lock lapses');
    }

    test('a lock freezes the quote, a use makes records of it', async () => {
      const made = await stage.lock([b, a], { orderId: 'o1' });
      expect(made).toMatchObject({ state: 'locked', orderId: 'o1', userId: ALICE, isVerified: true });
      expect(made.lockedUntilMs - made.lockedAtMs).toBe(900_000);
      expect(made.frozen.quote).toMatchObject({ original: 10_500, discount: 1900, payable: 8600 });
      expect([await stage.state(a), await stage.state(b)]).toEqual(['locked', 'locked']);
      const used = await stage.coupons.use({ redemptionId: made.redemptionId, order: null, paidAtMs: null });
      expect(used).toMatchObject({ kind: 'moved', isRepeat: false, redemption: { state: 'used' } });
      const again = await stage.coupons.use({ redemptionId: made.redemptionId, order: null, paidAtMs: null });
      expect(again).toMatchObject({ kind: 'moved', isRepeat: true });
      expect(await stage.events(a)).toEqual(['locked', 'used']);
      const query = {
        userId: ALICE,
        orderId: null,
        templateId: null,
        fromMs: null,
        untilMs: null,
        after: null,
      };
      const usages = await stage.coupons.usages({ ...query, limit: 10 });
      expect(usages).toMatchObject([
        { couponId: b, orderId: 'o1', original: 10_500, discount: 900, final: 8600, revertedAtMs: null },
        { couponId: a, discount: 1000 },
      ]);
      const { usedAtMs, redemptionId, couponId } = usages[0]!;
      const after = { usedAtMs, redemptionId, couponId };
      expect(await stage.coupons.usages({ ...query, after, limit: 10 })).toMatchObject([{ couponId: a }]);
      expect(await stage.coupons.usages({ ...query, userId: BOB, limit: 10 })).toEqual([]);
    });

    test('the same lock again is the same redemption; another body is order_changed', async () => {
      const request = stage.request([a], { orderId: 'o1' });
      const first = lockedOf(await stage.coupons.lock(request));
      const second = await stage.coupons.lock(request);
      expect(second).toMatchObject({
        kind: 'locked',
        isRepeat: true,
        redemption: { redemptionId: first.redemptionId },
      });
      const other = stage.request([b], { orderId: 'o1' });
      expect(await stage.coupons.lock(other)).toMatchObject({ kind: 'refused', code: 'order_changed' });
      const swapped = lockedOf(await stage.coupons.lock({ ...other, replace: true }));
      expect(swapped.redemptionId).not.toBe(first.redemptionId);
      expect([await stage.state(a), await stage.state(b)]).toEqual(['usable', 'locked']);
      expect(await stage.coupons.redemption(first.redemptionId)).toMatchObject({ state: 'released' });
      expect(await stage.events(a)).toEqual(['locked', 'released']);
    });

    test('a late copy of a lock with its key answers the first outcome and locks nothing', async () => {
      const request = stage.request([a], { orderId: 'o1', key: 'k1' });
      const { redemptionId } = lockedOf(await stage.coupons.lock(request));
      await stage.coupons.release({ redemptionId, userId: null });
      expect(await stage.coupons.lock(request)).toMatchObject({
        kind: 'locked',
        isRepeat: true,
        redemption: { redemptionId, state: 'released' },
      });
      expect(await stage.state(a)).toBe('usable');
      const other = { ...request, fingerprint: 'another' };
      expect(await stage.coupons.lock(other)).toMatchObject({ code: 'idempotency_conflict' });
    });

    test('what cannot be locked is refused with its reason, and nothing changes', async () => {
      const bobs = await stage.claim(await stage.template(), BOB);
      const dear = await stage.claim(
        await stage.template({ discount: { kind: 'instant', off: 10, minSpend: 10_001 } }),
        ALICE,
      );
      const over = await stage.claim(
        await stage.template({ validity: { daysAfterClaim: 1 } }),
        ALICE,
        1_790_000_000_000,
      );
      const suspended = await stage.claim(await stage.template({ useSuspended: true }), ALICE);
      for (const [id, reason] of [
        [bobs, 'not_found'],
        [dear, 'below_minimum'],
        [over, 'expired'],
        [suspended, 'suspended'],
      ] as const) {
        const outcome = await stage.coupons.lock(stage.request([b, id]));
        expect(outcome).toMatchObject({ kind: 'refused', code: 'not_applicable' });
        expect(JSON.stringify(outcome)).toContain(`"reason":"${reason}"`);
      }
      expect(await stage.coupons.lock(stage.request([]))).toMatchObject({ code: 'no_coupon' });
      expect(await stage.coupons.lock(stage.request([a, a]))).toMatchObject({ code: 'duplicate_coupon' });
      expect(await stage.coupons.lock(stage.request([a + 500]))).toEqual({
        kind: 'missing',
        couponIds: [a + 500],
      });
      expect(await stage.coupons.lock(stage.request([a], { expectPayable: 1 }))).toMatchObject({
        code: 'quote_changed',
        quote: { payable: 9500 },
      });
      expect([await stage.state(a), await stage.events(a)]).toEqual(['usable', []]);
    });

    test('50 orders that want one coupon at once: one gets it', async () => {
      const outcomes = await Promise.all(
        Array.from({ length: 50 }, () => stage.coupons.lock(stage.request([a]))),
      );
      expect(outcomes.filter(({ kind }) => kind === 'locked').length).toBe(1);
      const refused = outcomes.filter(({ kind }) => kind === 'refused');
      expect(refused.length).toBe(49);
      for (const one of refused) expect(one).toMatchObject({ code: 'coupon_locked', couponIds: [a] });
    });

    test('ten first locks of one order at once are one redemption', async () => {
      const request = stage.request([a], { orderId: 'o1' });
      const outcomes = await Promise.all(Array.from({ length: 10 }, () => stage.coupons.lock(request)));
      expect(new Set(outcomes.map((one) => lockedOf(one).redemptionId)).size).toBe(1);
      expect(await stage.events(a)).toEqual(['locked']);
    });

    test('ten tills that lock and use one order at once are one redemption', async () => {
      for (let round = 0; round < 5; round++) {
        const request = stage.request([a, b], { use: true });
        const outcomes = await Promise.all(Array.from({ length: 10 }, () => stage.coupons.lock(request)));
        const [redemptionId, ...others] = new Set(outcomes.map((one) => lockedOf(one).redemptionId));
        expect(others).toEqual([]);
        await stage.coupons.revert(redemptionId!);
      }
    });

    test('two coupons wanted in both orders: nobody fails, nobody gets half', async () => {
      for (let round = 0; round < 10; round++) {
        const outcomes = await Promise.all([
          stage.coupons.lock(stage.request([a, b])),
          stage.coupons.lock(stage.request([b, a])),
        ]);
        const won = outcomes.filter(({ kind }) => kind === 'locked');
        expect(won.length).toBe(1);
        await stage.coupons.release({ redemptionId: lockedOf(won[0]!).redemptionId, userId: null });
      }
      expect([await stage.state(a), await stage.state(b)]).toEqual(['usable', 'usable']);
    });

    test('a lapsed lock is released by the next one, as an event of its own', async () => {
      const first = await lapsed([a], 'o1');
      const next = await stage.lock([a], { orderId: 'o2' });
      expect(await stage.events(a)).toEqual(['locked', 'released', 'locked']);
      expect(await stage.coupons.redemption(first.redemptionId)).toMatchObject({ state: 'lapsed' });
      expect(
        await stage.coupons.use({
          redemptionId: first.redemptionId,
          order: null,
          paidAtMs: first.lockedAtMs,
        }),
      ).toMatchObject({
        code: 'lock_expired',
        taken: [{ couponId: a, state: 'locked', redemptionId: next.redemptionId }],
      });
      expect(await stage.coupons.redemption(next.redemptionId)).toMatchObject({ state: 'locked' });
    });

    test('a payment in time counts after the lapse, swept or not, while nobody else has the coupons', async () => {
      for (const swept of [false, true]) {
        const one = await lapsed([a], `late-${swept}`);
        if (swept) expect((await stage.coupons.lapseSome(10)).coupons).toMatchObject([{ couponId: a }]);
        const { redemptionId, lockedAtMs, lockedUntilMs } = one;
        for (const paidAtMs of [null, lockedUntilMs, lockedAtMs - 25 * 3_600_000])
          expect(await stage.coupons.use({ redemptionId, order: null, paidAtMs })).toMatchObject({
            code: 'lock_expired',
            taken: [],
          });
        expect(await stage.coupons.use({ redemptionId, order: null, paidAtMs: lockedAtMs })).toMatchObject({
          kind: 'moved',
          redemption: { state: 'used' },
        });
        expect(await stage.coupons.revert(redemptionId)).toMatchObject({ kind: 'moved', refund: 9500 });
      }
      expect(await stage.events(a)).toEqual([
        ...['locked', 'used', 'reverted'],
        ...['locked', 'released', 'used', 'reverted'],
      ]);
    });

    test('a payment in time counts although a later lock of the order has lapsed too, swept or not', async () => {
      for (const swept of [false, true]) {
        const paid = await lapsed([a], `twice-${swept}`);
        await lapsed([b], `twice-${swept}`);
        if (swept) await stage.coupons.lapseSome(10);
        const { redemptionId, lockedAtMs: paidAtMs } = paid;
        expect(await stage.coupons.use({ redemptionId, order: null, paidAtMs })).toMatchObject({
          redemption: { state: 'used' },
        });
        expect(await stage.state(b)).toBe('usable');
        await stage.coupons.revert(redemptionId);
      }
    });

    test('a revert after returns gives back the rest, and says so again', async () => {
      const { redemptionId } = await stage.lock([a], { use: true });
      const ask = { redemptionId, recheck: false, shipping: false, restoreCoupons: false, dryRun: false };
      const items = [{ line: 0, quantity: 1 }];
      await stage.coupons.returnItems({ ...ask, returnId: 'r1', fingerprint: 'one', items });
      for (const isRepeat of [false, true])
        expect(await stage.coupons.revert(redemptionId)).toMatchObject({ isRepeat, refund: 5000 });
      const never = await stage.lock([a]);
      for (const isRepeat of [false, true])
        expect(await stage.coupons.revert(never.redemptionId)).toMatchObject({ isRepeat, refund: 0 });
    });

    test('every call in every state answers as the table says', async () => {
      const { coupons } = stage;
      const use = (redemptionId: number) => coupons.use({ redemptionId, order: null, paidAtMs: null });
      const release = (redemptionId: number) => coupons.release({ redemptionId, userId: null });
      const locked = await stage.lock([a]);
      expect(await release(locked.redemptionId)).toMatchObject({
        redemption: { state: 'released' },
        isRepeat: false,
      });
      expect(await release(locked.redemptionId)).toMatchObject({
        redemption: { state: 'released' },
        isRepeat: true,
      });
      expect(await use(locked.redemptionId)).toMatchObject({ code: 'released' });
      expect(await coupons.revert(locked.redemptionId)).toMatchObject({
        redemption: { state: 'reverted' },
        refund: 0,
      });
      expect(await use(locked.redemptionId)).toMatchObject({ code: 'reverted' });
      expect(await release(locked.redemptionId)).toMatchObject({ redemption: { state: 'reverted' } });

      const used = await stage.lock([a], { use: true });
      expect(used.state).toBe('used');
      expect(await release(used.redemptionId)).toMatchObject({ code: 'already_used' });
      expect(await coupons.extend({ redemptionId: used.redemptionId, lockMs: 1 })).toMatchObject({
        code: 'already_used',
      });
      expect(await coupons.revert(used.redemptionId)).toMatchObject({ kind: 'moved', refund: 9500 });
      // Whoever lost the first answer must still learn what to pay back.
      expect(await coupons.revert(used.redemptionId)).toMatchObject({
        kind: 'moved',
        refund: 9500,
        isRepeat: true,
      });
      const usages = { userId: null, orderId: used.orderId, templateId: null, fromMs: null, untilMs: null };
      expect(await coupons.usages({ ...usages, after: null, limit: 9 })).toMatchObject([
        { revertedAtMs: expect.any(Number) },
      ]);

      const gone = await lapsed([a], 'gone');
      expect(await coupons.extend({ redemptionId: gone.redemptionId, lockMs: 1 })).toMatchObject({
        code: 'lock_expired',
      });
      expect(await release(gone.redemptionId)).toMatchObject({ redemption: { state: 'released' } });
      expect(
        await coupons.use({ redemptionId: gone.redemptionId, order: null, paidAtMs: gone.lockedAtMs }),
      ).toMatchObject({ code: 'released' });
      const lost = await lapsed([a], 'lost');
      expect(await coupons.revert(lost.redemptionId)).toMatchObject({ redemption: { state: 'reverted' } });
      expect(await stage.state(a)).toBe('usable');
      expect(await use(404)).toEqual({ kind: 'refused', code: 'not_found' });
    });

    test('a user’s lock is used only with the prices of the order system', async () => {
      const { redemptionId } = await stage.lock([a], { isOfService: false });
      const use = (order: typeof ORDER | null) => stage.coupons.use({ redemptionId, order, paidAtMs: null });
      expect(await use(null)).toMatchObject({ code: 'items_required' });
      const [line] = ORDER.lines;
      for (const changed of [
        { ...ORDER, shippingFee: 0 },
        { ...ORDER, lines: [{ ...line!, price: 1 }] },
        { ...ORDER, lines: [{ ...line!, quantity: 1 }] },
        { ...ORDER, lines: [line!, line!] },
      ])
        expect(await use(changed)).toMatchObject({ code: 'order_changed' });
      expect(await stage.coupons.redemption(redemptionId)).toMatchObject({
        state: 'locked',
        isVerified: false,
      });
      expect(await use(ORDER)).toMatchObject({ redemption: { state: 'used', isVerified: true } });
    });

    test('users release their own locks, and not those of services', async () => {
      const mine = await stage.lock([a], { isOfService: false });
      const shops = await stage.lock([b]);
      const release = (redemptionId: number, userId: string | null) =>
        stage.coupons.release({ redemptionId, userId });
      expect(await release(mine.redemptionId, BOB)).toMatchObject({ code: 'not_found' });
      expect(await release(shops.redemptionId, ALICE)).toMatchObject({ code: 'forbidden' });
      expect(await release(mine.redemptionId, ALICE)).toMatchObject({ redemption: { state: 'released' } });
    });

    test('a lock is extended, never shortened', async () => {
      const made = await stage.lock([a]);
      const extend = (lockMs: number) => stage.coupons.extend({ redemptionId: made.redemptionId, lockMs });
      expect(await extend(SECOND_MS)).toMatchObject({ redemption: { lockedUntilMs: made.lockedUntilMs } });
      const { redemption } = (await extend(3_600_000)) as { redemption: Redemption };
      expect(redemption.lockedUntilMs).toBeGreaterThan(made.lockedUntilMs + 2_000_000);
    });

    test('returns give back what was paid, each once', async () => {
      const { redemptionId } = await stage.lock([a], { use: true });
      const ask = {
        redemptionId,
        recheck: false,
        shipping: false,
        restoreCoupons: false,
        dryRun: false,
        items: [{ line: 0, quantity: 1 }],
      };
      const first = { ...ask, returnId: 'r1', fingerprint: 'one' };
      expect(await stage.coupons.returnItems({ ...first, dryRun: true })).toMatchObject({
        kind: 'reckoned',
        receipt: { refund: 4500 },
      });
      expect(await stage.coupons.returnItems(first)).toMatchObject({
        kind: 'moved',
        receipt: { refund: 4500 },
      });
      expect(await stage.coupons.returnItems(first)).toMatchObject({
        isRepeat: true,
        receipt: { refund: 4500 },
      });
      expect(await stage.coupons.returnItems({ ...first, fingerprint: 'two' })).toMatchObject({
        code: 'idempotency_conflict',
      });
      expect(
        await stage.coupons.returnItems({
          ...ask,
          items: [{ line: 0, quantity: 2 }],
          returnId: 'r2',
          fingerprint: 'x',
        }),
      ).toMatchObject({ code: 'invalid_return' });
      const both = await Promise.all(
        ['r3', 'r4'].map((returnId) =>
          stage.coupons.returnItems({
            ...ask,
            returnId,
            fingerprint: 'x',
            shipping: true,
            restoreCoupons: true,
          }),
        ),
      );
      expect(both.filter(({ kind }) => kind === 'moved')).toMatchObject([
        { receipt: { refund: 4500, shippingRefund: 500, leavesNothing: true, couponsRestored: true } },
      ]);
      expect(await stage.state(a)).toBe('usable');
      expect(await stage.events(a)).toEqual(['locked', 'used', 'returned', 'returned', 'reverted']);
      expect(await stage.coupons.revert(redemptionId)).toMatchObject({ kind: 'moved', refund: 0 });
      expect(await stage.events(a)).toEqual(['locked', 'used', 'returned', 'returned', 'reverted']);
    });

    test('void takes what is usable and leaves what is not', async () => {
      const made = await stage.lock([a]);
      expect(await stage.coupons.voidCoupon(a, 'wrong price')).toMatchObject({ code: 'locked' });
      expect(await stage.coupons.voidCoupon(b, 'wrong price')).toMatchObject({
        kind: 'voided',
        isRepeat: false,
      });
      expect(await stage.coupons.voidCoupon(b, 'wrong price')).toMatchObject({
        kind: 'voided',
        isRepeat: true,
      });
      expect(await stage.coupons.voidCoupon(b + 9, 'wrong price')).toMatchObject({ code: 'not_found' });
      expect(await stage.coupons.history(b)).toMatchObject([{ kind: 'voided', detail: 'wrong price' }]);
      expect(await stage.coupons.lock(stage.request([b]))).toMatchObject({ code: 'not_applicable' });
      const templateId = Math.floor(a / 2 ** 32);
      for (let i = 0; i < 5; i++) await stage.claim(templateId, ALICE);
      await stage.coupons.use({ redemptionId: made.redemptionId, order: null, paidAtMs: null });
      const first = await stage.coupons.voidSome(templateId, 0, 3, 'all');
      expect(first).toMatchObject({ counts: { voided: 2, used: 1, locked: 0, expired: 0 } });
      expect(first.voided).toEqual([a + 1, a + 2].map((couponId) => ({ couponId, userId: ALICE })));
      const rest = await stage.coupons.voidSome(templateId, first.last!, 10, 'all');
      expect(rest).toMatchObject({ counts: { voided: 3 }, last: null });
    });

    test('which coupons a limit that counts usable ones need not count', async () => {
      const day = 86_400_000;
      const templateId = await stage.template({ validity: { daysAfterClaim: 1 } });
      const claimed = async (count: number, atMs?: number): Promise<number[]> => {
        const ids: number[] = [];
        for (let i = 0; i < count; i++) ids.push(await stage.claim(templateId, ALICE, atMs));
        return ids;
      };
      const [usable, locked, used, reverted, voided] = (await claimed(5)) as [
        number,
        number,
        number,
        number,
        number,
      ];
      // Two whose time is over: one unswept, one that a live lock still holds.
      const nowMs = Date.now();
      const [over, held, lapsed] = (await claimed(3, nowMs - day + SECOND_MS)) as [number, number, number];
      await stage.lock([locked]);
      await stage.lock([held]);
      await stage.lock([lapsed], { lockMs: 1 });
      await stage.lock([used], { use: true });
      const { redemptionId } = await stage.lock([reverted], { use: true });
      await stage.coupons.revert(redemptionId);
      await stage.coupons.voidCoupon(voided, 'all');
      const all = [usable, locked, used, reverted, voided, over, held, lapsed, lapsed + 1];
      expect((await stage.store.spentCoupons(all, nowMs - SECOND_MS)).sort()).toEqual([used, voided]);
      const later = nowMs + 2 * SECOND_MS;
      const spent = [used, voided, over, lapsed];
      expect((await stage.store.spentCoupons(all, later)).sort()).toEqual(spent);
      // More than fit one statement.
      const many = [...Array.from({ length: 2500 }, (_, i) => lapsed + 1 + i), ...all];
      expect((await stage.store.spentCoupons(many, later)).sort()).toEqual(spent);
      expect(await stage.store.spentCoupons([], later)).toEqual([]);
    });

    test('of many that have expired so many are marked at once as are asked for, each with its event', async () => {
      const day = 86_400_000;
      const templateId = await stage.template({ validity: { daysAfterClaim: 1 } });
      const [first, then] = [Date.now() - day - SECOND_MS, Date.now() - day];
      const late = await stage.claimMany(templateId, BOB, 300, then);
      const early = await stage.claimMany(templateId, ALICE, 450, first);
      const swept = await stage.coupons.expireSome(450);
      expect(swept.coupons.map(({ couponId }) => couponId)).toEqual(early);
      expect(swept.lateMs).toBeGreaterThanOrEqual(SECOND_MS);
      expect(await stage.coupons.expireSome(1_000)).toMatchObject({ coupons: { length: 300 } });
      expect(await stage.coupons.expireSome(1_000)).toEqual({ coupons: [], lateMs: 0 });
      for (const couponId of [...early, ...late])
        expect([couponId, await stage.events(couponId)]).toEqual([couponId, ['expired']]);
    });

    test('what has expired is marked once, and what is released or reverted too late expires at once', async () => {
      const day = 86_400_000;
      const templateId = await stage.template({ validity: { daysAfterClaim: 1 } });
      const over = await stage.claim(templateId, ALICE, Date.now() - day);
      const soon = await stage.claim(templateId, BOB, Date.now() - day + 2 * SECOND_MS);
      const { redemptionId } = await stage.lock([soon], { userId: BOB });
      const swept = await stage.coupons.expireSome(10);
      expect(swept.coupons).toMatchObject([{ couponId: over, userId: ALICE }]);
      expect(await stage.coupons.expireSome(10)).toEqual({ coupons: [], lateMs: 0 });
      expect([await stage.state(over), await stage.events(over)]).toEqual(['expired', ['expired']]);
      await until(async () => (await stage.store.coupon(soon))!.validUntilMs < Date.now(), 'it is over');
      expect(await stage.coupons.expireSome(10)).toEqual({ coupons: [], lateMs: 0 });
      expect(await stage.coupons.use({ redemptionId, order: null, paidAtMs: null })).toMatchObject({
        kind: 'moved',
      });
      await stage.coupons.revert(redemptionId);
      expect(await stage.events(soon)).toEqual(['locked', 'used', 'reverted', 'expired']);
    });
  });
}
