/**
 * Who flushes which shard. Every node works it out of the same list of live nodes: the shards go round them. Nothing
 * rests on two nodes agreeing, the fence in the record store decides; this only keeps them out of each other's way.
 */
import type { NodeRow } from '../ports-cluster.ts';

/** A node that was not seen for this long has no duties. */
export const SILENT_MS = 10_000;
/** When a stream with claims to flush does not move for this long, the next one in line takes it over. */
export const STALL_MS = 10_000;

/** 0: this node's; 1: this node's when the first one does not get on with it; and so on. */
export function placeInLine(shard: number, nodeId: string, nodes: readonly NodeRow[]): number {
  const live = nodes.filter(({ state, seenAgoMs }) => state === 'up' && seenAgoMs < SILENT_MS);
  const ids = live.map((node) => node.nodeId).filter((id) => id !== nodeId);
  const line = [...ids, nodeId].sort();
  return (line.indexOf(nodeId) - (shard % line.length) + line.length) % line.length;
}
