/**
 * The profile `single` while Redis or MariaDB fail under load. Claims go on from what is in hand, nothing that was
 * acknowledged is lost or sold twice, and in the end all of the stock is sold and all of it is in the database.
 */
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { afterEach, describe, expect, test } from 'vitest';
import { newDatabase, startMysql } from '../services/mysql.ts';
import { type RedisServer, startRedis } from '../services/redis.ts';
import { checkPromises } from '../support/check.ts';
import { Connection } from '../support/connection.ts';
import { claim } from '../support/crowd.ts';
import { Market } from '../support/market.ts';
import { singleEnv } from '../support/nodes.ts';
import { Rival } from '../support/rival.ts';
import { until } from '../support/wait.ts';

const LONG = process.env.LONG !== undefined;
const ROUNDS = LONG ? 8 : 1;
const LAG = 'doorbuster_flush_lag_claims';
/** Longer than every timeout there is for the server. */
const REDIS_FROZEN_MS = 10_000;
const MYSQL_FROZEN_MS = 12_000;
/** Claims that waited too long for units on a busy machine; each of thousands would be told so if it were the fault's. */
const FEW = 20;

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

async function openMarket(redisUrl: string, mysqlUrl: string): Promise<Market> {
  const env = { ...singleEnv({ redisUrl, mysqlUrl }), OWNER_THREADS: '2' };
  const market = await Market.open({ env, mysqlUrl });
  cleanups.push(() => market.destroy());
  return market;
}

describe('Redis killed under load: what is in hand is sold meanwhile, then everything', () => {
  const kinds = ['with its data', 'without its data', 'with its last second missing'];
  if (LONG) kinds.push('with an older copy');

  test.each(kinds)('and restarted %s', async (kind) => {
    const redis = await ownRedis({ appendonly: kind !== 'without its data' });
    const market = await openMarket(redis.url, await someDatabase());
    const copy = fs.mkdtempSync(path.join(os.tmpdir(), 'doorbuster-e2e-copy-'));
    cleanups.push(() => fs.rmSync(copy, { recursive: true, force: true }));
    for (let round = 0; round < ROUNDS; round++) {
      await market.wins(300);
      const isOlder = kind === 'with an older copy' || kind === 'with its last second missing';
      const bytes = isOlder ? redis.aofBytes() : 0;
      if (kind === 'with an older copy') redis.copyData(copy);
      if (isOlder) await until(() => redis.aofBytes() > bytes, 'Redis writes something');
      await market.wins(100);
      const lost = isOlder ? redis.aofBytes() - bytes : 0;
      await redis.kill();
      await market.wins(300);
      if (kind === 'with an older copy') redis.restoreData(copy);
      if (kind === 'with its last second missing') redis.truncateAof(lost);
      await redis.restart();
      await market.node.healthy();
    }
    expect(market.crowd.unanswered).toBeLessThanOrEqual(8);
    await market.close();
  });
});

test('Redis frozen for longer than every timeout: claims go on from what is in hand', async () => {
  const redis = await ownRedis();
  const market = await openMarket(redis.url, await someDatabase());
  await market.wins(300);
  await redis.freeze();
  await market.wins(300);
  await market.lasts(REDIS_FROZEN_MS);
  await redis.thaw();
  await market.close();
});

test('Redis away at the start: repeats are answered, new claims once it is back', async () => {
  const redis = await ownRedis();
  const market = await openMarket(redis.url, await someDatabase());
  const { node, book } = market;
  await market.wins(300);
  expect(await node.server.stop()).toBe(0);
  await redis.kill();
  await node.start();
  expect(await node.checks()).toHaveProperty('ledger');
  const refused = book.count('unavailable');
  await until(() => book.count('unavailable') > refused + 50, 'claims are told unavailable');
  const connection = await Connection.open(node.port!);
  for (const { sale, userId } of [...book.coupons.values()].slice(0, 50)) {
    if (sale.perUserLimit > 1) continue;
    expect((await claim(connection, book, { sale, userId, key: null })).status).toBe(200);
  }
  connection.close();
  await redis.start();
  await market.close();
});

describe('MariaDB', () => {
  test('killed and back: claims go on, the lag grows, /readyz tells, it drains', async () => {
    const mysql = await ownMysql();
    const market = await openMarket((await ownRedis()).url, mysql.url);
    const { node, book } = market;
    for (let round = 0; round < ROUNDS; round++) {
      await market.wins(300);
      await mysql.kill();
      await market.wins(300);
      await until(async () => 'records' in (await node.checks()), '/readyz tells', 30_000);
      expect((await node.server.internal('/readyz')).status).toBe(200);
      const lag = await node.server.metric(LAG);
      await market.wins(200);
      expect(await node.server.metric(LAG)).toBeGreaterThan(lag);
      await mysql.start();
      await node.healthy();
      await until(async () => (await node.server.metric(LAG)) < 200, 'it drains', 30_000);
    }
    expect(book.count('unavailable')).toBeLessThan(FEW);
    await market.close();
  });

  test('frozen for longer than every timeout', async () => {
    const mysql = await ownMysql();
    const market = await openMarket((await ownRedis()).url, mysql.url);
    await market.wins(300);
    await mysql.freeze();
    await market.lasts(MYSQL_FROZEN_MS);
    expect(await market.node.checks()).toHaveProperty('records');
    await market.wins(100);
    await mysql.thaw();
    expect(market.book.count('unavailable')).toBeLessThan(FEW);
    await market.close();
  });

  test('away, and the node killed meanwhile: what was acknowledged is in the log', async () => {
    const mysql = await ownMysql();
    const market = await openMarket((await ownRedis()).url, mysql.url);
    const { node } = market;
    await market.wins(300);
    await mysql.kill();
    await market.wins(300);
    await node.server.kill();
    const during = await node.refused();
    expect(during.code).toBe(1);
    await mysql.start();
    await node.start();
    await checkPromises(node.server, market.book, []);
    await market.close();
  });
});

describe('a rival at the database', () => {
  test('locks in the opposite order: the flusher is the victim of deadlocks and begins again', async () => {
    const market = await openMarket((await ownRedis()).url, await someDatabase());
    const rival = await Rival.connect(market.mysqlUrl);
    cleanups.push(() => rival.close());
    for (let round = 0; round < 2 * ROUNDS; round++) {
      await market.wins(50);
      await rival.beginHeavy();
      await rival.lockBlocks();
      await rival.flusherWaits();
      const startMs = Date.now();
      await rival.lockCoupons();
      // Sooner than the flusher's patience: it was not that which ended.
      expect(Date.now() - startMs).toBeLessThan(2000);
      await rival.rollBack();
    }
    expect(market.book.count('unavailable')).toBeLessThan(FEW);
    await market.close();
  });

  test('a flusher’s connection is killed between its rows and its watermark', async () => {
    const market = await openMarket((await ownRedis()).url, await someDatabase());
    const rival = await Rival.connect(market.mysqlUrl);
    cleanups.push(() => rival.close());
    for (let round = 0; round < 3 * ROUNDS; round++) {
      await market.wins(50);
      await rival.beginHeavy();
      await rival.lockBlocks();
      await rival.killConnection(await rival.flusherWaits());
      await rival.rollBack();
    }
    expect(market.book.count('unavailable')).toBeLessThan(FEW);
    await market.close();
  });

  test('a node is killed between its rows and its watermark', async () => {
    const market = await openMarket((await ownRedis()).url, await someDatabase());
    const rival = await Rival.connect(market.mysqlUrl);
    cleanups.push(() => rival.close());
    for (let round = 0; round < ROUNDS; round++) {
      await market.wins(100);
      await rival.beginHeavy();
      await rival.lockBlocks();
      await rival.flusherWaits();
      await market.node.server.kill();
      await rival.rollBack();
      await market.node.start();
    }
    await market.close();
  });
});
