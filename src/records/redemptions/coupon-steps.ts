/** Every call of the port as steps: what SQLite and MySQL carry out each in its own way. */
import type { CouponStore } from '../../ports-coupons.ts';
import { expireSome, lapseSome } from './lapse.ts';
import { history, usages, used } from './lists.ts';
import { lock } from './lock.ts';
import { extend, release, revert } from './moves.ts';
import { readOfOrder, readRedemption } from './redemption-rows.ts';
import { returnItems } from './return-items.ts';
import { TemplateRules } from './rules.ts';
import { saga } from './saga.ts';
import { clock, type Dialect, type Steps } from './steps.ts';
import { use } from './use.ts';
import { voidCoupon, voidSome } from './void.ts';

/** Carries the steps of one transaction out. It is kept unless its outcome is a refusal. */
export type Transact = <T>(steps: () => Steps<T>) => Promise<T>;

/** Nothing that these come to was written. */
export function isKept(outcome: unknown): boolean {
  const kind = (outcome as { kind?: string } | null)?.kind;
  return kind !== 'refused' && kind !== 'missing' && kind !== 'reckoned';
}

/** `read`: of one moment, but nothing is locked or changed. */
export function couponStore(db: Dialect, transact: Transact, read: Transact): CouponStore {
  const rules = new TemplateRules();
  const plain: Dialect = { ...db, forUpdate: '' };
  return {
    lock: (request) => transact(() => lock(db, rules, request)),
    use: (request) => transact(() => use(db, request)),
    release: (request) => transact(() => release(db, request)),
    extend: (request) => transact(() => extend(db, request)),
    revert: (redemptionId) => transact(() => revert(db, redemptionId)),
    returnItems: (request) => transact(() => returnItems(db, request)),
    saga: (call) => transact(() => saga(db, rules, call)),
    redemption: (redemptionId) =>
      read(function* () {
        const found = yield* readRedemption(plain, redemptionId, yield* clock(db));
        return found?.redemption ?? null;
      }),
    redemptionsOfOrder: (orderId, userId) =>
      read(function* () {
        return yield* readOfOrder(orderId, userId, yield* clock(db));
      }),
    usages: (query) => read(() => usages(query)),
    used: (templateId) => read(() => used(templateId)),
    history: (couponId) => read(() => history(couponId)),
    voidCoupon: (couponId, reason) => transact(() => voidCoupon(db, couponId, reason)),
    voidSome: (templateId, afterCouponId, limit, reason) =>
      transact(() => voidSome(db, templateId, afterCouponId, limit, reason)),
    expireSome: (limit) => transact(() => expireSome(db, limit)),
    lapseSome: (limit) => transact(() => lapseSome(db, limit)),
  };
}
