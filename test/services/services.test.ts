import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { Cluster, Redis } from 'ioredis';
import mysql from 'mysql2/promise';
import { afterEach, expect, test } from 'vitest';
import { until } from '../support/wait.ts';
import { newDatabase, startMysql } from './mysql.ts';
import { startRedis, startRedisCluster } from './redis.ts';

const cleanups: (() => unknown)[] = [];
afterEach(async () => {
  for (const cleanup of cleanups.splice(0).reverse()) await cleanup();
});

function later<T extends { stop(): Promise<void> }>(server: T): T {
  cleanups.push(() => server.stop());
  return server;
}

const CONNECT = { connectTimeout: 2_000 };

async function select(url: string, sql: string): Promise<unknown> {
  const connection = await mysql.createConnection({ uri: url, ...CONNECT });
  try {
    return (await connection.query(sql))[0];
  } finally {
    connection.destroy();
  }
}

test('the shared Redis answers', async () => {
  const client = new Redis(process.env.TEST_REDIS_URL!);
  cleanups.push(() => client.disconnect());
  expect(await client.ping()).toBe('PONG');
});

test('a new database is empty, its own, and gone after drop', async () => {
  const [one, other] = await Promise.all([newDatabase(), newDatabase()]);
  expect(one.url).not.toBe(other.url);
  await select(one.url, 'CREATE TABLE t (id INT)');
  expect(await select(other.url, 'SHOW TABLES')).toEqual([]);
  expect(await select(one.url, 'SELECT @@local_infile AS yes')).toEqual([{ yes: 1 }]);
  await Promise.all([one.drop(), other.drop()]);
  await expect(select(one.url, 'SELECT 1')).rejects.toThrow(/Unknown database/);
});

test('a killed Redis refuses; it comes back empty, or with what its append-only file holds', async () => {
  const plain = later(await startRedis());
  const durable = later(await startRedis({ appendonly: true, appendfsync: 'always' }));
  for (const server of [plain, durable]) {
    await server.call('SET', 'k', 'v');
    const before = server.pid;
    await server.kill();
    expect(server.isAlive).toBe(false);
    await expect(server.call('PING')).rejects.toThrow();
    await server.restart();
    expect(server.pid).not.toBe(before);
  }
  expect(await plain.call('GET', 'k')).toBe(null);
  expect(await durable.call('GET', 'k')).toBe('v');
  await durable.restart();
  expect(await durable.call('GET', 'k')).toBe('v');
  await durable.restart({ wipe: true });
  expect(await durable.call('GET', 'k')).toBe(null);
});

test('a frozen Redis keeps connections waiting and answers them once thawed', async () => {
  const server = later(await startRedis());
  const client = new Redis(server.url);
  cleanups.push(() => client.disconnect());
  await client.ping();
  await server.freeze();
  let answered = false;
  const late = client.incr('n').then((n) => {
    answered = true;
    return n;
  });
  const impatient = client.duplicate({ commandTimeout: 100, retryStrategy: null });
  cleanups.push(() => impatient.disconnect());
  impatient.on('error', () => {});
  await expect(impatient.ping()).rejects.toThrow(/timed out/);
  expect(answered).toBe(false);
  await server.thaw();
  expect(await late).toBe(1);
  await server.freeze();
  await server.kill();
});

test('an append-only Redis is rolled back to a copy, or loses its last bytes', async () => {
  const server = later(await startRedis({ appendonly: true }));
  const copy = fs.mkdtempSync(path.join(os.tmpdir(), 'doorbuster-copy-'));
  cleanups.push(() => fs.rmSync(copy, { recursive: true }));

  await server.call('SET', 'k', 1);
  server.copyData(copy);
  await server.call('SET', 'k', 2);
  const size = server.aofBytes();
  await server.call('SET', 'k', 3);
  await server.kill();
  server.truncateAof(server.aofBytes() - size);
  await server.restart();
  expect(await server.call('GET', 'k')).toBe('2');
  await server.kill();
  server.restoreData(copy);
  await server.restart();
  expect(await server.call('GET', 'k')).toBe('1');
});

test('a directory that is given outlives its server', async () => {
  const dir = fs.mkdtempSync(path.join(os.tmpdir(), 'doorbuster-kept-'));
  cleanups.push(() => fs.rmSync(dir, { recursive: true }));
  const first = await startRedis({ dir, appendonly: true });
  await first.call('SET', 'k', 'v');
  await first.stop();
  const second = later(await startRedis({ dir, appendonly: true, port: first.port }));
  expect(second.url).toBe(first.url);
  expect(await second.call('GET', 'k')).toBe('v');
  await expect(startRedis({ port: second.port })).rejects.toThrow(/in use/);
});

test('a Redis Cluster of six forms, serves every slot and replaces a master that was killed', async () => {
  const cluster = later(await startRedisCluster());
  expect(cluster.nodes).toHaveLength(6);
  const client = new Cluster(cluster.nodes.map(({ url }) => url));
  cleanups.push(() => client.disconnect());
  await Promise.all(Array.from({ length: 50 }, (_, n) => client.set(`key ${n}`, n)));
  expect(await client.get('key 49')).toBe('49');

  await cluster.nodes[0]!.kill();
  await until(
    async () => String(await cluster.nodes[3]!.call('INFO')).includes('role:master'),
    'the replica took over',
    40_000,
  );
});

test('MariaDB keeps what was committed when killed, hangs when frozen, and can be wiped', async () => {
  const server = later(await startMysql());
  await select(server.url, 'CREATE TABLE t (id INT)');
  await select(server.url, 'INSERT INTO t VALUES (7)');
  await server.kill();
  await expect(select(server.url, 'SELECT 1')).rejects.toThrow();
  await server.restart();
  expect(await select(server.url, 'SELECT id FROM t')).toEqual([{ id: 7 }]);

  const connection = await mysql.createConnection({ uri: server.url, ...CONNECT });
  cleanups.push(() => connection.destroy());
  await server.freeze();
  await expect(connection.query({ sql: 'SELECT 1', timeout: 100 })).rejects.toThrow(/timeout/);
  await server.thaw();
  expect(await select(server.url, 'SELECT id FROM t')).toEqual([{ id: 7 }]);

  await server.restart({ wipe: true });
  expect(await select(server.url, 'SHOW TABLES')).toEqual([]);
});
