/** A wallet is the union of what is stored and what is only acknowledged, whatever was flushed meanwhile. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { couponId } from '../../src/domain/coupon-id.ts';
import type { CouponRow, WalletQuery } from '../../src/ports.ts';
import { Unavailable } from '../../src/problems.ts';
import { SqliteStore } from '../../src/records/sqlite-store.ts';
import { statusOf, Wallet } from '../../src/wallet/wallet.ts';
import { Shelf, SPACE } from '../claims/views.ts';
import { batchOf, type Claim } from '../records/batches.ts';
import { template } from '../records/samples.ts';

const USER = '9223372036854775807';
const [LO, HI] = [0xffff_ffff, 0x7fff_ffff];
const NOW_MS = 1_790_000_000_000;
const TOTAL = 200;

class Home {
  readonly dir = mkdtempSync(join(tmpdir(), 'doorbuster-wallet-'));
  readonly store = new SqliteStore(join(this.dir, 'records.db'));
  readonly shelves: Shelf[] = [];
  readonly wallet = new Wallet({
    store: this.store,
    templates: () => this.shelves.map(({ view }) => view),
    template: (id) => this.shelves.find(({ view }) => view.template.id === id)?.view,
  });
  private offset = 0;

  async shelf(name: string, partitions = 1): Promise<Shelf> {
    const one = template({ name, total: TOTAL, perUserLimit: TOTAL, partitions });
    const extent = { firstSerial: 0, length: TOTAL, spaces: [{ space: SPACE, size: 10 * TOTAL }] };
    const saved = await this.store.saveTemplate(one, extent, null);
    if (saved.kind !== 'saved') throw new Error(saved.kind);
    const shelf = new Shelf(saved.value);
    this.shelves.push(shelf);
    return shelf;
  }

  async flush(claims: readonly Claim[]): Promise<void> {
    const batch = batchOf(1, this.offset, claims);
    expect(await this.store.commitClaims(batch)).toEqual({ kind: 'committed' });
    this.offset = batch.toOffset;
    for (const { templateId } of claims)
      this.shelves.find(({ view }) => view.template.id === templateId)!.view.flushed++;
  }

  async close(): Promise<void> {
    await this.store.close();
    rmSync(this.dir, { recursive: true });
  }
}

let home: Home;

beforeEach(() => {
  home = new Home();
});

afterEach(() => home.close());

function query(changes: Partial<WalletQuery> = {}): WalletQuery {
  return { userId: USER, status: null, nowMs: NOW_MS, after: null, limit: 200, ...changes };
}

function idsOf(rows: readonly CouponRow[]): number[] {
  return rows.map((row) => row.couponId);
}

async function pages(limit: number, status: WalletQuery['status'] = null): Promise<CouponRow[]> {
  const all: CouponRow[] = [];
  for (let after: WalletQuery['after'] = null; ; ) {
    const page = await home.wallet.page(query({ after, limit, status }));
    expect(page.length).toBeLessThanOrEqual(limit);
    if (page.length === 0) return all;
    all.push(...page);
    after = page.at(-1)!;
  }
}

describe('a wallet', () => {
  test('has every coupon once, newest first, in pages of any size, however much is flushed', async () => {
    await home.shelf('A');
    await home.shelf('B', 3);
    const serials = [0, 0];
    const model: Claim[] = [];
    const step = fc.record({
      shelf: fc.nat(1),
      mine: fc.boolean(),
      atMs: fc.integer({ min: 1, max: 6 }).map((ms) => NOW_MS + ms),
      flush: fc.nat(4),
    });
    const waiting: Claim[] = [];
    let mixed = 0;
    // One shop for all runs: each run adds to it.
    await fc.assert(
      fc.asyncProperty(
        fc.array(step, { minLength: 1, maxLength: 6 }),
        fc.integer({ min: 1, max: 9 }),
        async (steps, limit) => {
          for (const { shelf: which, mine, atMs, flush } of steps) {
            const shelf = home.shelves[which];
            const serial = serials[which]++;
            if (serial >= TOTAL) continue;
            const [lo, hi] = mine ? [LO, HI] : [serial + 1, 0];
            shelf.sell(serial, lo, hi, 0, atMs);
            waiting.push({
              templateId: shelf.view.template.id,
              serial,
              user: mine ? USER : String(serial + 1),
              atMs,
            });
            if (mine) model.push(waiting.at(-1)!);
            if (flush === 0) await home.flush(waiting.splice(0, Math.ceil(waiting.length / 2)));
          }
          const expected = [...model]
            .sort((a, b) => b.atMs - a.atMs || b.templateId - a.templateId || b.serial - a.serial)
            .map(({ templateId, serial }) => couponId(templateId, serial));
          expect(idsOf(await pages(limit))).toEqual(expected);
          if (waiting.length > 0 && waiting.length < model.length) mixed++;
        },
      ),
      { numRuns: 40 },
    );
    expect(model.length).toBeGreaterThan(20);
    expect(mixed).toBeGreaterThan(5);
  });

  test('shows an acknowledged coupon exactly as it will be stored', async () => {
    const shelf = await home.shelf('A');
    const { id } = shelf.view.template;
    shelf.sell(7, LO, HI, 0, NOW_MS);
    const [fresh] = await home.wallet.page(query());
    expect(fresh).toMatchObject({
      userId: USER,
      code: `${SPACE}00000007`,
      state: 'usable',
      activityId: null,
    });
    expect(await home.wallet.coupon(couponId(id, 7))).toEqual(fresh);
    await home.flush([{ templateId: id, serial: 7, user: USER, atMs: NOW_MS }]);
    expect(await home.wallet.page(query())).toEqual([fresh]);
    expect(await home.wallet.coupon(couponId(id, 7))).toEqual(fresh);
  });

  test('does not show a claim that is not durable', async () => {
    const shelf = await home.shelf('A');
    shelf.sell(1, LO, HI, 0, NOW_MS);
    shelf.take(2, LO, HI);
    expect(idsOf(await home.wallet.page(query()))).toEqual([couponId(shelf.view.template.id, 1)]);
    expect(await home.wallet.coupon(couponId(shelf.view.template.id, 2))).toBeNull();
  });

  test('has a coupon once that is flushed between the look at memory and the answer of the store', async () => {
    const shelf = await home.shelf('A');
    const { id } = shelf.view.template;
    shelf.sell(1, LO, HI, 0, NOW_MS);
    const racing = new Wallet({
      store: {
        coupon: (couponIdAsked) => home.store.coupon(couponIdAsked),
        wallet: async (asked) => {
          await home.flush([{ templateId: id, serial: 1, user: USER, atMs: NOW_MS }]);
          return home.store.wallet(asked);
        },
      },
      templates: () => home.shelves.map(({ view }) => view),
      template: () => shelf.view,
    });
    expect(idsOf(await racing.page(query()))).toEqual([couponId(id, 1)]);
  });

  test('filters what is not flushed by status, as the store does', async () => {
    const shelf = await home.shelf('A');
    shelf.sell(1, LO, HI, 0, NOW_MS);
    const untilMs = NOW_MS + 30 * 86_400_000;
    const count = async (status: WalletQuery['status'], nowMs: number): Promise<number> =>
      (await home.wallet.page(query({ status, nowMs }))).length;
    expect([await count('usable', untilMs - 1), await count('expired', untilMs - 1)]).toEqual([1, 0]);
    expect([await count('usable', untilMs), await count('expired', untilMs)]).toEqual([0, 1]);
    expect(await count('used', NOW_MS)).toBe(0);
  });

  test('is empty for a user who has none, and for a text that is no user', async () => {
    await home.shelf('A');
    expect(await home.wallet.page(query({ userId: '12' }))).toEqual([]);
    expect(home.wallet.held(home.shelves[0].view, 'nobody').size).toBe(0);
  });
});

describe('one coupon', () => {
  test('is found by its id whoever holds it, the older ones of a user included', async () => {
    const shelf = await home.shelf('B', 3);
    const { id } = shelf.view.template;
    for (const serial of [4, 9, 6]) shelf.sell(serial, LO, HI, 0, NOW_MS);
    shelf.sell(5, 12, 0, 0, NOW_MS);
    for (const serial of [4, 9, 6])
      expect((await home.wallet.coupon(couponId(id, serial)))?.userId).toBe(USER);
    expect((await home.wallet.coupon(couponId(id, 5)))?.userId).toBe('12');
    expect(await home.wallet.coupon(couponId(id, TOTAL))).toBeNull();
    expect(await home.wallet.coupon(couponId(id + 1, 4))).toBeNull();
  });
});

test('what a user holds is counted per pool', async () => {
  const shelf = await home.shelf('A');
  shelf.sell(1, LO, HI, 0, NOW_MS);
  shelf.take(2, LO, HI, 0);
  shelf.sell(3, LO, HI, 0, NOW_MS);
  expect([...home.wallet.held(shelf.view, USER)]).toEqual([[0, 2]]);
});

test.each([
  ['usable', 100, 'usable'],
  ['usable', 101, 'expired'],
  ['locked', 101, 'locked'],
  ['used', 101, 'used'],
] as const)('a %s coupon valid until 101 is at %i %s', (state, nowMs, status) => {
  const validUntilMs = 101;
  const row = {
    couponId: 1,
    userId: USER,
    templateId: 1,
    activityId: null,
    code: 'x',
    claimedAtMs: 1,
    validFromMs: 1,
  };
  expect(statusOf({ ...row, validUntilMs, state }, nowMs)).toBe(status);
});

describe('beside a shard that cannot be seen into', () => {
  const closed = async (): Promise<never> => {
    throw new Unavailable('Claims made elsewhere cannot be seen at the moment.');
  };

  function walletOf(home: Home, mayHold: boolean): Wallet {
    return new Wallet({
      store: home.store,
      templates: () => home.shelves.map(({ view }) => view),
      template: (id) => home.shelves.find(({ view }) => view.template.id === id)?.view,
      elsewhere: {
        barrier: {
          all: async (mayMatter) => {
            if (await mayMatter(3, { completeMs: 0, hasAll: () => false })) await closed();
          },
          of: closed,
        },
        unseen: { mayHold: async (shard, user) => shard === 3 && user === USER && mayHold },
      },
    });
  }

  test('a list is shown where it lacks nothing, and unavailable where it may', async () => {
    const shelf = await home.shelf('A');
    shelf.sell(0, LO, HI);
    const query = { userId: USER, status: null, nowMs: NOW_MS, after: null, limit: 9 };
    expect(await walletOf(home, false).page(query)).toHaveLength(1);
    await expect(walletOf(home, true).page(query)).rejects.toThrow(Unavailable);
  });

  test('a coupon that is known is told; that there is none, is not', async () => {
    const shelf = await home.shelf('A');
    shelf.sell(0, LO, HI);
    const wallet = walletOf(home, true);
    const { id } = shelf.view.template;
    expect(await wallet.coupon(couponId(id, 0))).toMatchObject({ userId: USER });
    await expect(wallet.coupon(couponId(id, 1))).rejects.toThrow(Unavailable);
  });
});

test('templates all of whose claims are known to be stored are not looked into, whoever stored them', async () => {
  const shelf = await home.shelf('A');
  shelf.sell(0, LO, HI);
  let [isStored, asked] = [false, 0];
  const wallet = new Wallet({
    store: home.store,
    templates: () => [shelf.view],
    template: () => shelf.view,
    isStored: () => {
      asked++;
      return isStored;
    },
  });
  const query = { userId: USER, status: null, nowMs: NOW_MS, after: null, limit: 9 };
  expect(await wallet.page(query)).toHaveLength(1);
  // The store says so, and has no row: what is shown tells that memory was not asked.
  isStored = true;
  expect(await wallet.page(query)).toHaveLength(0);
  isStored = false;
  expect([await wallet.page(query), asked]).toEqual([[], 2]);
  shelf.sell(1, LO, HI);
  expect(await wallet.page(query)).toHaveLength(2);
});

describe('a table that has grown', () => {
  /** The owner's messages wait until `deliver`: its table has another segment that main has not been told of. */
  async function undelivered(): Promise<{ shelf: Shelf; serial: number; deliver: () => void }> {
    const shelf = await home.shelf('A');
    const waiting: (() => void)[] = [];
    shelf.tables[0].onSegment = (index, buffer) =>
      waiting.push(() => shelf.view.actors[0].users!.replaceSegment(index, buffer));
    let serial = 0;
    while (waiting.length === 0) shelf.sell(serial, 1000 + serial++, 0, 0, NOW_MS);
    shelf.sell(serial, LO, HI, 0, NOW_MS);
    return {
      shelf,
      serial,
      deliver: () => {
        for (const one of waiting) one();
      },
    };
  }

  test('hides no coupon of a user who asks before main is told of it', async () => {
    const { shelf, serial, deliver } = await undelivered();
    const id = couponId(shelf.view.template.id, serial);
    const [page, coupon] = [home.wallet.page(query()), home.wallet.coupon(id)];
    setTimeout(deliver, 20);
    expect(idsOf(await page)).toEqual([id]);
    expect(await coupon).toMatchObject({ couponId: id, userId: USER });
  });

  test('is not waited for any longer than a second', async () => {
    await undelivered();
    await expect(home.wallet.page(query())).rejects.toThrow(Unavailable);
  });
});
