/** Into the model and out of it: what an incarnation is opened with, and what its pools look like. */
import type { HeldCoupon, PoolPlan, PoolState } from '../../../src/ports-ledger.ts';
import { ascending, newPool, noData, poolKey, rangesOf, type ShardData, serialsOf } from './shard-data.ts';

export function loaded(
  incarnation: number,
  sealed: number,
  server: number,
  pools: readonly PoolPlan[],
  held: readonly HeldCoupon[],
): ShardData {
  const data = { ...noData(), incarnation, sealed, server, version: 1 };
  for (const { ref, units, closed, free, leased } of pools) {
    const pool = newPool(ref);
    pool.units = units;
    pool.closed = closed;
    pool.free = serialsOf(free);
    for (const { nodeId, ranges } of leased) pool.leases.set(nodeId, new Set(serialsOf(ranges)));
    data.pools.set(poolKey(ref), pool);
  }
  for (const { templateId, userLo, userHi, serial, activityId, keyLo, keyHi } of held) {
    const users = data.users.get(templateId) ?? new Map();
    data.users.set(templateId, users);
    const user = `${userLo}/${userHi}`;
    users.set(user, [...(users.get(user) ?? []), { serial, activityId, keyLo, keyHi }]);
  }
  return data;
}

export function poolStates(data: ShardData): PoolState[] {
  return [...data.pools.values()]
    .map(({ ref, units, free, leases }) => ({
      ref,
      units,
      free: rangesOf(free),
      leases: [...leases]
        .sort(([a], [b]) => (a < b ? -1 : 1))
        .map(([nodeId, lease]) => ({ nodeId, ranges: rangesOf(ascending(lease)) })),
    }))
    .sort((a, b) => a.ref.templateId - b.ref.templateId || a.ref.activityId - b.ref.activityId);
}
