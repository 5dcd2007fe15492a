/** The part of the record stores' contract that is about claims: batches in, blocks and wallets out. */
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { couponId } from '../../src/domain/coupon-id.ts';
import type { CouponRow, RecordStore, WalletQuery } from '../../src/ports.ts';
import { batchOf, type Claim, entriesOf } from './batches.ts';
import type { StoreHome } from './record-store-contract.ts';
import { template } from './samples.ts';

const SPACE = '0703101112';
const NOW_MS = 1_790_000_000_000;
const DAY_MS = 86_400_000;
const LARGEST = '9223372036854775807';

export function claimStoreContract(name: string, make: () => Promise<StoreHome>): void {
  describe(`${name}: claims`, () => {
    let home: StoreHome;
    let store: RecordStore;
    let templateId: number;

    beforeEach(async () => {
      home = await make();
      store = await home.open();
      const extent = { firstSerial: 0, length: 1000, spaces: [{ space: SPACE, size: 10_000 }] };
      const outcome = await store.saveTemplate(template(), extent, null);
      if (outcome.kind !== 'saved') throw new Error(outcome.kind);
      templateId = outcome.value.id;
    });

    afterEach(async () => {
      await store.close();
      await home.dispose();
    });

    function claim(serial: number, user: string, atMs = NOW_MS): Claim {
      return { templateId, serial, user, atMs };
    }

    function query(userId: string, changes: Partial<WalletQuery> = {}): WalletQuery {
      return { userId, status: null, nowMs: NOW_MS + 1, after: null, limit: 50, ...changes };
    }

    async function stored(): Promise<number> {
      return (await store.countByTemplate()).reduce((sum, { count }) => sum + count, 0);
    }

    async function blocks(afterBlock = 0): Promise<Uint8Array> {
      const all: Uint8Array[] = [];
      for (let after = afterBlock; ; ) {
        const { lastBlock, entries } = await store.claimBlocks(after);
        if (entries.length === 0) return Buffer.concat(all);
        expect(lastBlock).toBeGreaterThan(after);
        all.push(...entries);
        after = lastBlock;
      }
    }

    describe('a batch', () => {
      test('becomes rows with all their columns', async () => {
        const one = { ...claim(3, LARGEST), activityId: 12, code: 12_345_678 };
        expect(await store.commitClaims(batchOf(1, 0, [one, claim(4, '7')]))).toEqual({ kind: 'committed' });
        const row: CouponRow = {
          couponId: couponId(templateId, 3),
          userId: LARGEST,
          templateId,
          activityId: 12,
          code: `${SPACE}12345678`,
          claimedAtMs: NOW_MS,
          validFromMs: NOW_MS,
          validUntilMs: NOW_MS + 30 * DAY_MS,
          state: 'usable',
        };
        expect(await store.coupon(row.couponId)).toEqual(row);
        expect(await store.coupon(couponId(templateId, 4))).toMatchObject({
          activityId: null,
          code: `${SPACE}00000004`,
        });
        expect(await store.coupon(couponId(templateId, 5))).toBeNull();
        expect(await store.countByTemplate()).toEqual([{ templateId, count: 2 }]);
      });

      test('moves its log’s watermark and no other', async () => {
        const [first, other] = [batchOf(1, 0, [claim(1, '1')]), batchOf(2, 0, [claim(2, '1')])];
        await store.commitClaims(first);
        await store.commitClaims(other);
        await store.commitClaims(batchOf(1, first.toOffset, []));
        const marks = [...(await store.watermarks())].sort((a, b) => a.logId - b.logId);
        expect(marks).toEqual([
          { logId: 1, offset: first.toOffset + 40 },
          { logId: 2, offset: other.toOffset },
        ]);
      });

      test('that comes twice is stale the second time and stored once', async () => {
        const batch = batchOf(1, 0, [claim(1, '1'), claim(2, '2')]);
        await store.commitClaims(batch);
        expect(await store.commitClaims(batch)).toEqual({ kind: 'stale', offset: batch.toOffset });
        expect(await stored()).toBe(2);
        expect((await blocks()).length).toBe(batch.entries.length);
      });

      test('that does not begin at the watermark is stale and changes nothing', async () => {
        const batch = batchOf(1, 80, [claim(1, '1')]);
        expect(await store.commitClaims(batch)).toEqual({ kind: 'stale', offset: 0 });
        expect([await stored(), await store.watermarks()]).toEqual([0, []]);
      });

      test('with a unit that has a row already is a conflict, and nothing of it is kept', async () => {
        const first = batchOf(1, 0, [claim(1, '1')]);
        await store.commitClaims(first);
        const second = batchOf(1, first.toOffset, [claim(2, '2'), claim(1, '3')]);
        expect(await store.commitClaims(second)).toMatchObject({
          kind: 'conflict',
          couponId: couponId(templateId, 1),
        });
        expect(await stored()).toBe(1);
        expect(await store.watermarks()).toEqual([{ logId: 1, offset: first.toOffset }]);
        expect((await blocks()).length).toBe(first.entries.length);
        const good = batchOf(1, first.toOffset, [claim(2, '2')]);
        expect(await store.commitClaims(good)).toEqual({ kind: 'committed' });
        expect(Buffer.compare(await blocks(), entriesOf([claim(1, '1'), claim(2, '2')]))).toBe(0);
      });

      test('with a row of its own already stores the rest, and tells what is new with one block', async () => {
        const first = batchOf(1, 0, [claim(1, '1'), { ...claim(2, LARGEST), activityId: 7 }]);
        await store.commitClaims(first);
        const twice = [claim(3, '3'), { ...claim(2, LARGEST), activityId: 7 }, claim(4, '4'), claim(3, '3')];
        const second = batchOf(2, 0, [...twice, claim(1, '1')]);
        const outcome = await store.commitClaims(second);
        expect(await stored()).toBe(4);
        // Who counts what is stored must not count the others again.
        const fresh = entriesOf([claim(3, '3'), claim(4, '4')]);
        expect(outcome).toMatchObject({ kind: 'committed' });
        expect(Buffer.compare((outcome as { fresh: Uint8Array }).fresh, fresh)).toBe(0);
        const all = [claim(1, '1'), { ...claim(2, LARGEST), activityId: 7 }, claim(3, '3'), claim(4, '4')];
        expect(Buffer.compare(await blocks(), entriesOf(all))).toBe(0);
        const third = batchOf(2, second.toOffset, [claim(4, '4')]);
        expect(await store.commitClaims(third)).toMatchObject({ kind: 'committed', fresh: { length: 0 } });
        expect((await blocks()).length).toBe(all.length * 40);
        const marks = (await store.watermarks()).find(({ logId }) => logId === 2);
        expect(marks).toEqual({ logId: 2, offset: third.toOffset });
      });

      test.each([
        ['user', { user: '2' }],
        ['activity', { activityId: 3 }],
        ['code', { code: 9 }],
        ['time', { atMs: NOW_MS + 1 }],
      ])('with a row whose %s differs is a conflict', async (field, change) => {
        await store.commitClaims(batchOf(1, 0, [claim(1, '1')]));
        const other = batchOf(2, 0, [claim(2, '1'), { ...claim(1, '1'), ...change }]);
        const outcome = await store.commitClaims(other);
        expect(outcome).toMatchObject({ kind: 'conflict', couponId: couponId(templateId, 1) });
        expect(outcome.kind === 'conflict' && outcome.detail).toContain(field);
        expect([await stored(), (await blocks()).length]).toEqual([1, 40]);
      });

      test('with two claims of one unit is a conflict', async () => {
        const both = batchOf(1, 0, [claim(1, '1'), claim(1, '2')]);
        expect(await store.commitClaims(both)).toMatchObject({ kind: 'conflict' });
        expect(await stored()).toBe(0);
      });

      test('of units nobody made is a conflict', async () => {
        const unknown = { ...claim(1, '1'), templateId: templateId + 1 };
        expect((await store.commitClaims(batchOf(1, 0, [unknown]))).kind).toBe('conflict');
        expect((await store.commitClaims(batchOf(1, 0, [claim(1000, '1')]))).kind).toBe('conflict');
        expect(await stored()).toBe(0);
      });

      test('of units that were added meanwhile is stored', async () => {
        const first = batchOf(1, 0, [claim(1, '1')]);
        await store.commitClaims(first);
        const more = { firstSerial: 1000, length: 10, spaces: [{ space: SPACE, size: 10_000 }] };
        await store.saveTemplate(template({ id: templateId, total: 1010, version: 2 }), more, null);
        const second = batchOf(1, first.toOffset, [claim(1009, '1')]);
        expect(await store.commitClaims(second)).toEqual({ kind: 'committed' });
      });
    });

    describe('blocks', () => {
      test('give back the claims as the logs had them, in order, page by page', async () => {
        const logs = new Map<number, number>();
        const all: Claim[] = [];
        for (let serial = 0; serial < 900; serial += 30) {
          const claims = Array.from({ length: 30 }, (_, i) => claim(serial + i, String(serial + i + 1)));
          const logId = 1 + (serial % 4);
          const batch = batchOf(logId, logs.get(logId) ?? 0, claims);
          expect(await store.commitClaims(batch)).toEqual({ kind: 'committed' });
          logs.set(logId, batch.toOffset);
          all.push(...claims);
        }
        const sorted = (bytes: Uint8Array): string[] =>
          Array.from({ length: bytes.length / 40 }, (_, i) =>
            Buffer.from(bytes.subarray(i * 40, i * 40 + 40)).toString('hex'),
          ).sort();
        expect(sorted(await blocks())).toEqual(sorted(entriesOf(all)));
      });

      test('are none in an empty store', async () => {
        expect(await store.claimBlocks(0)).toEqual({ lastBlock: 0, entries: [] });
      });
    });

    describe('a wallet', () => {
      test('has one user’s coupons, newest first, then by id', async () => {
        const times = [5, 3, 5, 9, 1];
        const claims = times.map((ms, serial) => claim(serial, LARGEST, NOW_MS + ms));
        await store.commitClaims(
          batchOf(1, 0, [...claims, claim(10, '9223372036854775806'), claim(11, '1')]),
        );
        const rows = await store.wallet(query(LARGEST, { nowMs: NOW_MS + 10 }));
        expect(rows.map((row) => row.couponId % 2 ** 32)).toEqual([3, 2, 0, 1, 4]);
        expect((await store.wallet(query('9223372036854775806'))).map((row) => row.userId)).toEqual([
          '9223372036854775806',
        ]);
      });

      test('comes in pages that have neither gaps nor repeats', async () => {
        const claims = Array.from({ length: 23 }, (_, i) => claim(i, '42', NOW_MS + (i % 4)));
        await store.commitClaims(batchOf(1, 0, claims));
        const whole = await store.wallet(query('42'));
        for (const limit of [1, 3, 7, 23]) {
          const paged: CouponRow[] = [];
          for (let after: WalletQuery['after'] = null; ; ) {
            const page = await store.wallet(query('42', { after, limit }));
            expect(page.length).toBeLessThanOrEqual(limit);
            if (page.length === 0) break;
            paged.push(...page);
            after = page.at(-1)!;
          }
          expect(paged).toEqual(whole);
        }
        expect(whole.length).toBe(23);
      });

      test('tells usable from expired to the millisecond, and has nothing locked or used yet', async () => {
        await store.commitClaims(batchOf(1, 0, [claim(1, '42')]));
        const untilMs = NOW_MS + 30 * DAY_MS;
        const count = async (status: WalletQuery['status'], nowMs: number): Promise<number> =>
          (await store.wallet(query('42', { status, nowMs }))).length;
        expect([await count('usable', untilMs - 1), await count('expired', untilMs - 1)]).toEqual([1, 0]);
        expect([await count('usable', untilMs), await count('expired', untilMs)]).toEqual([0, 1]);
        expect([
          await count('locked', NOW_MS),
          await count('used', NOW_MS),
          await count(null, untilMs),
        ]).toEqual([0, 0, 1]);
      });
    });

    test('rows, blocks and watermarks are there after the store was closed and opened, and go on', async () => {
      const first = batchOf(1, 0, [claim(1, '1')]);
      await store.commitClaims(first);
      await store.close();
      store = await home.open();
      expect(await store.watermarks()).toEqual([{ logId: 1, offset: first.toOffset }]);
      const second = batchOf(1, first.toOffset, [claim(2, '1')]);
      expect(await store.commitClaims(second)).toEqual({ kind: 'committed' });
      expect(Buffer.compare(await blocks(), entriesOf([claim(1, '1'), claim(2, '1')]))).toBe(0);
      expect((await store.wallet(query('1'))).length).toBe(2);
    });
  });
}
