/** What a keeper stands on. */
import type { ClusterStore } from '../ports-cluster.ts';
import type { ShardLedger } from '../ports-ledger.ts';
import type { CatchUp } from './catch-up.ts';
import type { Clock } from './clock.ts';
import type { Contribution } from './contribution.ts';
import type { MainLink } from './main-link.ts';
import type { Rebuild } from './rebuild.ts';

export interface KeeperWorld {
  readonly nodeId: string;
  /** Of a seat. */
  readonly seatTtlMs: number;
  readonly clock: Clock;
  readonly store: ClusterStore;
  readonly ledger: ShardLedger;
  readonly main: MainLink;
  readonly contribution: Pick<Contribution, 'contribute'>;
  readonly catchUp: Pick<CatchUp, 'bring'>;
  readonly rebuild: Pick<Rebuild, 'rebuild'>;
  readonly departures: {
    /** A node's seat was ended; all it ever claimed is before `head`. `sinceMs`: asked for then. */
    ended(shard: number, nodeId: string, incarnation: number, head: number, sinceMs: number): void;
  };
  /** How many claims of this stream the store has, as last seen. */
  stored(shard: number, incarnation: number): number;
  /** Whether the store, as last seen, counts this node among the members. */
  isMember(shard: number): boolean;
  /** Tells the store that this node lives. */
  beat(): Promise<void>;
}
