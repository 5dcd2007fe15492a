/**
 * The claim engine on the main thread: owns the template views, the ledger's desk, the owner threads and the flusher,
 * and tells each of them what the catalog changed. It decides no claim itself.
 *
 * Start: seal the logs of earlier lives, let every owner rebuild from records and logs, compute the ledger from what is
 * claimed, then open. An owner that dies later goes the same way alone: seal, rebuild, reclaim, open.
 */
import { setTimeout as pause } from 'node:timers/promises';
import { MessageChannel, type MessagePort } from 'node:worker_threads';
import { Piscina } from 'piscina';
import { rulesOf } from '../actors/rules.ts';
import type { ActorShares } from '../actors/shares.ts';
import type { PoolFact } from '../audit/facts.ts';
import type { LedgerSnapshot } from '../audit/live-audit.ts';
import type { CatalogEngine, TakenUnits } from '../catalog/engine-port.ts';
import { fileDisk } from '../claimlog/disk.ts';
import { faultyDisk } from '../claimlog/faulty-disk.ts';
import { sealLog } from '../claimlog/log-seal.ts';
import { listLogs, logRoot, logStart } from '../claimlog/segment.ts';
import { ClaimDesk } from '../claims/claim-desk.ts';
import { remainingUnits } from '../claims/remaining.ts';
import { TemplateView } from '../claims/template-view.ts';
import { isClusterLog, nextLocalLogId } from '../cluster/log-ids.ts';
import type { Config } from '../config.ts';
import type { Best } from '../domain/quote/best.ts';
import type { Activity, CodeExtent, Template } from '../domain/template.ts';
import { takeShares } from '../ingress/replicas.ts';
import type { Logger } from '../logger.ts';
import type { RecordStore, SerialRange } from '../ports.ts';
import { FLUSH_SIGNAL_BYTES } from '../rings/layout.ts';
import type { StreamPlace } from '../workers/audit-entry.ts';
import type { BestTask, CodesTask } from '../workers/compute-entry.ts';
import { entryUrl } from '../workers/entry-url.ts';
import type { FromOwner, OwnedTemplate, OwnerClusterTask } from '../workers/owner-messages.ts';
import { type LifePlan, type OwnerLife, OwnerPool } from '../workers/owner-pool.ts';
import { realClock } from '../workers/real-clock.ts';
import type { ClaimSink } from './claim-sink.ts';
import type { ClusterLink } from './cluster-link.ts';
import { clusterPools } from './cluster-pools.ts';
import { FlusherLink } from './flusher-link.ts';
import { InForce } from './in-force.ts';
import { Ingresses, type IngressSetup } from './ingresses.ts';
import { LeaseDesk } from './lease-desk.ts';
import { LocalPools } from './local-pools.ts';
import type { Pools } from './pools.ts';
import { ReadBarrier } from './read-barrier.ts';
import type { ShardSeats } from './shard-seats.ts';
import type { SharedPools } from './shared-pools.ts';
import type { SingleLedger } from './single-ledger.ts';
import { type SharedLedger, singlePools } from './single-pools.ts';
import {
  type StockFigures,
  sharedPoolFacts,
  sharedStockFigures,
  stockFigures,
  unitsIn,
} from './stock-figures.ts';

const LAG_CHECK_MS = 20;
/** Longest to wait for news of units that are here already, and between two looks for it. */
const CODES_PLACED_MS = 5_000;
const CODES_PLACED_LOOK_MS = 10;

/** The one node of the profile `single`. */
export interface SingleNode extends SharedLedger {
  readonly profile: 'single';
}

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

export interface EngineOptions {
  readonly config: Config;
  readonly codeKey: Uint8Array;
  readonly store: RecordStore;
  /** Connects one more client to the record store's thread. */
  readonly connectStore: (port: MessagePort) => void;
  readonly logger: Logger;
  /** Where units come from: null, they are all in this process (profile `embedded`). */
  readonly shared: SingleNode | ClusterNode | null;
  /** Where clients come in, in the owners' threads; null: claims come to `desk` only. */
  readonly ingress: IngressSetup | null;
  /** The engine cannot go on: damage was found, and serving would make it worse. */
  readonly onFatal: (error: Error) => void;
}

export class Engine implements CatalogEngine {
  readonly desk: ClaimDesk;
  readonly owners: OwnerPool;
  readonly ingresses: Ingresses | null;
  readonly sink: ClaimSink;
  readonly leases: LeaseDesk;
  private readonly inForce: InForce;
  /** The ledger of the profile `single`, which may have to be written anew. */
  readonly single: SingleLedger | null = null;
  readonly cluster: ClusterLink | null = null;
  private readonly seats: ShardSeats | null = null;
  private readonly flusher: FlusherLink | null = null;
  /** In a cluster: memory has what other nodes acknowledged before. */
  readonly barrier: ReadBarrier | null = null;
  private readonly pools: Pools;
  /** Null in the profile `embedded`. */
  private readonly sharedPools: SharedPools | null = null;
  private readonly options: EngineOptions;
  private readonly templates = new Map<number, TemplateView>();
  private readonly activityTemplates = new Map<number, TemplateView>();
  private readonly compute: Piscina;
  private readonly root: string;
  /** Logs of earlier processes and ended lives, for rebuilding. */
  private oldLogs: number[] = [];
  private nextLogId = 1;
  private lagTimer: NodeJS.Timeout | null = null;
  private started: (() => void) | null = null;
  private firstReady = 0;
  private lastLife = 0;

  constructor(options: EngineOptions) {
    this.options = options;
    const { config, logger } = options;
    this.root = logRoot(config.dataDir);
    const lagging = new SharedArrayBuffer(Int32Array.BYTES_PER_ELEMENT);
    this.desk = new ClaimDesk(
      config.ownerThreads,
      {
        spent: (couponIds, nowMs) => options.store.spentCoupons(couponIds, nowMs),
        onFailure: (error) => logger.error({ err: error }, 'which coupons are spent could not be read'),
      },
      lagging,
    );
    this.compute = new Piscina({
      filename: entryUrl('compute').href,
      minThreads: 0,
      maxThreads: 1,
      idleTimeout: Number.POSITIVE_INFINITY,
      atomics: 'disabled',
    });
    this.leases = new LeaseDesk({
      send: (owner, message) => this.owners.send(owner, message),
      template: (templateId) => this.templates.get(templateId),
      makeCodes: (templateId, range) => this.makeCodes(templateId, range),
      onFailure: (error) => logger.error({ err: error }, 'codes could not be made'),
    });
    const owners = config.ownerThreads;
    this.ingresses =
      options.ingress === null
        ? null
        : new Ingresses({
            setup: options.ingress,
            owners,
            lagging,
            connectStore: options.connectStore,
            templates: () => this.templates.values(),
            toOwner: (owner, message, transfer) => this.owners.send(owner, message, transfer),
            serves: (owner) => this.owners.life(owner) !== null,
            onConfirmed: (index, change) => this.inForce.answered(owners + index, change),
            onGone: (index) => this.inForce.ownerEnded(owners + index),
            logger,
          });
    // Those that a change must reach: the owners, and behind them, numbered on, the ingresses.
    this.inForce = new InForce({
      send: (who, message) => {
        if (who < owners) this.owners.send(who, message);
        else this.ingresses!.confirm(who - owners, message.change);
      },
      serves: (who) => (who < owners ? this.owners.life(who) !== null : this.ingresses!.isUp(who - owners)),
      leases: this.leases,
    });
    const flushSignal = new SharedArrayBuffer(FLUSH_SIGNAL_BYTES);
    const onFlushed = (counts: readonly (readonly [number, number])[]): void => {
      for (const [templateId, count] of counts) {
        const view = this.templates.get(templateId);
        if (view !== undefined) view.flushed += count;
      }
    };
    const { shared } = options;
    if (shared?.profile === 'cluster') {
      const { nodeId, startId, host, redisUrl, installation, seatTtlMs } = shared;
      const { pools, link, seats } = clusterPools(shared.ledger, this.leases, this.templates, {
        data: {
          nodeId,
          startId,
          host,
          redisUrl,
          installation,
          seatTtlMs,
          logRoot: this.root,
          codeKey: options.codeKey,
        },
        owners: config.ownerThreads,
        segmentKeepMs: config.segmentKeepMs,
        connectStore: options.connectStore,
        tellOwner: (index, message) => this.owners.send(index, message),
        onFlushed,
        onCatalogBehind: shared.onCatalogBehind,
        onFatal: options.onFatal,
        logger,
      });
      this.pools = this.sharedPools = pools;
      this.cluster = link;
      this.seats = seats;
      this.barrier = new ReadBarrier({
        ledger: shared.ledger,
        seats,
        followedBy: (owner, shard) => link.followedBy(owner, shard),
        owners: config.ownerThreads,
        lives: () => link.lives,
        clock: realClock,
        now: Date.now,
        onTrouble: shared.onTrouble,
      });
      this.sink = link;
    } else {
      this.flusher = new FlusherLink({
        logRoot: this.root,
        codeKey: options.codeKey,
        segmentKeepMs: config.segmentKeepMs,
        waitingMax: config.lagLimitClaims / 2,
        signal: flushSignal,
        connectStore: options.connectStore,
        extents: () => [...this.templates.values()].flatMap((view) => view.extents),
        onFlushed,
        logger,
      });
      this.sink = this.flusher;
      if (shared === null) this.pools = new LocalPools(this.leases);
      else {
        const { pools, single } = singlePools(shared, this.leases, this.templates, logger);
        this.pools = this.sharedPools = pools;
        this.single = single;
      }
    }
    this.owners = new OwnerPool(
      {
        owners: config.ownerThreads,
        logRoot: this.root,
        logSync: config.logSync,
        segmentBytesMax: config.logSegmentBytes,
        faults: config.faultsPath,
        flushSignal,
        logger,
      },
      {
        plan: (index) => this.plan(index),
        sealed: (_index, logId, end) => this.sink.ended(logId, end, 0),
        ready: (life, actors, stored, first) => this.ownerReady(life, actors, stored, first),
        down: (index, first, error) => this.ownerDown(index, first, error),
        stopped: (logId, end) => this.sink.ended(logId, end, 0),
        ended: (index) => this.inForce.ownerEnded(index),
        message: (index, message) => this.ownerMessage(index, message),
        doorbell: (life) => this.desk.doorbell(life),
        fatal: options.onFatal,
        ingressData: (index) => this.ingresses?.dataOf(index) ?? null,
        threadUp: (index, thread, descriptor) => this.ingresses?.threadUp(index, thread, descriptor),
        fromIngress: (index, message) => this.ingresses?.receive(index, message),
        threadLeaving: (index) => this.ingresses?.threadLeaving(index),
        threadDown: (index) => this.ingresses?.threadDown(index),
      },
    );
  }

  // ------------------------------------------------------------ life

  /** Resolves when every owner has rebuilt its memory and claims can be answered. */
  async start(
    templates: Iterable<Template>,
    activities: Iterable<Activity>,
    extents: Iterable<CodeExtent>,
  ): Promise<void> {
    const byTemplate = new Map<number, Activity[]>();
    for (const activity of activities) {
      const list = byTemplate.get(activity.templateId);
      if (list === undefined) byTemplate.set(activity.templateId, [activity]);
      else list.push(activity);
    }
    for (const template of templates) {
      if (template.publishedAtMs !== null) this.view(template, byTemplate.get(template.id) ?? []);
    }
    for (const extent of extents) this.templates.get(extent.templateId)?.extents.push(extent);

    const watermarks = new Map(
      (await this.options.store.watermarks()).map((mark) => [mark.logId, mark.offset]),
    );
    fileDisk.makeDir(this.root);
    fileDisk.syncDir(this.options.config.dataDir);
    const onDisk = listLogs(fileDisk, this.root);
    // A cluster is left only when all that its nodes have logged is stored: what they wrote is not read again.
    this.oldLogs = this.cluster === null ? onDisk.filter((logId) => !isClusterLog(logId)) : onDisk;
    this.nextLogId = nextLocalLogId(this.cluster !== null, [...onDisk, ...watermarks.keys()]);
    const { faultsPath } = this.options.config;
    const disk = faultsPath === null ? fileDisk : faultyDisk(fileDisk, faultsPath);
    for (const logId of this.oldLogs) {
      const watermark = watermarks.get(logId) ?? 0;
      const start = this.cluster === null ? 0 : logStart(disk, this.root, logId);
      this.sink.ended(logId, sealLog(disk, this.root, logId, Math.max(watermark, start)), watermark);
    }
    const ready = new Promise<void>((resolve) => {
      this.started = resolve;
    });
    this.owners.start();
    await ready;
    await this.owners.allUp();
    this.flusher?.start();
    void this.barrier?.watch();
    this.lagTimer = setInterval(() => {
      this.leases.settle();
      this.desk.lagging = this.lag > this.options.config.lagLimitClaims;
    }, LAG_CHECK_MS);
  }

  /** The best coupons for an order, on a thread of the compute pool. */
  findBest(task: BestTask): Promise<Best> {
    return this.compute.run(task, { name: 'findBest' });
  }

  /** Answers what is in flight, gives leases back, flushes; the caller has stopped taking requests. */
  async stop(patienceMs: number): Promise<void> {
    if (this.lagTimer !== null) clearInterval(this.lagTimer);
    this.barrier?.stop();
    await this.owners.stop();
    await this.pools.stop();
    await this.sink.stop(patienceMs);
    await this.compute.destroy();
    await this.owners.end();
  }

  /** Ends the threads that have sockets: a process must not end before them. For when `stop` is not to be waited for. */
  async abort(): Promise<void> {
    await this.owners.end();
  }

  private plan(index: number): LifePlan {
    const { port1, port2 } = new MessageChannel();
    this.options.connectStore(port2);
    const templates: OwnedTemplate[] = [];
    for (const view of this.templates.values()) {
      // In a cluster every owner follows every shard, and must tell what is served elsewhere from what it has not heard of.
      if (this.cluster !== null || view.actors.some(({ owner }) => owner === index))
        templates.push(ownedTemplate(view));
    }
    const logId = this.nextLogId++;
    // In a cluster the streams and the record store have what other logs of this node have, or will (cluster/shard-keeper.ts).
    const logs = this.cluster === null ? [...this.oldLogs] : [];
    const plan = { logId, templates, logs, store: port1, cluster: this.clusterTask(index) };
    // Should this life end, the next one must read its log too.
    this.oldLogs.push(logId);
    return plan;
  }

  private clusterTask(index: number): OwnerClusterTask | null {
    const { shared } = this.options;
    if (this.cluster === null || shared?.profile !== 'cluster') return null;
    const { redisUrl, installation, waitReplicas } = shared;
    this.lastLife = Math.max(this.lastLife + 1, Date.now());
    this.cluster.ownerStarts(index);
    this.leases.unsettle();
    const followed = this.cluster.places[index];
    const seats = this.seats!.all();
    return { redisUrl, installation, waitReplicas, life: this.lastLife, seats, followed: followed.buffer };
  }

  private ownerReady(
    life: OwnerLife,
    actors: readonly ActorShares[],
    stored: readonly [number, number][],
    first: boolean,
  ): void {
    for (const shares of actors) this.takeShares(shares);
    this.ingresses?.ownerUp(life.index);
    this.sink.follow(life.logId, life.positions);
    this.cluster?.ownerReady(life.index, first);
    if (!first) {
      this.leases.reclaim(life.index);
      this.desk.ownerUp(life);
      return;
    }
    for (const [templateId, count] of stored) this.templates.get(templateId)!.flushed += count;
    this.desk.ownerUp(life);
    this.firstReady++;
    if (this.firstReady < this.options.config.ownerThreads) return;
    this.openPools().then(() => this.started?.(), this.options.onFatal);
  }

  /** The first codes of each pool belong to being ready: a claim that comes at once waits for them no longer than it may. */
  private async openPools(): Promise<void> {
    await this.pools.start(this.templates.values());
    const stocked = this.leases.ledger.snapshot().map(({ ref }) => this.leases.stocked(ref));
    const late = (await Promise.all(stocked)).filter((inTime) => !inTime).length;
    if (late > 0) this.options.logger.warn({ pools: late }, 'first codes are still being made');
  }

  private ownerDown(index: number, first: boolean, error: Error): void {
    if (first && this.firstReady < this.options.config.ownerThreads) {
      this.options.onFatal(error);
      return;
    }
    this.options.logger.error({ err: error, owner: index }, 'owner failed; it starts again');
    this.desk.ownerDown(index);
    this.ingresses?.ownerDown(index);
  }

  private ownerMessage(index: number, message: Exclude<FromOwner, number>): void {
    switch (message.kind) {
      case 'lease':
        this.leases.lease(message.ref, message.holder, message.epoch, message.sold);
        break;
      case 'giveBack':
        this.leases.giveBack(message.ref, message.holder, message.epoch, message.sold, message.unsold);
        break;
      case 'actor':
        this.takeShares(message.actor);
        break;
      case 'confirmed':
        this.inForce.answered(index, message.change);
        break;
      case 'segment': {
        const actor = this.templates.get(message.templateId)!.actors[message.partition];
        actor.users?.replaceSegment(message.index, message.buffer);
        this.ingresses?.segmentChanged(message);
        break;
      }
      default:
        this.cluster?.fromOwner(index, message);
    }
  }

  private takeShares(shares: ActorShares): void {
    takeShares(this.templates.get(shares.templateId)!, shares);
    this.ingresses?.actorChanged(shares);
  }

  // ------------------------------------------------------------ templates

  template(templateId: number): TemplateView | undefined {
    return this.templates.get(templateId);
  }

  templateOfActivity(activityId: number): TemplateView | undefined {
    return this.activityTemplates.get(activityId);
  }

  allTemplates(): IterableIterator<TemplateView> {
    return this.templates.values();
  }

  private view(template: Template, activities: readonly Activity[]): TemplateView {
    const rules = rulesOf(template, activities);
    let view = this.templates.get(template.id);
    if (view === undefined) {
      view = new TemplateView(template, activities, rules, this.options.config.ownerThreads);
      this.templates.set(template.id, view);
    } else {
      view.template = template;
      view.activities = activities;
      view.setRules(rules);
    }
    view.units.grow(template.total);
    for (const activity of activities) this.activityTemplates.set(activity.id, view);
    return view;
  }

  /** In a cluster, units may come before the news that another node has added them, which says what their codes are. */
  private async codesPlaced(view: TemplateView, { from, to }: SerialRange): Promise<void> {
    const { shared } = this.options;
    const deadlineMs = Date.now() + CODES_PLACED_MS;
    while (view.placed < to) {
      if (shared?.profile !== 'cluster' || Date.now() > deadlineMs)
        throw new Error(`template ${view.template.id} has no codes for all of serials ${from} to ${to - 1}`);
      shared.onCatalogBehind();
      await pause(CODES_PLACED_LOOK_MS);
    }
  }

  private async makeCodes(templateId: number, range: SerialRange): Promise<void> {
    const view = this.templates.get(templateId)!;
    await this.codesPlaced(view, range);
    for (const extent of view.extents) {
      const from = Math.max(range.from, extent.firstSerial);
      const to = Math.min(range.to, extent.firstSerial + extent.length);
      if (from >= to) continue;
      const task: CodesTask = {
        key: this.options.codeKey,
        extent,
        firstSerial: from,
        count: to - from,
        units: view.units.buffers,
      };
      await this.compute.run(task, { name: 'makeCodes' });
    }
  }

  // ------------------------------------------------------------ what the catalog asks (catalog/engine-port.ts)

  async templateChanged(
    template: Template,
    activities: readonly Activity[],
    newExtent: CodeExtent | null,
  ): Promise<void> {
    const known = this.templates.get(template.id);
    // A change that is told twice brings its extent twice.
    const repeated =
      known?.extents.some(({ firstSerial }) => firstSerial === newExtent?.firstSerial) ?? false;
    const extent = repeated ? null : newExtent;
    const buffersBefore = known?.units.buffers.length ?? 0;
    const view = this.view(template, activities);
    if (extent !== null) {
      view.extents.push(extent);
      this.sink.extent(extent);
    }
    if (known !== undefined && view.units.buffers.length > buffersBefore) {
      this.owners.sendAll({
        kind: 'units',
        templateId: template.id,
        buffers: view.units.buffers.slice(buffersBefore),
      });
    }
    this.ingresses?.templateChanged(view);
    const owned = ownedTemplate(view);
    const owners = this.ownersOf(view);
    for (const owner of owners) this.owners.send(owner, { kind: 'template', template: owned });
    if (extent !== null) this.inForce.fresh({ templateId: template.id, activityId: 0 });
    await this.pools.templateChanged(view, extent);
    await this.inForce.confirmed(view, [...owners, ...this.everyIngress()]);
    if (newExtent !== null) view.readyUnits = Math.max(view.readyUnits, view.placed);
  }

  openActivity(activity: Activity): Promise<TakenUnits> {
    return this.resizeActivity(activity);
  }

  async resizeActivity(activity: Activity): Promise<TakenUnits> {
    const { id: activityId, templateId } = activity;
    const taken = await this.pools.resizeActivity(activity);
    // Owners hear of the pool once the activity is stored: `templateChanged` follows.
    if (taken.ok) this.inForce.fresh({ templateId, activityId });
    return taken;
  }

  async closeActivity(activity: Activity): Promise<void> {
    const { id: activityId, templateId } = activity;
    this.inForce.stale({ templateId, activityId });
    await this.pools.closeActivity(activity);
    const view = this.templates.get(templateId)!;
    await this.inForce.confirmed(view, [...this.ownersOf(view), ...this.everyIngress()]);
  }

  /** Those that must know of it: in a cluster every owner follows every shard. */
  private ownersOf(view: TemplateView): number[] {
    if (this.cluster === null) return [...new Set(view.actors.map(({ owner }) => owner))];
    return Array.from({ length: this.options.config.ownerThreads }, (_, owner) => owner);
  }

  /** As InForce numbers them. */
  private everyIngress(): number[] {
    const owners = this.options.config.ownerThreads;
    return this.ingresses === null ? [] : Array.from({ length: owners }, (_, index) => owners + index);
  }

  // ------------------------------------------------------------ figures

  stockOf(templateId: number): StockFigures | null {
    const view = this.templates.get(templateId);
    return view === undefined ? null : stockFigures(view, this.leases.keeper);
  }

  /** Units of a template that can be claimed as far as their codes are concerned; 0: not known, or none. */
  readyUnits(templateId: number): number {
    const view = this.templates.get(templateId);
    if (view === undefined) return 0;
    const ref = { templateId, activityId: 0 };
    // Since the start of this node nothing was added: what there was is ready once there is some of it.
    if (view.readyUnits === 0 && this.leases.ledger.isOpen(ref) && this.leases.isStocked(ref))
      view.readyUnits = view.placed;
    return view.readyUnits;
  }

  /** Units of an activity that are claimed for good, as far as this node knows. */
  claimedOf(templateId: number, activityId: number): number {
    return this.templates.get(templateId)?.pools.get(activityId)?.claimedUnits ?? 0;
  }

  remainingOf(templateId: number, activityId: number): number {
    const view = this.templates.get(templateId);
    return view === undefined ? 0 : remainingUnits(view, activityId);
  }

  /** With the shared ledger's own figures, where there is one. Rejects when it cannot tell. */
  async exactStockOf(templateId: number): Promise<StockFigures | null> {
    const view = this.templates.get(templateId);
    if (view === undefined || this.sharedPools === null) return this.stockOf(templateId);
    const pools = await this.sharedPools.held(templateId);
    const free = pools.reduce((sum, pool) => sum + unitsIn(pool.free), 0);
    return sharedStockFigures(view, free, this.cluster?.isStored(templateId) ?? false);
  }

  /** Where the cluster's claims are that are not stored yet; null where they are in local logs only. */
  streamPlace(): StreamPlace | null {
    const { shared } = this.options;
    if (shared?.profile !== 'cluster') return null;
    const { redisUrl, installation } = shared;
    return { redisUrl, installation, shards: this.seats!.all() };
  }

  /** What the checker needs of this moment. */
  async auditSnapshot(): Promise<LedgerSnapshot> {
    // First: what is claimed while it answers must not be free in it.
    const pools =
      this.sharedPools === null ? this.localPoolFacts() : sharedPoolFacts(await this.sharedPools.held(null));
    const views = [...this.templates.values()];
    return {
      templates: views.map((view) => view.template),
      activities: views.flatMap((view) => view.activities),
      extents: views.flatMap((view) => view.extents),
      pools,
    };
  }

  private localPoolFacts(): PoolFact[] {
    return this.leases.ledger
      .snapshot()
      .map((pool) => ({ ...pool, bare: this.leases.keeper.bare(pool.ref) }));
  }

  /** Claims answered with this verdict since the start, as far as told. */
  claimsAnswered(verdict: number): number {
    return this.desk.answers[verdict] + (this.ingresses?.figures().answers[verdict] ?? 0);
  }

  /** Nothing that came in waits for its answer. */
  async isDrained(): Promise<boolean> {
    await this.ingresses?.refresh();
    const { inFlight, relayed } = this.ingresses?.figures() ?? { inFlight: 0, relayed: 0 };
    return this.desk.inFlight + inFlight + relayed === 0;
  }

  /** Durable claims that are not in the record store yet. */
  get lag(): number {
    if (this.cluster !== null) return this.cluster.lag;
    let lag = 0;
    for (const view of this.templates.values()) lag += view.claimedUnits - view.flushed;
    return lag;
  }
}

function ownedTemplate(view: TemplateView): OwnedTemplate {
  return { rules: view.rules, total: view.template.total, placed: view.placed, units: view.units.buffers };
}
