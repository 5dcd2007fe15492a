/** What branches of a distributed transaction do in every store: the barrier, and what it lets through. */
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import type { LockRequest, SagaCall, SagaOutcome } from '../../src/ports-coupons.ts';
import { until } from '../support/wait.ts';
import { ALICE, BOB, CouponStage } from './coupon-stage.ts';
import type { CouponStoreHome } from './coupon-store-contract.ts';

type Call = SagaCall['call'];
type Tcc = 'try' | 'confirm' | 'cancel';

export function sagaContract(name: string, newHome: () => Promise<CouponStoreHome>): void {
  describe(`sagas in ${name}`, () => {
    let home: CouponStoreHome;
    let stage: CouponStage;
    let a: number;

    beforeEach(async () => {
      home = await newHome();
      stage = new CouponStage(await home.open());
      a = await stage.claim(await stage.template(), ALICE);
    });

    afterEach(async () => {
      await stage.store.close();
      await home.dispose();
    });

    /** Calls of one transaction, about one order. */
    function transaction(
      gid: string,
      { orderId = 'o1', userId = ALICE, ...lock }: Partial<LockRequest> & { couponIds?: number[] } = {},
    ) {
      const request = stage.request(lock.couponIds ?? [a], { ...lock, orderId, userId });
      return (call: Call, branchId = call === 'lock' || call === 'release' ? '01' : '02', tcc?: Tcc) => {
        const isAction = call === 'lock' || call === 'use';
        const op = tcc ?? (isAction ? 'action' : 'compensate');
        const transType = tcc === undefined ? 'saga' : 'tcc';
        const asked = { transType, gid, branchId, userId, orderId, call, op, lock: request };
        return stage.coupons.saga(asked as SagaCall);
      };
    }

    const done = (state: string | null, isSkipped = false) => ({
      kind: 'done',
      redemptions: state === null ? [] : [{ state }],
      isSkipped,
    });

    async function usages() {
      const query = { userId: null, orderId: null, templateId: null, fromMs: null, untilMs: null };
      return stage.coupons.usages({ ...query, after: null, limit: 100 });
    }

    test('locked and used, each once however often it is told', async () => {
      const call = transaction('g1');
      expect(await call('lock')).toMatchObject(done('locked'));
      expect(await call('lock')).toMatchObject(done('locked', true));
      expect(await call('use')).toMatchObject(done('used'));
      expect(await call('use')).toMatchObject(done('used', true));
      expect(await call('lock')).toMatchObject(done('used', true));
      expect(await stage.events(a)).toEqual(['locked', 'used']);
      expect(await usages()).toMatchObject([{ couponId: a, revertedAtMs: null }]);
    });

    test('a release before its lock does nothing, and the lock after it locks nothing', async () => {
      const call = transaction('g1');
      expect(await call('release')).toMatchObject(done(null, true));
      expect(await call('lock')).toMatchObject(done(null, true));
      expect(await call('release')).toMatchObject(done(null, true));
      expect([await stage.state(a), await stage.events(a)]).toEqual(['usable', []]);
    });

    test('two releases after a real lock are one', async () => {
      const call = transaction('g1');
      await call('lock');
      expect(await call('release')).toMatchObject(done('released'));
      expect(await call('release')).toMatchObject(done('released', true));
      expect(await call('lock')).toMatchObject(done('released', true));
      expect(await stage.events(a)).toEqual(['locked', 'released']);
    });

    test('a revert without its use leaves the lock, and the use after it uses nothing', async () => {
      const call = transaction('g1');
      await call('lock');
      expect(await call('revert')).toMatchObject(done('locked', true));
      expect(await call('use')).toMatchObject(done('locked', true));
      expect(await call('release')).toMatchObject(done('released'));
      expect(await usages()).toEqual([]);
    });

    test('both branches are undone, last first or first last', async () => {
      const orderly = transaction('g1');
      await orderly('lock');
      await orderly('use');
      expect(await orderly('revert')).toMatchObject(done('reverted'));
      expect(await orderly('release')).toMatchObject(done('reverted'));
      const hasty = transaction('g2');
      await hasty('lock');
      await hasty('use');
      expect(await hasty('release')).toMatchObject(done('reverted'));
      expect(await hasty('revert')).toMatchObject(done('reverted'));
      expect(await stage.events(a)).toEqual(['locked', 'used', 'reverted', 'locked', 'used', 'reverted']);
      const rows = await usages();
      expect(rows.length).toBe(2);
      for (const row of rows) expect(row.revertedAtMs).not.toBeNull();
    });

    test('a refused action leaves nothing and is refused again; it may come through later', async () => {
      const other = await stage.lock([a], { orderId: 'somebody' });
      const call = transaction('g1');
      for (let i = 0; i < 2; i++)
        expect(await call('lock')).toMatchObject({ kind: 'refused', code: 'coupon_locked', couponIds: [a] });
      expect(await call('use')).toEqual({ kind: 'refused', code: 'not_found' });
      await stage.coupons.release({ redemptionId: other.redemptionId, userId: null });
      expect(await call('lock')).toMatchObject(done('locked'));
      expect(await call('use')).toMatchObject(done('used'));
    });

    test('what is refused and then compensated stays undone', async () => {
      const over = await stage.claim(
        await stage.template({ validity: { daysAfterClaim: 1 } }),
        ALICE,
        Date.now() - 2 * 86_400_000,
      );
      const call = transaction('g1', { couponIds: [over] });
      for (let i = 0; i < 2; i++)
        expect(await call('lock')).toMatchObject({ kind: 'refused', code: 'not_applicable' });
      expect(await call('release')).toMatchObject(done(null, true));
      expect(await call('lock')).toMatchObject(done(null, true));
      expect(await stage.events(over)).toEqual([]);
    });

    test('a coupon that is not stored leaves no trace of its lock', async () => {
      const call = transaction('g1', { couponIds: [a + 500] });
      for (let i = 0; i < 2; i++)
        expect(await call('lock')).toEqual({ kind: 'missing', couponIds: [a + 500] });
    });

    test('a transaction touches only what it made', async () => {
      const first = transaction('g1');
      const second = transaction('g2');
      await first('lock');
      expect(await second('lock')).toMatchObject({ kind: 'refused', code: 'order_changed' });
      expect(await second('use')).toMatchObject({ kind: 'refused', code: 'not_found' });
      expect(await second('release')).toMatchObject(done(null, true));
      expect(await second('revert')).toMatchObject(done(null, true));
      expect(await stage.state(a)).toBe('locked');
      const plain = stage.request([a], { orderId: 'o1' });
      expect(await stage.coupons.lock(plain)).toMatchObject({ kind: 'refused', code: 'order_changed' });
      await first('release');
      const made = await stage.lock([a], { orderId: 'o1' });
      expect(await second('use', '09')).toMatchObject({ kind: 'refused', code: 'not_found' });
      expect(await second('lock', '09')).toMatchObject({ kind: 'refused', code: 'order_changed' });
      await first('release', '08');
      expect(await stage.coupons.redemption(made.redemptionId)).toMatchObject({ state: 'locked' });
    });

    test('users and branches have barriers of their own', async () => {
      const bobs = await stage.claim(await stage.template(), BOB);
      const alices = transaction('g1');
      const his = transaction('g1', { userId: BOB, couponIds: [bobs] });
      expect(await alices('lock')).toMatchObject(done('locked'));
      expect(await his('lock')).toMatchObject(done('locked'));
      // The same lock of another branch is the same lock; it is not undone as long as nobody undoes it.
      expect(await alices('lock', '03')).toMatchObject(done('locked'));
      expect(await his('release')).toMatchObject(done('released'));
      expect(await alices('release', '03')).toMatchObject(done('released'));
      expect(await alices('release', '01')).toMatchObject(done('released'));
      expect(await alices('use')).toMatchObject({ kind: 'refused', code: 'released' });
      expect(await stage.events(a)).toEqual(['locked', 'released']);
    });

    test('a lock that has lapsed is not used, and releasing it is no fault', async () => {
      const call = transaction('g1', { lockMs: 1 });
      const { redemptions } = (await call('lock')) as Extract<SagaOutcome, { kind: 'done' }>;
      const { redemptionId } = redemptions[0]!;
      await until(
        async () => (await stage.coupons.redemption(redemptionId))?.state === 'lapsed',
        'it lapses',
      );
      for (let i = 0; i < 2; i++)
        expect(await call('use')).toMatchObject({ kind: 'refused', code: 'lock_expired' });
      expect(await call('release')).toMatchObject(done('released'));
      expect(await stage.events(a)).toEqual(['locked', 'released']);
    });

    test('the names of TCC', async () => {
      const call = transaction('g1');
      expect(await call('lock', '01', 'try')).toMatchObject(done('locked'));
      expect(await call('use', '01', 'confirm')).toMatchObject(done('used'));
      expect(await call('use', '01', 'confirm')).toMatchObject(done('used', true));
      const given = transaction('g2', { orderId: 'o2' });
      expect(await given('release', '01', 'cancel')).toMatchObject(done(null, true));
      expect(await given('lock', '01', 'try')).toMatchObject(done(null, true));
    });

    test('an action and its compensation at once, several times: undone in the end', async () => {
      for (let round = 0; round < 10; round++) {
        const call = transaction(`round-${round}`, { orderId: `round-${round}` });
        const outcomes = await Promise.all(
          (['lock', 'release', 'lock', 'release', 'lock'] as const).map((one) => call(one)),
        );
        for (const outcome of outcomes) expect(outcome.kind).toBe('done');
        expect(outcomes.filter((one) => one.kind === 'done' && !one.isSkipped).length).not.toBe(1);
        expect(await stage.state(a)).toBe('usable');
      }
    });
  });
}
