/** The classes under test as a simulation composes them: the real ones, unless a test breaks one to see it found. */
import { ClusterOwner, type ClusterPorts } from '../../../src/actors/cluster-owner.ts';
import { OwnerShards, type OwnerShardsOptions } from '../../../src/workers/owner-shards.ts';
import { ShardModel } from '../../ledger/model/shard-model.ts';
import type { SimProcess } from './sim-process.ts';
import type { SimRecords } from './sim-records.ts';

export type StoreCalls = ReturnType<SimRecords['calls']>;

export interface Parts {
  owner(index: number, ports: ClusterPorts): ClusterOwner;
  shards(options: OwnerShardsOptions): OwnerShards;
  model(shard: number): ShardModel;
  store(calls: StoreCalls, records: SimRecords): StoreCalls;
  /** Up to where answers may leave. */
  durable(synced: number, end: number): number;
  /** Whether a shard is taken for left only when its owners have left it. */
  readonly waitsForOwners: boolean;
  /** Before the process begins. */
  prepare(process: SimProcess): void;
}

export const realParts: Parts = {
  owner: (index, ports) => new ClusterOwner(index, ports),
  shards: (options) => new OwnerShards(options),
  model: (shard) => new ShardModel(shard),
  store: (calls) => calls,
  durable: (synced) => synced,
  waitsForOwners: true,
  prepare: () => {},
};
