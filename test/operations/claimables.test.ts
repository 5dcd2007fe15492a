import { afterAll, expect, test } from 'vitest';
import { couponId } from '../../src/domain/coupon-id.ts';
import { type ClaimablePoolsPage, claimables } from '../../src/operations/claimables.ts';
import { SqliteStore } from '../../src/records/sqlite-store.ts';
import type { PoolPlace } from '../../src/wallet/claimable.ts';
import { Wallet } from '../../src/wallet/wallet.ts';
import { Shelf } from '../claims/views.ts';
import { activity } from '../records/samples.ts';

const NOW_MS = 1000;
const sale = activity({ id: 12, templateId: 3, startsAtMs: 0, endsAtMs: 9000 });
const shelves = [
  new Shelf({ id: 3, name: 'three' }, [sale]),
  new Shelf({ id: 5, name: 'five', perUserLimit: 2 }),
  new Shelf({ id: 4, name: 'four', status: 'disabled' }),
];
const templates = () => shelves.map(({ view }) => view);
const store = new SqliteStore(':memory:');
afterAll(() => store.close());
const reads = {
  wallet: new Wallet({
    store,
    templates,
    template: (id) => templates().find(({ template }) => template.id === id),
  }),
  templates,
  spent: (couponIds: readonly number[], nowMs: number) => store.spentCoupons(couponIds, nowMs),
  remaining: (templateId: number, activityId: number) => templateId * 1000 + activityId,
};

const QUERY = { userId: '7', nowMs: NOW_MS, all: false, after: null, limit: 10 };

test('pools of which a user may claim, the newest template first, with what is left of each', async () => {
  const { items, next } = await claimables(reads, QUERY);
  const told = items.map(({ template, ...rest }) => ({ name: template.name, ...rest }));
  const open = { reason: null, fromMs: null, untilMs: null };
  expect(told).toEqual([
    { name: 'five', activityId: null, claimsLeft: 2, remaining: 5000, ...open },
    { name: 'three', activityId: 12, claimsLeft: 1, remaining: 3012, ...open, fromMs: 0, untilMs: 9000 },
    { name: 'three', activityId: null, claimsLeft: 1, remaining: 3000, ...open },
  ]);
  expect(next).toBeNull();
});

test('with the others, each with its reason', async () => {
  const { items } = await claimables(reads, { ...QUERY, all: true });
  expect(items.map(({ template, reason }) => [template.name, reason])).toEqual([
    ['five', null],
    ['four', 'not_active'],
    ['three', null],
    ['three', null],
  ]);
});

test('come in pages of any size, each once', async () => {
  const pages: (number | null)[][][] = [];
  for (let after: PoolPlace | null = null; pages.length < 9; ) {
    const page: ClaimablePoolsPage = await claimables(reads, { ...QUERY, after, limit: 1 });
    pages.push(page.items.map(({ template, activityId }) => [template.id, activityId]));
    after = page.next;
    if (after === null) break;
  }
  expect(pages).toEqual([[[5, null]], [[3, 12]], [[3, null]]]);
});

test('are those of the user who asks', async () => {
  for (const shelf of shelves) shelf.sell(0, 8);
  const left = async (userId: string) =>
    (await claimables(reads, { ...QUERY, userId })).items.map(({ template, claimsLeft }) => [
      template.id,
      claimsLeft,
    ]);
  expect(await left('8')).toEqual([[5, 1]]);
  expect(await left('7')).toEqual([
    [5, 2],
    [3, 1],
    [3, 1],
  ]);
});

test('where limits count usable coupons, spent ones leave room: asked once for all templates', async () => {
  const sales = [6, 7].map((id) => {
    const pool = activity({ id: 20 + id, templateId: id, startsAtMs: 0, endsAtMs: 9000, perUserLimit: 1 });
    return new Shelf({ id, name: `usable ${id}`, limitCounts: 'usable', perUserLimit: 2 }, [pool]);
  });
  const asked: (readonly number[])[] = [];
  const usable = {
    ...reads,
    templates: () => [...templates(), ...sales.map(({ view }) => view)],
    spent: async (ids: readonly number[]) => {
      asked.push([...ids].sort((a, b) => a - b));
      return ids.filter((id) => id % 2 ** 32 < 2);
    },
  };
  const seen = async () => {
    const { items } = await claimables(usable, { ...QUERY, userId: '9', all: true });
    return items
      .filter(({ template }) => template.id > 5)
      .map(({ template, activityId, claimsLeft, reason }) => [template.id, activityId, claimsLeft, reason]);
  };
  const id = (templateId: number, serial: number) => couponId(templateId, serial);
  await seen();
  expect(asked).toEqual([]);
  // Of 6 one of the pool is spent, of 7 none.
  sales[0]!.sell(0, 9);
  sales[0]!.sell(2, 9);
  sales[1]!.sell(5, 9);
  sales[1]!.sell(6, 9, 0, 27);
  expect(await seen()).toEqual([
    [7, 27, 0, 'limit_reached'],
    [7, null, 0, 'limit_reached'],
    [6, 26, 1, null],
    [6, null, 1, null],
  ]);
  expect(asked).toEqual([[id(6, 0), id(6, 2), id(7, 5), id(7, 6)]]);
});
