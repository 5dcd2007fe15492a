/** Whose wallets must wait for a shard that cannot be seen into: those of users who may hold something there. */
import { beforeEach, expect, test } from 'vitest';
import type { Template } from '../../src/domain/template.ts';
import { SHARDS } from '../../src/ports-ledger.ts';
import { type ShardSeen, UnseenClaims } from '../../src/wallet/unseen-claims.ts';
import { Shelf } from '../claims/views.ts';
import { template } from '../records/samples.ts';

const SHARD = 3;
const USER = '77';
const HOUR_MS = 3_600_000;
const NOW_MS = 1_790_000_000_000;
const NOTHING: ShardSeen = { completeMs: Number.NEGATIVE_INFINITY, hasAll: () => false };

/** As stored, and as far as this node has heard of it. */
let stored: Template[];
let shelves: Shelf[];

beforeEach(() => {
  [stored, shelves] = [[], []];
});

function shelf(changes: Partial<Template> = {}): Shelf {
  const one = template({ id: SHARD, total: 5, perUserLimit: 2, publishedAtMs: 1, ...changes });
  const made = new Shelf(one, [], 2);
  stored.push(one);
  shelves.push(made);
  return made;
}

function mayHold(seen = NOTHING, user = USER): Promise<boolean> {
  const unseen = new UnseenClaims({
    templates: async () => stored,
    view: (id) => shelves.find(({ view }) => view.template.id === id)?.view,
    owners: 2,
  });
  return unseen.mayHold(SHARD, user, seen);
}

test('nothing lies in a shard without published templates', async () => {
  shelf({ id: SHARD + 1 });
  shelf({ publishedAtMs: null });
  expect(await mayHold()).toBe(false);
});

test('one template there that the user may have claimed is enough', async () => {
  shelf();
  expect(await mayHold()).toBe(true);
});

test('so is one that this node has not heard of', async () => {
  stored.push(template({ id: SHARD + SHARDS, publishedAtMs: 1 }));
  expect(await mayHold()).toBe(true);
});

test('a disabled one may have been claimed before', async () => {
  shelf({ status: 'disabled' });
  expect(await mayHold()).toBe(true);
});

test('who holds as many as the limit allows holds no more, until the limit is raised', async () => {
  const one = shelf();
  one.sell(0, Number(USER));
  expect(await mayHold()).toBe(true);
  one.take(1, Number(USER));
  expect(await mayHold()).toBe(true);
  one.settle(1, Number(USER));
  expect(await mayHold()).toBe(false);
  expect(await mayHold(NOTHING, '78')).toBe(true);
  stored[0] = { ...stored[0]!, perUserLimit: 3 };
  expect(await mayHold()).toBe(true);
});

test('when every unit is known to be somebody\u2019s there are none left to have, until there are more', async () => {
  const one = shelf();
  for (let serial = 0; serial < 5; serial++) one.sell(serial, 100 + serial);
  expect(await mayHold()).toBe(false);
  stored[0] = { ...stored[0]!, total: 6 };
  expect(await mayHold()).toBe(true);
});

test('coupons whose time was over when memory was last complete are all here', async () => {
  shelf({ validity: { fromMs: 0, untilMs: NOW_MS } });
  expect(await mayHold()).toBe(true);
  expect(await mayHold({ ...NOTHING, completeMs: NOW_MS + 1_000 })).toBe(true);
  expect(await mayHold({ ...NOTHING, completeMs: NOW_MS + HOUR_MS })).toBe(false);
});

test('the end of claiming may be moved, and proves nothing', async () => {
  shelf({ claimUntilMs: NOW_MS });
  expect(await mayHold({ ...NOTHING, completeMs: NOW_MS + HOUR_MS })).toBe(true);
});

test('a user whose owner has all of the stream does not wait for the other owner', async () => {
  shelf({ partitions: 2 });
  const has = await Promise.all(
    [0, 1].map((owner) => mayHold({ ...NOTHING, hasAll: (one: number) => one === owner })),
  );
  expect([...has].sort()).toEqual([false, true]);
});

test('every template counts', async () => {
  const one = shelf({ perUserLimit: 1 });
  one.sell(0, Number(USER));
  expect(await mayHold()).toBe(false);
  shelf({ id: SHARD + SHARDS });
  expect(await mayHold()).toBe(true);
});
