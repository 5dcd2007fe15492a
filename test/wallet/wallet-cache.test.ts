/** What the cache saves, what it must not do, and what becomes of reads while Redis is slow or away. */
import { randomBytes } from 'node:crypto';
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { couponId } from '../../src/domain/coupon-id.ts';
import { RedisConnection } from '../../src/ledger/redis/redis-connection.ts';
import type { CouponRow } from '../../src/ports.ts';
import { RedisWalletL2 } from '../../src/wallet/redis-wallet-l2.ts';
import { Wallet } from '../../src/wallet/wallet.ts';
import { type RedisServer, startRedis } from '../services/redis.ts';
import { until } from '../support/wait.ts';
import { NOW_MS, NodeMemory, type NodeOptions, query, VALID_MS, WalletShop } from './two-nodes.ts';

let shop: WalletShop;
let redis: RedisConnection;
let installation: string;

beforeEach(async () => {
  shop = new WalletShop();
  await shop.open(1);
  installation = randomBytes(6).toString('hex');
  redis = new RedisConnection({ url: process.env.TEST_REDIS_URL! });
  await redis.connect();
});

afterEach(async () => {
  await redis.disconnect();
  await shop.close();
});

function l2(ttlMs = 60_000, over = redis): RedisWalletL2 {
  return new RedisWalletL2({ redis: over, installation, ttlMs });
}

function node(cache: RedisWalletL2 | null = l2(), options: NodeOptions = {}) {
  const one = new NodeMemory(shop, cache, options);
  shop.nodes.push(one);
  return one;
}

async function statesOf(of: NodeMemory, user = '1'): Promise<string[]> {
  return (await of.wallet.page(query(user))).map(({ state }) => state);
}

async function stored(of: NodeMemory, user = '1'): Promise<number> {
  const { templateId, serial } = shop.claim(of, user, 0);
  await shop.flush(10);
  shop.hear(of);
  return couponId(templateId, serial);
}

describe.each([
  ['alone', false],
  ['with Redis', true],
])('a node %s', (_, shared) => {
  const start = (options: { l1TtlMs?: number; l1RowsMax?: number } = {}) =>
    node(shared ? l2() : null, options);

  test('asks the store once, for all statuses and pages, and for an empty wallet too', async () => {
    const a = start();
    await stored(a);
    for (const status of [null, 'usable', 'used', 'expired'] as const)
      await a.wallet.page(query('1', { status }));
    await a.wallet.page(query('1', { after: { claimedAtMs: NOW_MS, couponId: 1 } }));
    expect([a.cache.loads, a.cache.l1Hits]).toEqual([1, 4]);
    for (let i = 0; i < 2; i++) expect(await a.wallet.page(query('2'))).toEqual([]);
    for (let i = 0; i < 2; i++) expect(await a.wallet.coupon(couponId(shop.templateIds[0]!, 9))).toBeNull();
    expect(shop.queries).toBe(3);
  });

  test('asks once for many who ask at the same time', async () => {
    const a = start();
    const id = await stored(a);
    shop.pause = () => new Promise((resolve) => setTimeout(resolve, 5));
    await Promise.all(Array.from({ length: 50 }, () => a.wallet.page(query('1'))));
    await Promise.all(Array.from({ length: 50 }, () => a.wallet.coupon(id)));
    expect(shop.queries).toBe(2);
  });

  test('finds a coupon in the store that was asked for before it was claimed', async () => {
    const a = start();
    const id = couponId(shop.templateIds[0]!, 0);
    expect(await a.wallet.coupon(id)).toBeNull();
    expect(await stored(a)).toBe(id);
    for (let i = 0; i < 2; i++)
      expect(await a.wallet.coupon(id)).toMatchObject({ couponId: id, userId: '1' });
    expect([shop.queries, a.cache.l1Hits]).toEqual([2, 1]);
  });

  test('lets a coupon expire by the clock, whatever it keeps', async () => {
    const a = start();
    await stored(a);
    const count = async (status: 'usable' | 'expired', nowMs: number) =>
      (await a.wallet.page(query('1', { status, nowMs }))).length;
    expect(await count('usable', NOW_MS + VALID_MS - 1)).toBe(1);
    expect(await count('usable', NOW_MS + VALID_MS)).toBe(0);
    expect(await count('expired', NOW_MS + VALID_MS)).toBe(1);
  });

  test('shows a claim that was flushed after the page was kept, as the log has it and as the store has it', async () => {
    const a = start();
    expect(await a.wallet.page(query('1'))).toEqual([]);
    const { templateId, serial } = shop.claim(a, '1', 0);
    const id = couponId(templateId, serial);
    const [fresh] = await a.wallet.page(query('1'));
    expect(await a.wallet.coupon(id)).toEqual(fresh);
    await shop.flush(1);
    shop.hear(a);
    expect(await a.wallet.page(query('1'))).toEqual([fresh]);
    expect(await a.wallet.coupon(id)).toEqual(fresh);
    await a.cache.changed('1', [id]);
    expect(await a.wallet.page(query('1'))).toEqual([fresh]);
  });

  test('shows a change at the next read, in the list and alone', async () => {
    const a = start();
    const id = await stored(a);
    await a.wallet.coupon(id);
    expect(await statesOf(a)).toEqual(['usable']);
    for (const state of ['locked', 'used'] as const) {
      shop.setState(id, state);
      await a.cache.changed('1', [id]);
      expect(await statesOf(a)).toEqual([state]);
      expect((await a.wallet.coupon(id))!.state).toBe(state);
      expect(await a.wallet.page(query('1', { status: 'usable' }))).toEqual([]);
    }
  });

  test('gives nobody who comes after a change what was read before it', async () => {
    const a = start();
    const id = await stored(a);
    let release = (): void => {};
    const held = new Promise<void>((resolve) => {
      release = resolve;
    });
    const { wallet } = shop;
    shop.wallet = async (asked) => {
      const rows = await wallet.call(shop, asked);
      await held;
      return rows;
    };
    const early = statesOf(a);
    await until(() => shop.queries === 1, 'the store was read');
    shop.setState(id, 'used');
    await a.cache.changed('1', [id]);
    shop.wallet = wallet;
    const late = statesOf(a);
    release();
    expect(await early).toEqual(['usable']);
    expect(await late).toEqual(['used']);
    expect(await statesOf(a)).toEqual(['used']);
    expect(await statesOf(node())).toEqual(['used']);
  });

  test('forgets who asked longest ago', async () => {
    const a = start({ l1RowsMax: 10 });
    for (let user = 1; user <= 9; user++) await a.wallet.page(query(String(user)));
    const { l1Hits } = a.cache;
    await a.wallet.page(query('9'));
    await a.wallet.page(query('1'));
    expect(a.cache.l1Hits).toBe(l1Hits + 1);
  });

  test('has a wallet of many chunks in pages of any size', async () => {
    const a = start();
    const ids: number[] = [];
    for (let i = 0; i < 700; i++) {
      const { templateId, serial } = shop.claim(a, '1', 0, NOW_MS + Math.floor(i / 3));
      ids.unshift(couponId(templateId, serial));
    }
    await shop.flush(690);
    shop.hear(a);
    const found: number[] = [];
    for (let page: CouponRow[] = []; ; ) {
      page = await a.wallet.page(query('1', { after: page.at(-1) ?? null, limit: 90 }));
      found.push(...page.map((row) => row.couponId));
      if (page.length < 90) break;
    }
    expect(found).toEqual(ids);
  });
});

test('templates are looked into until rows cannot lack their claims', async () => {
  const a = node(null);
  let nowMs = 0;
  const slow = new Wallet({
    templates: () => a.shelves.map(({ view }) => view),
    template: () => undefined,
    store: { staleMsMax: 1_000, wallet: async () => [], coupon: async () => null },
    monotonicMs: () => nowMs,
  });
  const shown = async (atMs: number): Promise<number> => {
    nowMs = atMs;
    return (await slow.page(query('1'))).length;
  };
  shop.claim(a, '1', 0);
  expect(await shown(0)).toBe(1);
  expect(await shown(5_000)).toBe(1);
  await shop.flush(1);
  shop.hear(a);
  expect([await shown(5_001), await shown(6_000), await shown(6_001)]).toEqual([1, 1, 0]);
  shop.claim(a, '1', 0);
  await shop.flush(1);
  shop.hear(a);
  expect([await shown(6_500), await shown(7_499), await shown(7_500)]).toEqual([2, 2, 0]);
});

describe('two nodes', () => {
  test('share what one of them read, and see each other’s changes at the next read', async () => {
    const [a, b] = [node(), node()];
    const id = await stored(a);
    expect(await statesOf(a)).toEqual(['usable']);
    await vi.waitFor(async () => {
      await statesOf(b);
      expect(b.cache.l2Hits).toBe(1);
    });
    await a.wallet.coupon(id);
    await b.wallet.coupon(id);
    for (const state of ['locked', 'usable', 'used'] as const) {
      shop.setState(id, state);
      await a.cache.changed('1', [id]);
      expect(await statesOf(b)).toEqual([state]);
      expect((await b.wallet.coupon(id))!.state).toBe(state);
      expect(await statesOf(a)).toEqual([state]);
    }
  });

  test('keep nothing that was read before a change and comes after it', async () => {
    const [a, b] = [node(), node()];
    const id = await stored(a);
    let release = (): void => {};
    const held = new Promise<void>((resolve) => {
      release = resolve;
    });
    const { wallet } = shop;
    shop.wallet = async (asked) => {
      const rows = await wallet.call(shop, asked);
      await held;
      return rows;
    };
    const early = statesOf(a);
    await until(() => shop.queries === 1, 'the store was read');
    shop.wallet = wallet;
    shop.setState(id, 'used');
    await b.cache.changed('1', [id]);
    expect(await statesOf(b)).toEqual(['used']);
    release();
    expect(await early).toEqual(['usable']);
    // Behind the late one on the same connection.
    await redis.commands.ping();
    expect(await statesOf(node())).toEqual(['used']);
    expect(await statesOf(a)).toEqual(['used']);
  });

  test('see what was changed behind their backs when the time to live is over', async () => {
    const [a, b] = [node(l2(200), { l1TtlMs: 50 }), node(l2(200), { l1TtlMs: 50 })];
    const id = await stored(a);
    await Promise.all([statesOf(a), statesOf(b)]);
    shop.setState(id, 'used');
    expect(await statesOf(a)).toEqual(['usable']);
    const seen = async () => [await statesOf(a), await statesOf(b)];
    await until(async () => String(await seen()) === 'used,used', 'what was kept is too old');
    expect(await seen()).toEqual([['used'], ['used']]);
  });
});

describe('while Redis', () => {
  let server: RedisServer;
  let own: RedisConnection;

  beforeEach(async () => {
    server = await startRedis({ appendonly: true, appendfsync: 'always' });
    own = new RedisConnection({ url: server.url, commandTimeoutMs: 300 });
    await own.connect();
  });

  afterEach(async () => {
    await own.disconnect();
    await server.stop();
  });

  test('is slow, a read waits a moment and asks the store; what arrives late is not kept after a change', async () => {
    const a = node(l2(60_000, own), { l2WaitMs: 50 });
    const id = await stored(a);
    await statesOf(a);
    await server.call('CLIENT', 'PAUSE', 1_500);
    const sinceMs = performance.now();
    expect(await statesOf(a)).toEqual(['usable']);
    expect(performance.now() - sinceMs).toBeLessThan(1_000);
    await statesOf(a);
    expect(a.cache.l2Failures).toBe(1);
    shop.setState(id, 'used');
    await a.cache.changed('1', [id]);
    expect(await statesOf(a)).toEqual(['used']);
    expect(await statesOf(node(l2(60_000, own)))).toEqual(['used']);
  });

  test('is away, reads go to the store, it is logged once, and a change waits until nobody can miss it', async () => {
    const a = node(l2(60_000, own));
    const b = node(l2(60_000, own));
    const id = await stored(a);
    expect([await statesOf(a), await statesOf(b)]).toEqual([['usable'], ['usable']]);
    await server.kill();
    shop.setState(id, 'used');
    const done = a.cache.changed('1', [id]);
    expect([await statesOf(a), await statesOf(b)]).toEqual([['used'], ['used']]);
    await statesOf(b);
    expect(b.logged).toHaveLength(1);
    await server.restart();
    await done;
    // The append-only file brought back what was kept before.
    await until(async () => {
      expect(await statesOf(b)).toEqual(['used']);
      return b.cache.l1Hits > 0;
    }, 'the cache is used again');
  });

  test('is out of one node’s reach, its change goes on unannounced, and events tell the others', async () => {
    const far = new RedisConnection({ url: server.url, commandTimeoutMs: 300 });
    const a = node(l2(60_000, far));
    const b = node(l2(60_000, own));
    const id = await stored(a);
    const seen = async () => [...(await statesOf(b)), (await b.wallet.coupon(id))!.state];
    expect(await seen()).toEqual(['usable', 'usable']);
    await a.cache.announce('1', [id]);
    shop.setState(id, 'used');
    // It dies here, and nobody knows.
    expect(await seen()).toEqual(['usable', 'usable']);
    const rest = { templateId: 1, activityId: null, sequence: 3, atMs: 1, redemptionId: 1, detail: null };
    const events = [{ subject: 'coupon', kind: 'used', userId: '1', couponId: id, ...rest } as const];
    await expect(a.cache.retell(events)).rejects.toThrow('not reachable');
    await b.cache.retell(events);
    expect(await seen()).toEqual(['used', 'used']);
  });

  test('does not answer, a change waits a moment for being announced', async () => {
    const a = node(l2(60_000, own));
    await server.call('CLIENT', 'PAUSE', 4_000);
    const sinceMs = performance.now();
    await a.cache.announce('1', []);
    expect(performance.now() - sinceMs).toBeLessThan(3_000);
  });

  test('was restarted, nothing it kept from before counts: it may have forgotten a change', async () => {
    const a = node(l2(60_000, own));
    const id = await stored(a);
    await statesOf(a);
    await until(async () => (await server.call('HLEN', `doorbuster:${installation}:wallet:1`)) === 2, 'kept');
    const copy = `${server.dir}-copy`;
    await server.kill();
    server.copyData(copy);
    await server.restart();
    await own.connect();
    shop.setState(id, 'used');
    await a.cache.changed('1', [id]);
    await server.kill();
    server.restoreData(copy);
    await server.restart();
    await own.connect();
    expect(await server.call('HLEN', `doorbuster:${installation}:wallet:1`)).toBe(2);
    await new Promise((resolve) => setTimeout(resolve, 1_000));
    const b = node(l2(60_000, own));
    expect(await statesOf(b)).toEqual(['used']);
    expect([b.cache.l2Failures, b.cache.loads]).toEqual([0, 1]);
  });
});
