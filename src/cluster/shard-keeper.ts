/**
 * This node's part in one shard. It compares what the record store says of the shard with what this node is, and does
 * the one thing that comes next; so it needs no memory of how it came there, and every failure is simply tried again.
 *
 *   closed ──contribute, take in, join──▶ open ──fenced──▶ suspended ──join──▶ open
 *                                           └──lost──▶ rebuilding ──contribute, rebuild, take in, join──▶ open
 */
import type { ShardRow } from '../ports-cluster.ts';
import type { ShardState } from './cluster-state.ts';

export interface ShardKeeperFace {
  readonly shard: number;
  /** Does what comes next, given the row that was read last; resolves when there is nothing more to do now. */
  step(row: ShardRow): Promise<void>;
  /** Keeps the seat. */
  extend(): Promise<void>;
  /** Ends seats of nodes that are gone. */
  reclaim(): Promise<void>;
  /** What owners met. */
  lost(incarnation: number, detail: string): void;
  fenced(epoch: number): void;
  cutOff(incarnation: number): void;
  applied(incarnation: number, position: number): void;
  /** Gives the seat up. */
  leave(): Promise<void>;
  state(): ShardState;
}
