/** The profile `cluster`: claims are committed in Redis, and the cluster's flushers store them from its streams. */
import type { PoolFact } from '../../audit/facts.ts';
import type { LogDisk } from '../../claimlog/disk.ts';
import { logStart } from '../../claimlog/segment.ts';
import type { TemplateView } from '../../claims/template-view.ts';
import { nextLocalLogId } from '../../cluster/log-ids.ts';
import type { StreamPlace } from '../../workers/audit-entry.ts';
import type { FromOwner, OwnerClusterTask } from '../../workers/owner-messages.ts';
import { realClock } from '../../workers/real-clock.ts';
import type { ShardSeats } from '../shard-seats.ts';
import type { SharedPools } from '../shared-pools.ts';
import type { SharedLedger } from '../single/single-pools.ts';
import type { StockFigures } from '../stock-figures.ts';
import type { Elsewhere, LedgerFacts, Topology, TopologyParts } from '../topology.ts';
import type { ClusterLink } from './cluster-link.ts';
import { clusterPools } from './cluster-pools.ts';
import { ReadBarrier } from './read-barrier.ts';

/** One of the nodes of the profile `cluster`. */
export interface ClusterNode extends SharedLedger {
  readonly profile: 'cluster';
  readonly host: string;
  readonly redisUrl: string;
  readonly installation: string;
  readonly waitReplicas: number;
  readonly seatTtlMs: number;
  /** Other nodes sell what this one has not been told of. */
  readonly onCatalogBehind: () => void;
  /** Something failed and is tried again; said to people now and then. */
  readonly onTrouble: (what: string, error: unknown, where?: string) => void;
}

export class ClusterTopology implements Topology {
  readonly pools: SharedPools;
  readonly sink: ClusterLink;
  readonly sinkThread = 'cluster';
  readonly elsewhere: Elsewhere;
  private readonly parts: TopologyParts;
  private readonly node: ClusterNode;
  private readonly seats: ShardSeats;
  private readonly barrier: ReadBarrier;
  private lastLife = 0;

  constructor(parts: TopologyParts, node: ClusterNode) {
    this.parts = parts;
    this.node = node;
    const { config, root: logRoot, codeKey, connectStore, tellOwner, onFlushed, onFatal, logger } = parts;
    const { nodeId, startId, host, redisUrl, installation, seatTtlMs } = node;
    const owners = config.ownerThreads;
    const { pools, link, seats } = clusterPools(node.ledger, parts.leases, parts.templates, {
      data: { nodeId, startId, host, redisUrl, installation, seatTtlMs, logRoot, codeKey },
      owners,
      segmentKeepMs: config.segmentKeepMs,
      connectStore,
      tellOwner,
      onFlushed,
      onCatalogBehind: node.onCatalogBehind,
      onFatal,
      logger,
    });
    this.pools = pools;
    this.sink = link;
    this.seats = seats;
    this.barrier = new ReadBarrier({
      ledger: node.ledger,
      seats,
      followedBy: (owner, shard) => link.followedBy(owner, shard),
      owners,
      lives: () => link.lives,
      clock: realClock,
      now: Date.now,
      onTrouble: node.onTrouble,
    });
    this.elsewhere = { barrier: this.barrier, isStored: (templateId) => link.isStored(templateId) };
  }

  logsOf(onDisk: readonly number[]): number[] {
    return [...onDisk];
  }

  nextLogId(taken: readonly number[]): number {
    return nextLocalLogId(true, taken);
  }

  logStart(disk: LogDisk, logId: number): number {
    return logStart(disk, this.parts.root, logId);
  }

  started(): void {
    void this.barrier.watch();
  }

  stopping(): void {
    this.barrier.stop();
  }

  /** Every owner follows every shard, and must tell what is served elsewhere from what it has not heard of. */
  concerns(): boolean {
    return true;
  }

  /** The streams and the record store have what other logs of this node have, or will (cluster/shard-keeper.ts). */
  logsToRebuildFrom(): number[] {
    return [];
  }

  ownerTask(owner: number): OwnerClusterTask {
    const { redisUrl, installation, waitReplicas } = this.node;
    this.lastLife = Math.max(this.lastLife + 1, Date.now());
    this.sink.ownerStarts(owner);
    this.parts.leases.unsettle();
    const followed = this.sink.places[owner]!.buffer;
    return { redisUrl, installation, waitReplicas, life: this.lastLife, seats: this.seats.all(), followed };
  }

  ownerReady(owner: number, first: boolean): void {
    this.sink.ownerReady(owner, first);
  }

  fromOwner(owner: number, message: Exclude<FromOwner, number>): void {
    this.sink.fromOwner(owner, message);
  }

  askForCatalog(): boolean {
    this.node.onCatalogBehind();
    return true;
  }

  lag(): number {
    return this.sink.lag;
  }

  stockOf(view: TemplateView): Promise<StockFigures> {
    return this.pools.stockOf(view, this.sink.isStored(view.template.id));
  }

  poolFacts(): Promise<PoolFact[]> {
    return this.pools.facts();
  }

  streamPlace(): StreamPlace {
    const { redisUrl, installation } = this.node;
    return { redisUrl, installation, shards: this.seats.all() };
  }

  ledgerFacts(): LedgerFacts {
    return { profile: 'cluster', closed: this.sink.closedShards() };
  }
}
