/**
 * Opens an incarnation: loads its data beside the one that is there, in chunks, then makes it the open one in one step.
 * Nobody sees it before. What is left of others goes afterwards.
 */
import { randomUUID } from 'node:crypto';
import {
  type HeldCoupon,
  type PoolPlan,
  SINGLE_INCARNATION_MIN,
  StaleIncarnation,
} from '../../ports-ledger.ts';
import { poolName, type ShardKeys } from './keys.ts';
import { joined, packRanges, sorted } from './packed-ranges.ts';
import type { Argument, RedisConnection } from './redis-connection.ts';
import { SCRIPTS } from './scripts.ts';

const USERS_AT_ONCE = 1_000;
const RANGES_AT_ONCE = 1_000;
const CALLS_UNDER_WAY_MAX = 8;
const KEYS_AT_ONCE = 1_000;

export async function openIncarnation(
  connection: RedisConnection,
  keys: ShardKeys,
  incarnation: number,
  pools: readonly PoolPlan[],
  held: AsyncIterable<readonly HeldCoupon[]>,
): Promise<void> {
  const token = randomUUID();
  // What an attempt under the same number left behind would be added to.
  await forget(connection, keys, (other) => other === incarnation);
  const server = await prepare(connection, keys, incarnation, token);

  const calls = new Calls();
  for (const pool of pools) await loadPool(connection, keys, incarnation, pool, calls);
  for await (const coupons of held)
    for (let at = 0; at < coupons.length; at += USERS_AT_ONCE)
      await loadUsers(connection, keys, incarnation, coupons.slice(at, at + USERS_AT_ONCE), calls);
  await calls.all();

  await connection.run(SCRIPTS.open, [keys.meta], [incarnation, 0, token, server]);
  // It is open: what cannot be cleared away now is by the next one, and nothing is wrong meanwhile but the room it takes.
  const isOver = (other: number): boolean => isSingle(other) !== isSingle(incarnation) || other < incarnation;
  await forget(connection, keys, isOver).catch((error: unknown) => {
    connection.trouble('an earlier incarnation could not be cleared away', error);
  });
}

function isSingle(incarnation: number): boolean {
  return incarnation >= SINGLE_INCARNATION_MIN;
}

/** → the server's id. */
async function prepare(
  connection: RedisConnection,
  keys: ShardKeys,
  incarnation: number,
  token: string,
): Promise<Buffer> {
  try {
    return (await connection.run(SCRIPTS.prepare, [keys.meta], [incarnation, 0, token])) as Buffer;
  } catch (error) {
    const stale =
      error instanceof Error ? /^STALE incarnation \d+ comes after (\d+)/.exec(error.message) : null;
    throw stale === null ? error : new StaleIncarnation(incarnation, Number(stale[1]));
  }
}

/** Calls under way: a few at a time, and the first failure stops the loading. */
class Calls {
  private readonly underWay: Promise<unknown>[] = [];

  async add(call: Promise<unknown>): Promise<void> {
    call.catch(() => {});
    this.underWay.push(call);
    if (this.underWay.length >= CALLS_UNDER_WAY_MAX) await this.underWay.shift();
  }

  async all(): Promise<void> {
    await Promise.all(this.underWay.splice(0));
  }
}

async function loadPool(
  connection: RedisConnection,
  keys: ShardKeys,
  incarnation: number,
  { ref, units, closed, free, leased }: PoolPlan,
  calls: Calls,
): Promise<void> {
  const name = poolName(ref);
  const redis = connection.commands;
  const freeRanges = joined(free);
  let leasedUnits = 0;
  for (const { nodeId, ranges } of leased) {
    leasedUnits += unitsOf(ranges);
    await calls.add(redis.hset(keys.of(incarnation, `p${name}:leases`), nodeId, packRanges(sorted(ranges))));
    await calls.add(redis.sadd(keys.of(incarnation, `holds:${nodeId}`), name));
  }
  for (let at = 0; at < freeRanges.length; at += RANGES_AT_ONCE) {
    const some = freeRanges.slice(at, at + RANGES_AT_ONCE).map((range) => packRanges([range]));
    await calls.add(redis.rpush(keys.of(incarnation, `p${name}:free`), ...some));
  }
  const fields = {
    units,
    free: unitsOf(freeRanges),
    leased: leasedUnits,
    closed: closed ? 1 : 0,
    thirsty: 0,
  };
  await calls.add(redis.hset(keys.of(incarnation, `p${name}:pool`), fields));
  await calls.add(redis.sadd(keys.of(incarnation, 'pools'), name));
}

function unitsOf(ranges: PoolPlan['free']): number {
  return ranges.reduce((units, { from, to }) => units + to - from, 0);
}

interface HoldingUser {
  readonly user: Buffer;
  readonly coupons: Buffer[];
}

/** A user's coupons are kept in the order they come in. */
async function loadUsers(
  connection: RedisConnection,
  keys: ShardKeys,
  incarnation: number,
  coupons: readonly HeldCoupon[],
  calls: Calls,
): Promise<void> {
  const byTemplate = new Map<number, Map<string, HoldingUser>>();
  for (const coupon of coupons) {
    const users = byTemplate.get(coupon.templateId) ?? new Map<string, HoldingUser>();
    byTemplate.set(coupon.templateId, users);
    const name = `${coupon.userLo}/${coupon.userHi}`;
    const user = users.get(name) ?? { user: words(coupon.userLo, coupon.userHi), coupons: [] };
    users.set(name, user);
    user.coupons.push(words(coupon.serial, coupon.activityId, coupon.keyLo, coupon.keyHi));
  }
  for (const [templateId, users] of byTemplate) {
    const args: Argument[] = [...users.values()].flatMap(({ user, coupons }) => [
      user,
      Buffer.concat(coupons),
    ]);
    await calls.add(connection.run(SCRIPTS.loadUsers, [keys.of(incarnation, `t${templateId}:users`)], args));
  }
}

function words(...values: readonly number[]): Buffer {
  return Buffer.from(Uint32Array.from(values).buffer);
}

/** Removes all keys of the incarnations that `which` names. */
async function forget(
  connection: RedisConnection,
  keys: ShardKeys,
  which: (incarnation: number) => boolean,
): Promise<void> {
  for (const master of connection.masters()) {
    let cursor = '0';
    do {
      const [next, found] = await master.scan(cursor, 'MATCH', keys.pattern, 'COUNT', KEYS_AT_ONCE);
      cursor = next;
      const gone = found.filter((key) => {
        const incarnation = keys.incarnationOf(key);
        return incarnation !== null && which(incarnation);
      });
      if (gone.length > 0) await master.unlink(...gone);
    } while (cursor !== '0');
  }
}
