import { Redis } from 'ioredis';
import mysql from 'mysql2/promise';
import { expect, test } from 'vitest';
import { newDatabase } from './mysql.ts';

test('the shared Redis answers', async () => {
  const client = new Redis(process.env.TEST_REDIS_URL!);
  expect(await client.ping()).toBe('PONG');
  client.disconnect();
});

test('a new database is empty, its own, and gone after drop', async () => {
  const [one, other] = await Promise.all([newDatabase(), newDatabase()]);
  expect(one.url).not.toBe(other.url);
  const connection = await mysql.createConnection(one.url);
  await connection.query('CREATE TABLE t (id INT)');
  await connection.end();
  const second = await mysql.createConnection(other.url);
  expect((await second.query('SHOW TABLES'))[0]).toEqual([]);
  await second.end();
  await Promise.all([one.drop(), other.drop()]);
  await expect(mysql.createConnection(one.url)).rejects.toThrow(/Unknown database/);
});
