/**
 * Two nodes while Redis, MariaDB or one of them fails under load: whatever cannot be promised is told `unavailable`,
 * nothing that was acknowledged is lost or sold twice, and in the end all of the stock is sold and in the database.
 */
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { afterEach, describe, expect, test } from 'vitest';
import { newDatabase, startMysql } from '../services/mysql.ts';
import { type RedisServer, startRedis, startRedisCluster } from '../services/redis.ts';
import { Market } from '../support/market.ts';
import { clusterEnv, type Node } from '../support/nodes.ts';
import { checkNodes, checkWallets, sellOut } from '../support/nodes-check.ts';
import { until } from '../support/wait.ts';

const LONG = process.env.LONG !== undefined;
const ROUNDS = LONG ? 6 : 1;
/** Longer than every timeout there is for the server. */
const REDIS_FROZEN_MS = 10_000;
const MYSQL_FROZEN_MS = 12_000;
/** A seat ends after ten seconds, and somebody has to look. */
const BACK_MS = 20_000;
/** From the moment Redis is back until the shards are open again. */
const REBUILT_MS = 40_000;

const cleanups: (() => unknown)[] = [];
afterEach(async () => {
  for (const cleanup of cleanups.splice(0).reverse()) await cleanup();
});

async function ownRedis(options: Parameters<typeof startRedis>[0] = {}): Promise<RedisServer> {
  const redis = await startRedis(options);
  cleanups.push(() => redis.stop());
  return redis;
}

async function ownMysql() {
  const mysql = await startMysql();
  cleanups.push(() => mysql.stop());
  return mysql;
}

async function someDatabase(): Promise<string> {
  const database = await newDatabase();
  cleanups.push(() => database.drop());
  return database.url;
}

async function openMarket(redisUrl: string, mysqlUrl: string, stock?: number): Promise<Market> {
  const env = { ...clusterEnv({ redisUrl, mysqlUrl }), OWNER_THREADS: '2' };
  const market = await Market.open({ nodes: 2, env, mysqlUrl, ...(stock === undefined ? {} : { stock }) });
  cleanups.push(() => market.destroy());
  return market;
}

async function allSell(market: Market, more: number, patienceMs = REBUILT_MS): Promise<void> {
  for (const at of market.nodes.keys()) await market.winsAt(at, more, patienceMs);
}

function isReady({ server }: Node): Promise<boolean> {
  return server.internal('/readyz').then(({ status }) => status === 200);
}

describe('Redis killed under load: the shards are rebuilt from records and logs', () => {
  const kinds = ['with its data', 'without its data', 'with its last second missing'];
  if (LONG) kinds.push('with an older copy');

  test.each(kinds)('and restarted %s', { timeout: 180_000 }, async (kind) => {
    const redis = await ownRedis({ appendonly: kind !== 'without its data' });
    const market = await openMarket(redis.url, await someDatabase());
    const copy = fs.mkdtempSync(path.join(os.tmpdir(), 'doorbuster-e2e-copy-'));
    cleanups.push(() => fs.rmSync(copy, { recursive: true, force: true }));
    for (let round = 0; round < ROUNDS; round++) {
      await allSell(market, 150);
      const bytes = kind === 'with its last second missing' ? redis.aofBytes() : 0;
      if (kind === 'with an older copy') redis.copyData(copy);
      await allSell(market, 100);
      const lost = bytes === 0 ? 0 : redis.aofBytes() - bytes;
      await redis.kill();
      const refused = market.book.count('unavailable');
      await until(() => market.book.count('unavailable') > refused + 50, 'claims are told unavailable');
      if (kind === 'with an older copy') redis.restoreData(copy);
      if (kind === 'with its last second missing') redis.truncateAof(lost);
      await redis.restart();
      const backMs = Date.now();
      await allSell(market, 100);
      console.log(`${kind}: both sell again ${Date.now() - backMs} ms after Redis is back`);
    }
    await market.close();
  });
});

test('Redis frozen for longer than every timeout: unavailable meanwhile, then as before', async () => {
  const redis = await ownRedis();
  const market = await openMarket(redis.url, await someDatabase());
  await allSell(market, 200);
  await redis.freeze();
  const refused = market.book.count('unavailable');
  await until(() => market.book.count('unavailable') > refused + 50, 'claims are told unavailable');
  await market.lasts(REDIS_FROZEN_MS);
  await redis.thaw();
  await allSell(market, 100);
  await market.close();
});

test('a node told to stop while Redis stands still ends in time', async () => {
  const redis = await ownRedis();
  const mysqlUrl = await someDatabase();
  const env = { ...clusterEnv({ redisUrl: redis.url, mysqlUrl }), OWNER_THREADS: '2', DRAIN_TIMEOUT: '5s' };
  const market = await Market.open({ nodes: 1, env, mysqlUrl });
  cleanups.push(() => market.destroy());
  await market.wins(100);
  await redis.freeze();
  const refused = market.book.count('unavailable');
  await until(() => market.book.count('unavailable') > refused + 20, 'claims are told unavailable');
  const stoppedMs = Date.now();
  expect(await market.node.server.stop()).toBe(0);
  expect(Date.now() - stoppedMs).toBeLessThan(25_000);
  await redis.thaw();
  await market.node.start();
  await market.close();
});

describe('MariaDB', () => {
  test('killed and back: claims go on at both, /readyz tells, it drains', async () => {
    const mysql = await ownMysql();
    const market = await openMarket((await ownRedis()).url, mysql.url);
    for (let round = 0; round < ROUNDS; round++) {
      await allSell(market, 150);
      await mysql.kill();
      const refused = market.book.count('unavailable');
      await allSell(market, 200);
      for (const node of market.nodes)
        await until(async () => 'records' in (await node.checks()), '/readyz tells', 30_000);
      await allSell(market, 100);
      expect(await Promise.all(market.nodes.map(isReady))).toEqual([true, true]);
      expect(market.book.count('unavailable') - refused).toBeLessThan(20);
      await mysql.start();
      for (const node of market.nodes) await node.healthy();
    }
    await market.close();
  });

  test('frozen for longer than every timeout', { timeout: 90_000 }, async () => {
    const mysql = await ownMysql();
    const market = await openMarket((await ownRedis()).url, mysql.url);
    await allSell(market, 150);
    await mysql.freeze();
    await market.lasts(MYSQL_FROZEN_MS);
    await allSell(market, 50);
    await mysql.thaw();
    await market.close();
  });
});

describe('a node', () => {
  test('frozen past its seat and waking up: refused, then it serves again', {
    timeout: 120_000,
  }, async () => {
    const market = await openMarket((await ownRedis()).url, await someDatabase(), LONG ? 60_000 : 4000);
    const { nodes, book, crowd, sales } = market;
    const [frozen, other] = nodes;
    for (let round = 0; round < ROUNDS; round++) {
      await allSell(market, 100);
      frozen.server.freeze();
      const frozenMs = Date.now();
      // All that is left, its units included, is sold without it: when it wakes, everything it holds is somebody's.
      if (round === ROUNDS - 1) {
        const raced = market.wins(1).catch(() => {});
        await sellOut([other], book, sales);
        expect(Date.now() - frozenMs).toBeLessThan(BACK_MS + 15_000);
        await raced;
      } else await market.lasts(15_000);
      const wonBefore = crowd.won[0];
      const left = frozen.said('a shard is left').length;
      frozen.server.thaw();
      await until(() => frozen.said('a shard is left').length > left, 'it learns that its seats are gone');
      await frozen.ready();
      if (round === ROUNDS - 1) expect(crowd.won[0] - wonBefore).toBeLessThanOrEqual(4);
    }
    await crowd.stop();
    expect(book.faults).toEqual([]);
    await checkWallets(nodes, book, market.random);
    for (const sale of sales)
      await frozen.server.must(200, 'PUT', `/v1/templates/${sale.templateId}/stock`, {
        total: LONG ? 70_000 : 6000,
      });
    await checkNodes(nodes, market.mysqlUrl, book, sales, market.random);
  });

  test('silent when Redis loses its data keeps shards closed until it is back', {
    timeout: 120_000,
  }, async () => {
    const redis = await ownRedis();
    const market = await openMarket(redis.url, await someDatabase());
    const [silent, other] = market.nodes;
    await allSell(market, 150);
    // Its last claims are nowhere but in its log and in the Redis that goes with it.
    await Promise.all([silent.server.kill(), redis.kill()]);
    await redis.restart();
    await until(
      async () => JSON.stringify(await other.checks()).includes('waiting for the logs of'),
      'the other one says whom it waits for',
      30_000,
    );
    expect(await isReady(other)).toBe(false);
    const won = market.book.count('claimed');
    const refused = market.book.count('unavailable');
    await until(() => market.book.count('unavailable') > refused + 100, 'claims are told unavailable');
    expect(market.book.count('claimed')).toBe(won);
    await silent.start();
    await allSell(market, 50);
    await market.close();
  });
});

describe('a Redis Cluster', () => {
  test('with two nodes, and one master killed: its replica takes over', { timeout: 180_000 }, async () => {
    const redis = await startRedisCluster();
    cleanups.push(() => redis.stop());
    const market = await openMarket(redis.url, await someDatabase());
    await allSell(market, 200);
    // The one that has the hot template: its shard is its id.
    const { templateId } = market.sales[0];
    const keys = await Promise.all(
      redis.nodes.slice(0, 3).map((node) => node.call('KEYS', `*:${templateId}}:meta`)),
    );
    const master = redis.nodes[keys.findIndex((found) => (found as unknown[]).length > 0)];
    await master.kill();
    const killedMs = Date.now();
    const refused = market.book.count('unavailable');
    await until(() => market.book.count('unavailable') > refused + 20, 'claims are told unavailable');
    for (const node of market.nodes)
      await until(async () => !(await isReady(node)), 'it notices that shards are lost', 30_000);
    for (const node of market.nodes) await node.ready(60_000);
    await allSell(market, 200);
    console.log(`both sell ${Date.now() - killedMs} ms after a master was killed`);
    await market.close();
  });
});
