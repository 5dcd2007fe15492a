/** Invariant 1: every unit of a template is free in one pool, in one lease, or claimed; and the pools' figures agree. */
import assert from 'node:assert/strict';
import { ascending, leasedUnits, poolKey, type ShardData } from './shard-data.ts';

export function assertUnits(data: ShardData): void {
  const templates = new Set([...data.pools.values()].map(({ ref }) => ref.templateId));
  for (const templateId of templates) {
    const general = data.pools.get(poolKey({ templateId, activityId: 0 }));
    const pools = [...data.pools.values()].filter(({ ref }) => ref.templateId === templateId);
    const claims = [...(data.users.get(templateId)?.values() ?? [])].flat();
    const seen = [
      ...pools.flatMap(({ free }) => free),
      ...pools.flatMap(({ leases }) => [...leases.values()].flatMap((lease) => [...lease])),
      ...claims.map(({ serial }) => serial),
      ...(data.reported.get(templateId) ?? []),
    ];
    const all = Array.from({ length: general?.units ?? 0 }, (_, serial) => serial);
    assert.deepEqual(ascending(seen), all, `units of template ${templateId}`);
    for (const pool of pools) {
      if (pool.ref.activityId === 0 || data.reported.has(templateId)) continue;
      const claimed = claims.filter(({ activityId }) => activityId === pool.ref.activityId).length;
      assert.equal(pool.free.length + leasedUnits(pool) + claimed, pool.units, `pool ${poolKey(pool.ref)}`);
    }
  }
}
