import { describe, expect, test } from 'vitest';
import { type AskedLock, lockOrder } from '../../src/operations/lock-order.ts';
import { sagaLock } from '../../src/operations/sagas.ts';
import { ORDER } from '../records/coupon-stage.ts';
import { value } from './catalog-stage.ts';

const USER = { userId: '7', isService: false };
const SERVICE = { userId: '7', isService: true };
const TERMS = {
  lockTtlMs: 900_000,
  couponOfCode: (code: string) => (code.startsWith('C') ? Number(code.slice(1)) : null),
};

function lock(asker: typeof USER, changes: Partial<AskedLock> = {}, key: string | null = null) {
  const asked = {
    orderId: 'o-1',
    order: ORDER,
    couponIds: [5],
    couponCodes: null,
    lockSeconds: null,
    expectPayable: null,
    replace: false,
    use: false,
  };
  return lockOrder(TERMS, asker, { ...asked, ...changes }, key);
}

describe('a lock', () => {
  test('lasts as long as it says, or as locks last here', () => {
    expect(value(lock(USER)).lockMs).toBe(900_000);
    expect(value(lock(USER, { lockSeconds: 60 })).lockMs).toBe(60_000);
  });

  test('that uses at once, or names codes, is a service’s', () => {
    const codes = { couponIds: null, couponCodes: ['C5', 'C6'] };
    for (const [changes, field] of [
      [{ use: true }, 'use'],
      [codes, 'couponCodes'],
    ] as const) {
      expect(lock(USER, changes)).toMatchObject({
        problem: { code: 'forbidden', detail: `${field}: only services may send it.` },
      });
    }
    expect(value(lock(SERVICE, { use: true })).use).toBe(true);
    expect(value(lock(SERVICE, codes)).couponIds).toEqual([5, 6]);
  });

  test('by what is no code is refused like one of a coupon that is not there', () => {
    expect(lock(SERVICE, { couponIds: null, couponCodes: ['C5', 'x'] })).toMatchObject({
      problem: { code: 'not_applicable', detail: 'couponCodes[1]: there is no such code.' },
    });
  });

  test('is another one by its order, its coupons, or when it uses; not by how long it lasts', () => {
    const print = (changes: Partial<AskedLock>) => value(lock(SERVICE, changes)).fingerprint;
    const same = [{}, { lockSeconds: 60 }, { expectPayable: 1 }, { replace: true }];
    expect(new Set(same.map(print)).size).toBe(1);
    const others = [
      {},
      { couponIds: 'best' as const },
      { couponIds: null, couponCodes: ['C5'] },
      { use: true },
      { order: { ...ORDER, shippingFee: 1 } },
    ];
    expect(new Set(others.map(print)).size).toBe(others.length);
    expect(value(lock(USER, {}, 'k')).key).toBe('k');
  });

  test('of a saga is a service’s, known by its transaction', () => {
    const asked = { userId: '7', orderId: 'o-1', couponIds: [5], order: ORDER, lockSeconds: null };
    expect(sagaLock('g', asked, 900_000)).toMatchObject({
      isOfService: true,
      gid: 'g',
      lockMs: 900_000,
      use: false,
    });
    expect(sagaLock('g', { ...asked, lockSeconds: 60 }, 900_000).fingerprint).toBe(
      sagaLock('h', asked, 900_000).fingerprint,
    );
  });
});
