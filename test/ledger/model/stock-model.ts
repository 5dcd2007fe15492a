/** How units move between pools and nodes. */
import { SLICE_UNITS_MAX, SLICE_UNITS_MIN } from '../../../src/limits.ts';
import type { PoolRef, SerialRange } from '../../../src/ports.ts';
import type {
  Done,
  MoveOutcome,
  Refused,
  ShardNotice,
  ShardSeat,
  SupplyOutcome,
} from '../../../src/ports-ledger.ts';
import {
  type Answer,
  ascending,
  leasedUnits,
  newPool,
  type Pool,
  poolKey,
  rangesOf,
  type ShardData,
  serialsOf,
  takeFree,
} from './shard-data.ts';

export interface Context {
  readonly data: ShardData;
  readonly notices: ShardNotice[];
  readonly shard: number;
}

const RANGES_MAX = 512;

function tellThirsty({ notices, shard }: Context, pool: Pool): void {
  if (!pool.thirsty) return;
  pool.thirsty = false;
  notices.push({ kind: 'stock', shard, ref: pool.ref });
}

function askBack({ notices, shard }: Context, pool: Pool, all: boolean): void {
  notices.push({ kind: 'recall', shard, ref: pool.ref, all });
}

function tellMoved({ notices, shard }: Context, pool: Pool): void {
  notices.push({ kind: 'moved', shard, ref: pool.ref });
}

function poolOf({ data }: Context, ref: PoolRef): Pool {
  const pool = data.pools.get(poolKey(ref)) ?? newPool(ref);
  data.pools.set(poolKey(ref), pool);
  return pool;
}

function putBack(context: Context, pool: Pool, serials: readonly number[]): void {
  if (serials.length === 0) return;
  if (!pool.closed || pool.ref.activityId === 0) {
    pool.free.unshift(...serials);
    return;
  }
  pool.units -= serials.length;
  const general = poolOf(context, { templateId: pool.ref.templateId, activityId: 0 });
  general.free.unshift(...serials);
  tellThirsty(context, general);
}

export function endSeat(context: Context, nodeId: string): void {
  const { pools, seats, owners } = context.data;
  const epoch = seats.get(nodeId)?.epoch;
  for (const key of [...pools.keys()].sort()) {
    const pool = pools.get(key) as Pool;
    const lease = pool.leases.get(nodeId);
    pool.leases.delete(nodeId);
    pool.answers.delete(nodeId);
    if (lease === undefined) continue;
    putBack(context, pool, ascending(lease));
    tellThirsty(context, pool);
  }
  for (const key of [...owners.keys()]) if (key.startsWith(`${epoch}/`)) owners.delete(key);
  seats.delete(nodeId);
}

/** What is due without doing anything: the last answer again, or late; null when the call is a new one. */
function answered(
  context: Context,
  pool: Pool,
  seat: ShardSeat,
  sequence: number,
): Answer['outcome'] | 'late' | null {
  const last = pool.answers.get(seat.nodeId);
  if (last === undefined || last.epoch !== seat.epoch || sequence > last.sequence) return null;
  if (sequence < last.sequence) return 'late';
  const { outcome } = last;
  return outcome.kind === 'done' ? outcome : { ...outcome, version: context.data.version };
}

/** Takes units out of the lease; null, and nothing is changed, when not all are in it. → how many. */
function report(
  context: Context,
  pool: Pool,
  nodeId: string,
  sold: readonly SerialRange[],
  unsold: readonly SerialRange[],
): number | null {
  const lease = pool.leases.get(nodeId) ?? new Set<number>();
  const [soldSerials, unsoldSerials] = [serialsOf(sold), ascending(serialsOf(unsold))];
  const gone = [...soldSerials, ...unsoldSerials];
  if (new Set(gone).size !== gone.length || gone.some((serial) => !lease.has(serial))) return null;
  for (const serial of gone) lease.delete(serial);
  if (lease.size === 0) pool.leases.delete(nodeId);
  if (soldSerials.length > 0) {
    const { reported } = context.data;
    const { templateId } = pool.ref;
    reported.set(templateId, new Set([...(reported.get(templateId) ?? []), ...soldSerials]));
  }
  putBack(context, pool, unsoldSerials);
  return gone.length;
}

function settle(context: Context, pool: Pool, moved: number): void {
  if (moved > 0 && (pool.free.length > 0 || leasedUnits(pool) === 0)) tellThirsty(context, pool);
}

export function lease(
  context: Context,
  seat: ShardSeat,
  ref: PoolRef,
  sequence: number,
  sold: readonly SerialRange[],
  unsold: readonly SerialRange[],
  want: number,
): SupplyOutcome {
  const { data } = context;
  const pool = data.pools.get(poolKey(ref));
  if (pool === undefined) return { kind: 'closed', version: data.version };
  const before = answered(context, pool, seat, sequence);
  if (before === 'late' || before?.kind === 'done') return { kind: 'late' };
  if (before !== null) return before;
  const moved = report(context, pool, seat.nodeId, sold, unsold);
  if (moved === null) return { kind: 'fenced' };

  const version = data.version + 1;
  let outcome: Exclude<Answer['outcome'], { kind: 'done' }> = { kind: 'closed', version };
  if (!pool.closed) {
    const free = pool.free.length;
    const guided = Math.ceil(free / (2 * data.seats.size));
    const slice = Math.max(SLICE_UNITS_MIN, Math.min(SLICE_UNITS_MAX, guided));
    const taken = takeFree(pool, Math.min(free, slice, want), RANGES_MAX);
    const mine = pool.leases.get(seat.nodeId) ?? new Set();
    if (taken.length > 0) {
      for (const serial of taken) mine.add(serial);
      pool.leases.set(seat.nodeId, mine);
      outcome = { kind: 'granted', version, ranges: rangesOf(taken) };
    } else if (leasedUnits(pool) > 0) outcome = { kind: 'recalling', version };
    else outcome = { kind: 'exhausted', version, head: data.claims.length };
  }
  settle(context, pool, moved);
  if (outcome.kind === 'recalling' || outcome.kind === 'exhausted') pool.thirsty = true;
  const own = pool.leases.get(seat.nodeId)?.size ?? 0;
  if (outcome.kind === 'recalling' && leasedUnits(pool) > own) askBack(context, pool, false);
  pool.answers.set(seat.nodeId, { epoch: seat.epoch, sequence, outcome });
  data.version = version;
  return outcome;
}

export function giveBack(
  context: Context,
  seat: ShardSeat,
  ref: PoolRef,
  sequence: number,
  sold: readonly SerialRange[],
  unsold: readonly SerialRange[],
): Done | { readonly kind: 'late' } | Refused {
  const { data } = context;
  const pool = data.pools.get(poolKey(ref));
  if (pool === undefined)
    return sold.length + unsold.length > 0 ? { kind: 'fenced' } : { kind: 'done', version: data.version };
  const before = answered(context, pool, seat, sequence);
  if (before !== null)
    return before !== 'late' && before.kind === 'done'
      ? { kind: 'done', version: data.version }
      : { kind: 'late' };
  const moved = report(context, pool, seat.nodeId, sold, unsold);
  if (moved === null) return { kind: 'fenced' };
  settle(context, pool, moved);
  pool.answers.set(seat.nodeId, { epoch: seat.epoch, sequence, outcome: { kind: 'done' } });
  return { kind: 'done', version: ++data.version };
}

export function raise(context: Context, templateId: number, total: number): Done {
  const { data } = context;
  const ref = { templateId, activityId: 0 };
  const isNew = !data.pools.has(poolKey(ref));
  const pool = poolOf(context, ref);
  if (!isNew && pool.units >= total) return { kind: 'done', version: data.version };
  if (total > pool.units) {
    pool.free.push(...serialsOf([{ from: pool.units, to: total }]));
    pool.units = total;
    tellThirsty(context, pool);
  }
  return { kind: 'done', version: ++data.version };
}

export function fund(context: Context, ref: PoolRef, units: number): MoveOutcome {
  const { data } = context;
  const pool = data.pools.get(poolKey(ref)) ?? newPool(ref);
  const isNew = !data.pools.has(poolKey(ref));
  const missing = units - pool.units;
  if (!isNew && missing === 0 && !pool.closed) return { kind: 'done', version: data.version };
  const general = data.pools.get(poolKey({ ...ref, activityId: 0 }));
  if (general === undefined)
    return { kind: 'short', version: data.version, unclaimed: 0, asked: Math.abs(missing) };
  const from = missing > 0 ? general : pool;
  if (from.free.length < Math.abs(missing)) {
    const unclaimed = from.free.length + leasedUnits(from);
    if (unclaimed >= Math.abs(missing)) askBack(context, from, true);
    else tellMoved(context, from);
    return { kind: 'short', version: data.version, unclaimed, asked: Math.abs(missing) };
  }
  if (missing > 0) pool.free.push(...takeFree(general, missing));
  if (missing < 0) {
    general.free.unshift(...takeFree(pool, -missing));
    tellThirsty(context, general);
  }
  pool.units = units;
  pool.closed = false;
  if (pool.free.length > 0) tellThirsty(context, pool);
  if (missing !== 0) tellMoved(context, from);
  data.pools.set(poolKey(ref), pool);
  return { kind: 'done', version: ++data.version };
}

export function closePool(context: Context, ref: PoolRef): Done {
  const { data } = context;
  const pool = data.pools.get(poolKey(ref));
  if (pool === undefined || pool.closed) return { kind: 'done', version: data.version };
  pool.closed = true;
  if (ref.activityId !== 0) putBack(context, pool, takeFree(pool, pool.free.length));
  if (leasedUnits(pool) > 0) askBack(context, pool, true);
  tellThirsty(context, pool);
  return { kind: 'done', version: ++data.version };
}
