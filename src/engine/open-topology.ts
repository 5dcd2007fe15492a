/** Chooses by profile, once. */
import { type ClusterNode, ClusterTopology } from './cluster/cluster-topology.ts';
import { EmbeddedTopology } from './embedded/embedded-topology.ts';
import { type SingleNode, SingleTopology } from './single/single-topology.ts';
import type { Topology, TopologyParts } from './topology.ts';

/** `node`: what it shares with others; null: nothing. */
export function openTopology(parts: TopologyParts, node: SingleNode | ClusterNode | null): Topology {
  if (node === null) return new EmbeddedTopology(parts);
  return node.profile === 'single' ? new SingleTopology(parts, node) : new ClusterTopology(parts, node);
}
