/**
 * Who flushes which shard. Every node works it out of the same list of live nodes: the shards go round them. Nothing
 * rests on two nodes agreeing, the fence in the record store decides; this only keeps them out of each other's way.
 */
import type { NodeRow } from '../ports-cluster.ts';

/**
 * 0: this node's; 1: this node's when the first one does not get on with it; and so on. A node that was not seen for
 * `silentMs` has no duties.
 */
export function placeInLine(
  shard: number,
  nodeId: string,
  nodes: readonly NodeRow[],
  silentMs: number,
): number {
  const live = nodes.filter(({ state, seenAgoMs }) => state === 'up' && seenAgoMs < silentMs);
  const ids = live.map((node) => node.nodeId).filter((id) => id !== nodeId);
  const line = [...ids, nodeId].sort();
  return (line.indexOf(nodeId) - (shard % line.length) + line.length) % line.length;
}
