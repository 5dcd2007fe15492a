/**
 * Redis and MariaDB for the peers: private ones in temporary directories, or those of BENCH_REDIS_URL and
 * BENCH_MYSQL_URL, which must run on this machine, since their CPU time is part of every figure.
 */
import { readFileSync } from 'node:fs';
import path from 'node:path';
import { Redis } from 'ioredis';
import { createConnection, type RowDataPacket } from 'mysql2/promise';
import { startMariadb } from './mariadb.ts';
import { startRedis } from './redis-server.ts';
import type { Service } from './service.ts';

export interface Servers {
  readonly redis: Service;
  readonly mysql: Service;
  stop(): Promise<void>;
}

export interface ServersOptions {
  /**
   * Whether Redis writes its append-only file (everysec) before it answers. With it an acknowledged claim survives
   * the death of Redis but not of the machine, as with LOG_SYNC=os; without it, Redis takes its claims along.
   */
  readonly appendOnly: boolean;
}

export async function startServers({ appendOnly }: ServersOptions): Promise<Servers> {
  const { BENCH_REDIS_URL, BENCH_MYSQL_URL } = process.env;
  const redis =
    BENCH_REDIS_URL === undefined ? await startRedis(appendOnly) : await foundRedis(BENCH_REDIS_URL);
  try {
    const mysql = BENCH_MYSQL_URL === undefined ? await startMariadb() : await foundMysql(BENCH_MYSQL_URL);
    const stop = async () => {
      await redis.stop();
      await mysql.stop();
    };
    return { redis, mysql, stop };
  } catch (error) {
    await redis.stop();
    throw error;
  }
}

async function foundRedis(url: string): Promise<Service> {
  const client = new Redis(url);
  try {
    const pid = Number(/process_id:(\d+)/.exec(await client.info('server'))?.[1]);
    return { url, pid: onThisMachine(pid, 'BENCH_REDIS_URL'), stop: async () => {} };
  } finally {
    client.disconnect();
  }
}

async function foundMysql(url: string): Promise<Service> {
  const connection = await createConnection(url);
  try {
    const [rows] = await connection.query<RowDataPacket[]>('SELECT @@pid_file AS file, @@datadir AS folder');
    const pid = Number(readFileSync(path.resolve(rows[0]!.folder, rows[0]!.file), 'latin1'));
    return { url, pid: onThisMachine(pid, 'BENCH_MYSQL_URL'), stop: async () => {} };
  } finally {
    await connection.end();
  }
}

function onThisMachine(pid: number, variable: string): number {
  const name = readFileSync(`/proc/${pid}/comm`, 'latin1').trim();
  if (!/redis|valkey|mariadb|mysql/.test(name)) {
    throw new Error(
      `${variable}: process ${pid} of this machine is ${name}: its CPU time cannot be read here`,
    );
  }
  return pid;
}
