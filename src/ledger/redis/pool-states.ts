/** What the pools of a shard hold: template by template, each at one moment. */
import type { PoolState } from '../../ports-ledger.ts';
import { poolRef, type ShardKeys } from './keys.ts';
import { unpackRanges } from './packed-ranges.ts';
import type { RedisConnection } from './redis-connection.ts';
import { SCRIPTS } from './scripts.ts';

type State = readonly [units: number, free: Buffer, leases: readonly Buffer[]];

/** In order of templates and activities. */
export async function readPools(
  connection: RedisConnection,
  keys: ShardKeys,
  incarnation: number,
): Promise<PoolState[]> {
  const byTemplate = new Map<number, string[]>();
  for (const name of await connection.commands.smembers(keys.of(incarnation, 'pools'))) {
    const { templateId } = poolRef(name);
    byTemplate.set(templateId, [...(byTemplate.get(templateId) ?? []), name]);
  }
  const pools: PoolState[] = [];
  for (const names of byTemplate.values()) {
    const args = [incarnation, 0, ...names];
    const states = (await connection.run(SCRIPTS.poolStates, [keys.meta], args)) as State[];
    states.forEach(([units, free, leases], i) => {
      pools.push({ ref: poolRef(names[i]), units, free: unpackRanges(free), leases: leasesOf(leases) });
    });
  }
  return pools.sort((a, b) => a.ref.templateId - b.ref.templateId || a.ref.activityId - b.ref.activityId);
}

function leasesOf(pairs: readonly Buffer[]): PoolState['leases'] {
  const leases: PoolState['leases'][number][] = [];
  for (let i = 0; i < pairs.length; i += 2)
    leases.push({ nodeId: String(pairs[i]), ranges: unpackRanges(pairs[i + 1]) });
  return leases.sort((a, b) => (a.nodeId < b.nodeId ? -1 : 1));
}
