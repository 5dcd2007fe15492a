/**
 * One run of a node: what engine/engine.ts, engine/cluster/cluster-pools.ts and workers/owner-pool.ts do on the main thread, in
 * their order, around the real classes.
 */

import { partitionOf } from '../../../src/actors/placement.ts';
import { rulesOf } from '../../../src/actors/rules.ts';
import { ABSENT, UserTable } from '../../../src/actors/user-table.ts';
import { Verdict } from '../../../src/actors/verdict.ts';
import { sealLog } from '../../../src/claimlog/log-seal.ts';
import { listLogs, logStart } from '../../../src/claimlog/segment.ts';
import { TemplateView } from '../../../src/claims/template-view.ts';
import { ClusterLink } from '../../../src/engine/cluster/cluster-link.ts';
import { LeaseDesk } from '../../../src/engine/lease-desk.ts';
import { ShardSeats } from '../../../src/engine/shard-seats.ts';
import { SharedPools } from '../../../src/engine/shared-pools.ts';
import { StockSupply } from '../../../src/engine/stock-supply.ts';
import { SEAT_TTL_MS } from '../../../src/limits.ts';
import type { Logger } from '../../../src/logger.ts';
import type { SerialRange } from '../../../src/ports.ts';
import { shardOf } from '../../../src/ports-ledger.ts';
import type { FromCluster, ToCluster } from '../../../src/workers/cluster-messages.ts';
import type { FromOwner, ToOwner } from '../../../src/workers/owner-messages.ts';
import { Injected } from '../faults.ts';
import { LOG_ROOT } from '../log-root.ts';
import type { SimClaim } from './clients.ts';
import { ClusterThread } from './cluster-thread.ts';
import { CODE_KEY, codesOf } from './codes.ts';
import { OwnerThread } from './owner-thread.ts';
import type { SimNode } from './sim-node.ts';
import { Thread, type ThreadHost } from './thread.ts';
import type { World } from './world.ts';

const APPLIED_US = 250_000;
const LAG_US = 20_000;
const RESTART_US = 100_000;
const STOP_PATIENCE_MS = 10_000;

const quiet = { info() {}, warn() {}, error() {}, debug() {} } as unknown as Logger;

/** What the link does with its worker; here the worker is simulated. */
interface LinkInside {
  worker: { postMessage(message: ToCluster): void } | null;
  readonly oldLogs: { logId: number; end: number }[];
  readonly logs: Map<number, SharedArrayBuffer>;
  take(message: Exclude<FromCluster, { kind: 'ready' }>): void;
  tick(): void;
}

export class SimProcess implements ThreadHost {
  alive = true;
  /** Takes claims. */
  serving = false;
  stopping = false;
  readonly node: SimNode;
  readonly world: World;
  readonly owners: number;
  readonly main: Thread;
  readonly views = new Map<number, TemplateView>();
  readonly lives: (OwnerThread | null)[] = [];
  readonly leases: LeaseDesk;
  readonly supply: StockSupply;
  readonly pools: SharedPools;
  readonly link: ClusterLink;
  readonly seats = new ShardSeats();
  cluster: ClusterThread | null = null;
  private readonly startId: string;
  private readonly rebuilding: (OwnerThread | null)[] = [];
  private readonly unsealed: (number | null)[] = [];
  private nextLogId = 1;
  private firstReady = 0;
  private lastLife = 0;
  private readonly inFlight = new Set<SimClaim>();
  private onOwnersGone: (() => void) | null = null;

  constructor(node: SimNode, startId: string) {
    this.node = node;
    this.startId = startId;
    this.world = node.world;
    this.owners = node.owners;
    this.main = new Thread(this);
    const ledger = this.world.redis.ledger(this.main, node.id);
    this.leases = new LeaseDesk({
      send: (owner, message) => this.tellOwner(owner, message),
      template: (templateId) => this.views.get(templateId),
      makeCodes: (templateId, range) => this.makeCodes(templateId, range),
      onFailure: (error) => this.failed(error),
    });
    this.link = new ClusterLink({
      data: {
        nodeId: node.id,
        startId,
        host: node.id,
        redisUrl: '',
        seatTtlMs: SEAT_TTL_MS,
        installation: '',
        logRoot: LOG_ROOT,
        codeKey: CODE_KEY,
      },
      owners: this.owners,
      segmentKeepMs: this.world.segmentKeepMs,
      seats: this.seats,
      connectStore: () => {},
      tellOwner: (index, message) => this.tellOwner(index, message),
      onClosed: (shard) => {
        for (const { ref } of this.leases.ledger.snapshot())
          if (shardOf(ref.templateId) === shard) this.leases.empty(ref);
      },
      onOpen: (shard) => this.supply.reseated(shard),
      onFlushed: () => {},
      onCatalogBehind: () => this.world.catalogBehind(this),
      onFatal: (error) => this.fatal(error),
      logger: quiet,
    });
    this.supply = new StockSupply({
      ledger,
      seats: this.seats,
      stock: this.leases,
      clock: this.main.clock,
      reportsSales: false,
      onLost: (seat, detail) => this.link.lost(seat, detail),
      onFenced: (seat) => this.link.fenced(seat),
      // A node would take its shard anew; here it is a finding.
      logger: { ...quiet, error: ({ err }: { err: Error }) => this.fatal(err) } as unknown as Logger,
    });
    this.leases.upstream = this.supply;
    this.leases.isSettled = (ref) =>
      this.link.followedTo(shardOf(ref.templateId)) >= this.supply.exhaustedAt(ref);
    this.pools = new SharedPools({
      ledger,
      seats: this.seats,
      leases: this.leases,
      supply: this.supply,
      onLost: (seat, detail) => this.link.lost(seat, detail),
      sit: () => this.sit(),
      leave: async () => this.supply.stop(),
    });
  }

  // ---------------------------------------------------------------- as a host of threads

  get machine() {
    return this.node;
  }

  get scheduler() {
    return this.world.scheduler;
  }

  get random() {
    return this.world.random;
  }

  entered(): void {
    this.world.current = this;
  }

  failed(error: unknown): void {
    if (error instanceof Injected) this.node.died(`${error.message}`);
    else this.world.fail(error, this.node.id);
  }

  private fatal(error: Error): void {
    this.world.fail(new Error(`fatal: ${error.message}`), this.node.id);
  }

  private inside(): LinkInside {
    return this.link as unknown as LinkInside;
  }

  // ---------------------------------------------------------------- life

  async start(): Promise<void> {
    const { node, world } = this;
    try {
      const store = world.records.client(this.main, node.id);
      const [templates, activities] = [await store.templates(), await store.activities()];
      const extents = await store.extents();
      for (const template of templates) {
        const own = activities.filter(({ templateId }) => templateId === template.id);
        this.view(template.id, template, own);
      }
      for (const extent of extents) this.views.get(extent.templateId)!.extents.push(extent);
      await store.watermarks();
      node.disk.makeDir(LOG_ROOT);
      const logs = listLogs(node.disk, LOG_ROOT);
      this.nextLogId = Math.max(0, ...logs) + 1;
      for (const logId of logs) {
        const start = logStart(node.disk, LOG_ROOT, logId);
        this.link.ended(logId, sealLog(node.disk, LOG_ROOT, logId, start));
      }
      for (let index = 0; index < this.owners; index++) this.startLife(index, true);
    } catch (error) {
      this.failed(error);
    }
  }

  view(id: number, template: TemplateView['template'], activities: TemplateView['activities']): TemplateView {
    const rules = rulesOf(template, activities);
    let view = this.views.get(id);
    if (view === undefined) {
      view = new TemplateView(template, activities, rules, this.owners);
      this.views.set(id, view);
    } else {
      view.template = template;
      view.activities = activities;
      view.setRules(rules);
    }
    view.units.grow(template.total);
    return view;
  }

  private startLife(index: number, first: boolean): void {
    this.lastLife = Math.max(this.lastLife + 1, this.world.nowMs);
    this.link.ownerStarts(index);
    this.leases.unsettle();
    const plan = {
      index,
      first,
      logId: this.nextLogId++,
      seal: this.unsealed[index] ?? null,
      life: this.lastLife,
      templates: [...this.views.values()].map(owned),
      seats: this.seats.all(),
      followed: this.link.places[index].buffer,
    };
    this.rebuilding[index] = new OwnerThread(this, plan);
  }

  /** Whether messages of this life still count. */
  knows(life: OwnerThread): boolean {
    return this.lives[life.plan.index] === life || this.rebuilding[life.plan.index] === life;
  }

  sealed(index: number, logId: number, end: number): void {
    this.unsealed[index] = null;
    this.link.ended(logId, end);
  }

  ownerReady(life: OwnerThread): void {
    const { index, first, logId } = life.plan;
    this.rebuilding[index] = null;
    this.lives[index] = life;
    for (const actor of life.owner.allActors()) {
      const view = this.views.get(actor.rules.templateId)!;
      view.actors[actor.partition].users = UserTable.attach(actor.users.buffers);
      actor.users.onSegment = (at, buffer) => view.actors[actor.partition].users?.replaceSegment(at, buffer);
      for (const pool of actor.pools.values()) {
        const known = view.pools.get(pool.rules.activityId);
        if (known !== undefined) known.claimed[actor.partition] = pool.claimed;
      }
    }
    this.link.follow(logId, life.positions);
    this.link.ownerReady(index, first);
    if (!first) {
      this.leases.reclaim(index);
      if (this.stopping) life.send({ kind: 'stop' });
      return;
    }
    if (++this.firstReady < this.owners) return;
    this.pools.start(this.views.values()).then(
      () => {
        this.serving = true;
        this.world.trace(() => `${this.node.id} serves`);
        this.settle();
      },
      (error: unknown) => this.failed(error),
    );
  }

  ownerDown(life: OwnerThread): void {
    if (!this.knows(life)) return;
    const { index, first, logId } = life.plan;
    this.lives[index] = null;
    this.rebuilding[index] = null;
    this.unsealed[index] ??= logId;
    if (first && this.firstReady < this.owners) {
      this.node.died('an owner died while the node started');
      return;
    }
    for (const claim of [...this.inFlight])
      if (this.ownerOf(claim) === index) this.answer(claim, Verdict.unavailable, 0);
    if (this.stopping) this.ownerGone();
    else this.main.later(RESTART_US * this.random.between(1, 5), () => this.startLife(index, false));
  }

  private sit(): Promise<void> {
    const { link, world } = this;
    const inside = this.inside();
    for (const view of this.views.values()) for (const extent of view.extents) link.extent(extent);
    return new Promise((resolve) => {
      const thread = new ClusterThread(this, this.startId, [...inside.oldLogs], (message) => {
        if (message.kind === 'ready') resolve();
        else {
          if (message.kind === 'suspend' || message.kind === 'open')
            world.trace(() => `${this.node.id} shard ${shardIn(message)} ${message.kind}`);
          inside.take(message);
          if (message.kind === 'stopped') this.node.stopped(message.settled);
        }
      });
      this.cluster = thread;
      inside.worker = { postMessage: (message) => thread.send(message) };
      for (const [logId, positions] of inside.logs) thread.send({ kind: 'log', logId, positions });
      for (const view of this.views.values())
        for (const extent of view.extents) thread.send({ kind: 'extent', extent });
      this.tick();
    });
  }

  private tick(): void {
    this.main.later(APPLIED_US, () => {
      this.tick();
      this.inside().tick();
    });
  }

  private settle(): void {
    this.main.later(LAG_US, () => {
      this.settle();
      this.leases.settle();
    });
  }

  /** A clean stop, as Engine.stop. */
  stop(): void {
    this.stopping = true;
    this.serving = false;
    this.onOwnersGone = () => {
      void this.pools.stop().then(() => {
        this.inside().tick();
        if (this.cluster === null) this.node.stopped(false);
        else this.cluster.send({ kind: 'stop', patienceMs: STOP_PATIENCE_MS });
      });
    };
    this.tellOwners({ kind: 'stop' });
    this.ownerGone();
  }

  ownerStopped(life: OwnerThread, end: number): void {
    this.link.ended(life.plan.logId, end);
    this.lives[life.plan.index] = null;
    this.rebuilding[life.plan.index] = null;
    this.ownerGone();
  }

  private ownerGone(): void {
    const left = [...this.lives, ...this.rebuilding].filter((life) => life != null);
    if (left.length > 0) return;
    this.onOwnersGone?.();
    this.onOwnersGone = null;
  }

  // ---------------------------------------------------------------- owners

  describeOwners(): string {
    const state = (life: OwnerThread | null | undefined) => (life == null ? 'none' : life.describe());
    return Array.from(
      { length: this.owners },
      (_, i) => `owner ${i} serves: ${state(this.lives[i])}, starts: ${state(this.rebuilding[i])}`,
    ).join('; ');
  }

  private tellOwner(index: number, message: ToOwner): void {
    (this.lives[index] ?? this.rebuilding[index])?.send(message);
  }

  private tellOwners(message: ToOwner): void {
    for (let index = 0; index < this.owners; index++) this.tellOwner(index, message);
  }

  fromOwner(life: OwnerThread, message: FromOwner): void {
    if (message === 0) return;
    switch (message.kind) {
      case 'lease':
        this.leases.lease(message.ref, message.holder, message.epoch, message.sold);
        break;
      case 'giveBack':
        this.leases.giveBack(message.ref, message.holder, message.epoch, message.sold, message.unsold);
        break;
      default:
        this.link.fromOwner(life.plan.index, message);
    }
  }

  private async makeCodes(templateId: number, { from, to }: SerialRange): Promise<void> {
    const { lo, hi } = codesOf(templateId, from, to);
    if (this.random.chance(0.5)) {
      this.world.faults.seen('codesLater');
      await this.main.clock.sleep(this.random.skewed(1, 300));
    }
    const { units } = this.views.get(templateId)!;
    for (let serial = from; serial < to; serial++)
      units.setCode(serial, lo[serial - from], hi[serial - from]);
  }

  // ---------------------------------------------------------------- claims (claims/claim-desk.ts)

  private ownerOf({ templateId, lo, hi }: SimClaim): number {
    const { actors } = this.views.get(templateId)!;
    return actors[partitionOf(lo, hi, actors.length)].owner;
  }

  claim(claim: SimClaim): void {
    const view = this.views.get(claim.templateId);
    const pool = view?.pools.get(claim.activityId);
    if (!this.serving || view === undefined || pool === undefined) {
      this.world.clients.answered(claim, this, Verdict.unavailable, 0);
      return;
    }
    claim.partitionOn = partitionOf(claim.lo, claim.hi, view.actors.length);
    const { owner, users } = view.actors[claim.partitionOn];
    const newest = users === null ? ABSENT - 1 : users.newest(claim.lo, claim.hi);
    const { units } = view;
    if (newest >= 0) {
      const isPlain = pool.rules.perUserLimit === 1 && units.isClaimed(newest);
      if (isPlain && units.activityId(newest) === pool.rules.activityId && units.previous(newest) < 0) {
        this.world.clients.answered(claim, this, Verdict.alreadyClaimed, newest);
        return;
      }
    } else if (newest === ABSENT && pool.soldOut && pool.settled) {
      this.world.clients.answered(claim, this, Verdict.soldOut, 0);
      return;
    }
    const life = this.lives[owner];
    if (life == null) {
      this.world.clients.answered(claim, this, Verdict.unavailable, 0);
      return;
    }
    this.inFlight.add(claim);
    life.requests.push(claim);
    life.ring();
  }

  replied(replies: readonly { claim: SimClaim; verdict: number; serial: number }[]): void {
    for (const { claim, verdict, serial } of replies) this.answer(claim, verdict, serial);
  }

  private answer(claim: SimClaim, verdict: number, serial: number): void {
    if (this.inFlight.delete(claim)) this.world.clients.answered(claim, this, verdict, serial);
  }

  /** Claims whose answers will never come. */
  get unanswered(): Iterable<SimClaim> {
    return this.inFlight;
  }
}

function owned(view: TemplateView) {
  return {
    rules: view.rules,
    total: view.template.total,
    placed: view.placed,
    units: [...view.units.buffers],
  };
}

function shardIn(message: Extract<FromCluster, { kind: 'suspend' | 'open' }>): string {
  return message.kind === 'suspend'
    ? `${message.shard} (${message.reason})`
    : `${message.seat.shard} incarnation ${message.seat.incarnation} epoch ${message.seat.epoch} follow ${message.follow}`;
}
