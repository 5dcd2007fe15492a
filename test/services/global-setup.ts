/**
 * The Redis and the MariaDB that all tests share, started before the first of them. TEST_REDIS_URL and TEST_MYSQL_URL
 * name them; when set already, those servers are used and none of ours is started.
 */
import { execFileSync } from 'node:child_process';
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { Caretaker } from './caretaker.ts';
import { initializeMysql, startMysql } from './mysql.ts';
import { startRedis } from './redis.ts';

type End = () => Promise<void>;

async function shareRedis(): Promise<End> {
  const server = await startRedis();
  process.env.TEST_REDIS_URL = server.url;
  return () => server.stop();
}

async function shareMysql(): Promise<End> {
  const home = fs.mkdtempSync(path.join(os.tmpdir(), 'doorbuster-service-'));
  const caretaker = new Caretaker(home);
  const template = path.join(home, 'template');
  await initializeMysql(template);
  process.env.TEST_MYSQL_TEMPLATE = template;
  const server = await startMysql();
  process.env.TEST_MYSQL_URL = server.url;
  return async () => {
    await server.stop();
    await caretaker.dismiss();
  };
}

export default async function setup(): Promise<End> {
  const ours = [];
  if (process.env.TEST_REDIS_URL === undefined) ours.push(shareRedis);
  if (process.env.TEST_MYSQL_URL === undefined) ours.push(shareMysql);
  // Its words on stderr say what to install.
  if (ours.length > 0)
    execFileSync(fileURLToPath(new URL('install.sh', import.meta.url)), { stdio: ['ignore', 2, 2] });

  const started = await Promise.allSettled(ours.map((share) => share()));
  const ends = started.flatMap((one) => (one.status === 'fulfilled' ? [one.value] : []));
  const end = async () => {
    await Promise.all(ends.map((one) => one()));
  };
  const failed = started.find((one) => one.status === 'rejected');
  if (failed === undefined) return end;
  await end();
  throw failed.reason;
}
