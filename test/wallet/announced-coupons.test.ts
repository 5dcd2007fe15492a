/**
 * Two nodes over one record store and one Redis: what one of them has changed the other one sees, although the first is
 * gone before it can tell, whichever call it was.
 */
import { randomBytes } from 'node:crypto';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { RedisConnection } from '../../src/ledger/redis/redis-connection.ts';
import type { CouponStore } from '../../src/ports-coupons.ts';
import { SqliteStore } from '../../src/records/sqlite-store.ts';
import { announcedCoupons } from '../../src/wallet/announced-coupons.ts';
import { RedisWalletL2 } from '../../src/wallet/redis-wallet-l2.ts';
import { CHUNK_ROWS } from '../../src/wallet/wallet.ts';
import { WalletCache } from '../../src/wallet/wallet-cache.ts';
import { ALICE, BOB, CouponStage } from '../records/coupon-stage.ts';
import { until } from '../support/wait.ts';

const RETURN = { recheck: true, shipping: true, restoreCoupons: true, dryRun: false, fingerprint: 'f' };
const BRANCH = { transType: 'saga', gid: 'g', branchId: '01' };

let home: string;
let store: SqliteStore;
let stage: CouponStage;
let template: number;
let redis: RedisConnection;
let installation: string;

beforeEach(async () => {
  home = mkdtempSync(join(tmpdir(), 'doorbuster-announced-'));
  store = new SqliteStore(join(home, 'records.db'));
  stage = new CouponStage(store);
  template = await stage.template();
  installation = randomBytes(6).toString('hex');
  redis = new RedisConnection({ url: process.env.TEST_REDIS_URL! });
  await redis.connect();
});

afterEach(async () => {
  await redis.disconnect();
  await store.close();
  rmSync(home, { recursive: true });
});

function walletsOf(changeMsMax?: number): WalletCache {
  const l2 = new RedisWalletL2({
    redis,
    installation,
    ...(changeMsMax === undefined ? {} : { changeMsMax }),
  });
  return new WalletCache({ store, l2, log: { error: () => {} }, l2WaitMs: 2_000 });
}

function couponsOf(wallets: WalletCache, over: CouponStore = store.coupons): CouponStore {
  const holder = async (couponId: number) => (await store.coupon(couponId))?.userId ?? null;
  return announcedCoupons({ store: over, wallets, announces: true, holder });
}

/** What it is asked happens, and nobody hears of it: whoever asked is dead by then. */
function deaf(over: CouponStore): { store: CouponStore; died: Promise<void> } {
  let die = (): void => {};
  const died = new Promise<void>((resolve) => {
    die = resolve;
  });
  const isRead = (name: string): boolean => name.startsWith('redemption');
  const cut = new Proxy(over, {
    get: (target, name: keyof CouponStore) => {
      const call = target[name] as (...args: unknown[]) => Promise<unknown>;
      if (isRead(name)) return call.bind(target);
      return async (...args: unknown[]) => {
        await call.apply(target, args);
        die();
        return new Promise(() => {});
      };
    },
  });
  return { store: cut, died };
}

/** As the list and alone. */
async function seen(by: WalletCache, couponIds: readonly number[], userId = ALICE): Promise<string[][]> {
  const nowMs = Date.now();
  const rows = await by.wallet({ userId, status: null, nowMs, after: null, limit: CHUNK_ROWS });
  const listed = couponIds.map((id) => rows.find(({ couponId }) => couponId === id)?.state ?? 'none');
  const alone = await Promise.all(couponIds.map(async (id) => (await by.coupon(id))?.state ?? 'none'));
  return [listed, alone];
}

const both = (...states: string[]): string[][] => [states, states];

/** Until what is seen comes from what is kept. */
async function kept(by: WalletCache, couponIds: readonly number[]): Promise<void> {
  await until(async () => {
    const { loads } = by;
    await seen(by, couponIds);
    return by.loads === loads;
  }, 'wallets are kept');
}

interface Case {
  readonly name: string;
  /** → what the node does that dies then, and what becomes of the two coupons. */
  readonly begin: (
    ids: readonly number[],
  ) => Promise<{ readonly act: (coupons: CouponStore) => Promise<unknown>; readonly states: string[] }>;
}

const locked = (ids: readonly number[]) => stage.lock(ids, { orderId: 'o', lockMs: 60_000 });
const used = async (ids: readonly number[]) => {
  const { redemptionId } = await locked(ids.slice(0, 1));
  await store.coupons.use({ redemptionId, order: null, paidAtMs: null });
  return redemptionId;
};

const CASES: readonly Case[] = [
  {
    name: 'lock',
    begin: async (ids) => ({
      act: (coupons) => coupons.lock(stage.request(ids.slice(0, 1))),
      states: ['locked', 'usable'],
    }),
  },
  {
    name: 'lock that replaces another',
    begin: async (ids) => {
      await locked(ids.slice(0, 1));
      const request = stage.request(ids.slice(1), { orderId: 'o', replace: true });
      return { act: (coupons) => coupons.lock(request), states: ['usable', 'locked'] };
    },
  },
  {
    name: 'use',
    begin: async (ids) => {
      const { redemptionId } = await locked(ids.slice(0, 1));
      return {
        act: (coupons) => coupons.use({ redemptionId, order: null, paidAtMs: null }),
        states: ['used', 'usable'],
      };
    },
  },
  {
    name: 'release',
    begin: async (ids) => {
      const { redemptionId } = await locked(ids.slice(0, 1));
      return {
        act: (coupons) => coupons.release({ redemptionId, userId: null }),
        states: ['usable', 'usable'],
      };
    },
  },
  {
    name: 'revert',
    begin: async (ids) => {
      const redemptionId = await used(ids);
      return { act: (coupons) => coupons.revert(redemptionId), states: ['usable', 'usable'] };
    },
  },
  {
    name: 'return of all',
    begin: async (ids) => {
      const redemptionId = await used(ids);
      const items = [{ line: 0, quantity: 2 }];
      return {
        act: (coupons) => coupons.returnItems({ redemptionId, returnId: 'r', items, ...RETURN }),
        states: ['usable', 'usable'],
      };
    },
  },
  {
    name: 'void',
    begin: async (ids) => ({
      act: (coupons) => coupons.voidCoupon(ids[0]!, 'a slip'),
      states: ['voided', 'usable'],
    }),
  },
  {
    name: 'saga that locks',
    begin: async (ids) => {
      const lock = stage.request(ids.slice(0, 1), { orderId: 'o' });
      return {
        act: (coupons) =>
          coupons.saga({ ...BRANCH, userId: ALICE, orderId: 'o', call: 'lock', op: 'action', lock }),
        states: ['locked', 'usable'],
      };
    },
  },
  {
    name: 'saga that compensates',
    begin: async (ids) => {
      const lock = stage.request(ids.slice(0, 1), { orderId: 'o' });
      const who = { ...BRANCH, userId: ALICE, orderId: 'o' };
      await store.coupons.saga({ ...who, call: 'lock', op: 'action', lock });
      return {
        act: (coupons) => coupons.saga({ ...who, call: 'release', op: 'compensate' }),
        states: ['usable', 'usable'],
      };
    },
  },
];

describe.each(CASES)('a $name', ({ begin }) => {
  test('is seen at the other node and in the next life although the node died before it told', async () => {
    const [a, b] = [walletsOf(), walletsOf()];
    const ids = [await stage.claim(template, ALICE), await stage.claim(template, ALICE)];
    const { act, states } = await begin(ids);
    await kept(a, ids);
    await kept(b, ids);
    const { store: cut, died } = deaf(store.coupons);
    void act(couponsOf(a, cut));
    await died;
    const next = walletsOf();
    for (const node of [b, next, b]) expect(await seen(node, ids)).toEqual(both(...states));
  });

  test('is told when it is answered, and what is read then is kept', async () => {
    const [a, b] = [walletsOf(), walletsOf()];
    const ids = [await stage.claim(template, ALICE), await stage.claim(template, ALICE)];
    const { act, states } = await begin(ids);
    await kept(a, ids);
    await kept(b, ids);
    await act(couponsOf(a));
    for (const node of [b, a]) {
      expect(await seen(node, ids)).toEqual(both(...states));
      await kept(node, ids);
    }
  });
});

test('a new end of a lock is seen', async () => {
  const [a, b] = [walletsOf(), walletsOf()];
  const id = await stage.claim(template, ALICE);
  const { redemptionId, lockedUntilMs } = await locked([id]);
  await kept(b, [id]);
  await couponsOf(a).extend({ redemptionId, lockMs: 3_600_000 });
  expect((await b.coupon(id))!.lockedUntilMs).toBeGreaterThan(lockedUntilMs);
});

test('voided coupons of a template are seen as such, in the list and alone', async () => {
  const [a, b] = [walletsOf(), walletsOf()];
  const ids = [await stage.claim(template, ALICE), await stage.claim(template, ALICE)];
  await kept(b, ids);
  await couponsOf(a).voidSome(template, 0, 100, 'a slip');
  expect(await seen(b, ids)).toEqual(both('voided', 'voided'));
});

test('after a failure nothing is kept until the change cannot come any more', async () => {
  const [a, b] = [walletsOf(300), walletsOf()];
  const id = await stage.claim(template, ALICE);
  await kept(b, [id]);
  const failing: CouponStore = { ...store.coupons, lock: () => Promise.reject(new Error('no answer')) };
  await expect(couponsOf(a, failing).lock(stage.request([id]))).rejects.toThrow('no answer');
  // It comes late, and from nobody who would tell.
  expect(await seen(b, [id])).toEqual(both('usable'));
  await stage.lock([id]);
  expect(await seen(b, [id])).toEqual(both('locked'));
  await kept(b, [id]);
  expect(await seen(b, [id])).toEqual(both('locked'));
});

test('two changes of one wallet at once: nothing is kept until both are told', async () => {
  const [a, b] = [walletsOf(), walletsOf()];
  const first = await a.announce(ALICE, []);
  const second = await b.announce(ALICE, []);
  const loadsOf = async () => {
    const { loads } = b;
    await b.wallet({ userId: ALICE, status: null, nowMs: 0, after: null, limit: CHUNK_ROWS });
    return b.loads - loads;
  };
  await a.changed(ALICE, [], first);
  expect([await loadsOf(), await loadsOf()]).toEqual([1, 1]);
  await b.changed(ALICE, [], second);
  expect([await loadsOf(), await loadsOf()]).toEqual([1, 0]);
});

test('who asks for another’s redemption ends nothing that is kept of him', async () => {
  const a = walletsOf();
  const id = await stage.claim(template, ALICE);
  const { redemptionId } = await locked([id]);
  await kept(a, [id]);
  const { loads } = a;
  await couponsOf(a).release({ redemptionId, userId: BOB });
  await seen(a, [id]);
  expect(a.loads).toBe(loads);
});
