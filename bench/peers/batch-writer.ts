/**
 * Moves claims from the Redis list into the database. A batch is read, stored and only then cut off the list, so a
 * writer that dies in between stores it once more, which the INSERT forgives: at least once, and no row twice. That
 * needs a single writer, and costs Redis two commands a batch, where a stream would cost it more at every claim.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import type { Redis } from 'ioredis';
import type { Connection } from 'mysql2/promise';
import { insertCoupons } from './coupon-table.ts';

/** Where a row gets no cheaper by more; a statement stays well below max_allowed_packet (16 MiB). */
const BATCH_RECORDS_MAX = 4000;
/** Waiting lets a batch fill: one commit and its sync for many rows. */
const IDLE_MS = 50;
const RETRY_MS = 200;
const TRIES_MAX = 5;
/** Deadlock and lock wait timeout: the statement was rolled back and may be sent again. */
const PASSING_ERRORS = new Set([1213, 1205]);

export async function writeBatches(
  redis: Redis,
  mysql: Connection,
  queue: string,
  stopping: AbortSignal,
): Promise<void> {
  while (!stopping.aborted) {
    const records = await redis.lrange(queue, 0, BATCH_RECORDS_MAX - 1);
    if (records.length > 0) {
      await insert(mysql, insertCoupons(records));
      await redis.ltrim(queue, records.length, -1);
    }
    if (records.length < BATCH_RECORDS_MAX) await sleep(IDLE_MS);
  }
}

async function insert(mysql: Connection, sql: string): Promise<void> {
  for (let tried = 1; ; tried++) {
    try {
      await mysql.query(sql);
      return;
    } catch (error) {
      if (!PASSING_ERRORS.has((error as { errno?: number }).errno ?? 0) || tried === TRIES_MAX) throw error;
      await sleep(RETRY_MS);
    }
  }
}
