/**
 * One node's part in the cluster: looks at the record store, keeps seats, ends those of dead nodes, flushes streams,
 * and steps every shard's keeper on. Each of these is a loop of its own, so that one that waits holds up no other.
 */
import type { CodeExtent } from '../domain/template.ts';
import { SEAT_TTL_MS } from '../limits.ts';
import type { RecordStore } from '../ports.ts';
import type { ClusterStore } from '../ports-cluster.ts';
import { SHARDS, type ShardLedger } from '../ports-ledger.ts';
import { Away } from './away.ts';
import { Bell } from './bell.ts';
import { CatchUp } from './catch-up.ts';
import { BackOff, type Clock, jittered } from './clock.ts';
import type { ShardState } from './cluster-state.ts';
import { ClusterView } from './cluster-view.ts';
import { CodeGuard } from './code-guard.ts';
import { Contribution } from './contribution.ts';
import { Departures } from './departures.ts';
import { Flushing, type OpenStream } from './flushing.ts';
import type { KeeperWorld } from './keeper-world.ts';
import type { LocalLogs } from './local-logs.ts';
import type { MainLink } from './main-link.ts';
import type { NodeIdentity } from './node-identity.ts';
import { BEAT_MS, NodeRegistry } from './node-registry.ts';
import { Rebuild } from './rebuild.ts';
import { repeat } from './repeat.ts';
import { MustNotGoOn, ShardKeeper } from './shard-keeper.ts';
import { StoredWatch } from './stored-watch.ts';
import { Troubles } from './troubles.ts';
import { watched } from './watched.ts';

const LOOK_MS = 500;
const RECLAIM_MS_MAX = 2_000;
const STEP_MS = 1_000;
const STATE_MS = 1_000;
const SETTLE_MS = 100;
const GOODBYE_MS = 1_000;
const RETRY_MS_MIN = 200;
const RETRY_MS_MAX = 5_000;

export interface CoordinatorOptions {
  readonly identity: NodeIdentity;
  readonly clock: Clock;
  readonly store: RecordStore & ClusterStore;
  readonly ledger: ShardLedger;
  readonly logs: LocalLogs;
  readonly main: MainLink;
  readonly codeKey: Uint8Array;
  /** How long a silent node keeps its seats. Default SEAT_TTL_MS. */
  readonly seatTtlMs?: number;
}

export class Coordinator {
  readonly keepers: readonly ShardKeeper[];
  private readonly clock: Clock;
  private readonly seatTtlMs: number;
  private readonly store: RecordStore & ClusterStore;
  private readonly logs: LocalLogs;
  private readonly main: MainLink;
  private readonly view: ClusterView;
  private readonly registry: NodeRegistry;
  private readonly departures: Departures;
  private readonly storedWatch: StoredWatch;
  private readonly guard: CodeGuard;
  private readonly flushing: Flushing;
  private readonly bells: readonly Bell[];
  private readonly storeAway: Away;
  private readonly troubles: Troubles;
  private keeping: Promise<unknown> = Promise.resolve();
  private stopping = false;
  /** Nothing goes on any more. */
  private ended = false;

  constructor(options: CoordinatorOptions) {
    const { identity, clock, store: plainStore, ledger, logs, main, codeKey } = options;
    const { seatTtlMs = SEAT_TTL_MS } = options;
    const { nodeId } = identity;
    this.seatTtlMs = seatTtlMs;
    this.clock = clock;
    this.logs = logs;
    this.main = main;
    this.storeAway = new Away(clock);
    this.troubles = new Troubles(
      () => clock.nowMs(),
      (trouble) => main.trouble(trouble),
    );
    const store = watched(plainStore, this.storeAway);
    this.store = store;
    this.view = new ClusterView(store);
    this.registry = new NodeRegistry(store, identity, (detail) => this.fatal(detail));
    this.departures = new Departures(clock, store, this.view, nodeId);
    this.storedWatch = new StoredWatch(this.view, main);
    const guard = new CodeGuard(codeKey, () => store.extents());
    this.guard = guard;
    const stored = (shard: number, incarnation: number) => this.view.stored(shard, incarnation);
    const common = { nodeId, seatTtlMs, clock, store, ledger, stored };
    const world: KeeperWorld = {
      ...common,
      main,
      contribution: new Contribution(clock, store, logs, guard),
      catchUp: new CatchUp(clock, store, main),
      rebuild: new Rebuild(clock, nodeId, store, ledger, guard),
      departures: this.departures,
      isMember: (shard) => this.view.isMember(shard, nodeId),
      beat: () => this.registry.beat(),
    };
    const flushers = {
      ...common,
      guard,
      nodes: () => this.view.nodes,
      onGap: (shard: number, incarnation: number, detail: string) => {
        const what =
          'the record store has lost claims it had: a shard is rebuilt from it, the stream and local logs';
        this.troubles.met(what, detail, `shard ${shard}`);
        this.met(shard, (keeper) => keeper.lost(incarnation));
      },
      onStored: this.storedWatch.stored.bind(this.storedWatch),
    };
    this.flushing = new Flushing(flushers, this.troubles);
    const shards = Array.from({ length: SHARDS }, (_, shard) => shard);
    this.keepers = shards.map((shard) => new ShardKeeper(world, shard, logs.oldLogIds.length > 0));
    this.bells = shards.map(() => new Bell(clock));
    ledger.onNotice((notice) => {
      if (notice.kind !== 'head') return;
      this.keepers[notice.shard].sawHead(notice.head);
      this.flushing.ring();
    });
  }

  /** Resolves when the node is registered and everything runs; tries until the store can be reached. */
  async start(): Promise<void> {
    const retry = new BackOff(this.clock, RETRY_MS_MIN, RETRY_MS_MAX);
    while (!this.ended) {
      try {
        if (!(await this.registry.register())) return;
        await this.store.ensureShards(SHARDS);
        await this.view.look();
        break;
      } catch (error) {
        this.troubles.met('this node could not be registered', error);
        this.tellState();
        await this.clock.sleep(retry.failed());
      }
    }
    const isOver = () => this.ended;
    const about = (ms: number) => () => jittered(this.clock, ms);
    const always = (pauseMs: () => number, failure: string, work: () => Promise<unknown>): void => {
      void repeat(this.clock, isOver, pauseMs, work, (error) => this.troubles.met(failure, error));
    };
    const every = (ms: number) => () => ms;
    const { seatTtlMs } = this;
    always(about(LOOK_MS), 'the record store could not be looked at', () => this.look());
    // Three times before it would end.
    always(every(seatTtlMs * 0.3), 'seats could not be kept', () => this.extend());
    const reclaimMs = Math.min(RECLAIM_MS_MAX, seatTtlMs / 4);
    always(about(reclaimMs), 'the seats of dead nodes could not be ended', () => this.reclaim());
    always(
      about(Math.min(BEAT_MS, seatTtlMs / 4)),
      'the record store could not be told that this node lives',
      () => this.registry.beat(),
    );
    always(every(STATE_MS), 'the state could not be told', async () => this.tellState());
    void this.flushing.run(
      () => this.streams(),
      () => this.ended,
    );
    this.keeping = Promise.all(this.keepers.map((keeper) => this.keep(keeper)));
  }

  /** A new one, maybe of another node's template. */
  extent(extent: CodeExtent): void {
    this.guard.add(extent);
  }

  /** What main tells of a shard may call for the next step. */
  met(shard: number, tell: (keeper: ShardKeeper) => void): void {
    tell(this.keepers[shard]);
    this.bells[shard].ring();
  }

  /** By shard, what the life has at least. */
  ownerStarts(stored: readonly { readonly incarnation: number; readonly position: number }[]): void {
    for (const [shard, keeper] of this.keepers.entries())
      keeper.ownerStarts(stored[shard].incarnation, stored[shard].position);
  }

  /** Owners have stopped. → whether all of this node's claims are stored, and it is no member any more. */
  async stop(patienceMs: number): Promise<boolean> {
    const untilMs = this.clock.nowMs() + patienceMs;
    this.stopping = true;
    for (const bell of this.bells) bell.ring();
    await Promise.race([this.keeping, this.clock.sleep(patienceMs / 2)]);
    await Promise.all(this.keepers.map((keeper) => this.leave(keeper)));
    let settled = false;
    while (!settled && !this.ended && this.clock.nowMs() < untilMs) {
      this.flushing.ring();
      const all = await Promise.all(this.keepers.map((keeper) => this.settle(keeper)));
      settled = all.every(Boolean);
      if (!settled) await this.clock.sleep(SETTLE_MS);
    }
    await Promise.race([this.sayStopped(), this.clock.sleep(GOODBYE_MS)]);
    this.ended = true;
    return settled;
  }

  /** A seat that cannot be given up ends by itself. */
  private async leave(keeper: ShardKeeper): Promise<void> {
    await keeper.leave().catch((error: unknown) => {
      this.troubles.met('a seat could not be given up', error, `shard ${keeper.shard}`);
    });
  }

  private async settle(keeper: ShardKeeper): Promise<boolean> {
    return await keeper.settle().catch((error: unknown) => {
      this.troubles.met('a membership could not be ended', error, `shard ${keeper.shard}`);
      return false;
    });
  }

  private async sayStopped(): Promise<void> {
    await this.registry.stopped().catch((error: unknown) => {
      this.troubles.met('the record store could not be told of the stop', error);
    });
  }

  private fatal(detail: string): void {
    if (this.ended) return;
    this.ended = true;
    this.main.fatal(detail);
  }

  private async look(): Promise<void> {
    for (const shard of await this.view.look()) this.bells[shard].ring();
    this.storedWatch.look(this.view.openRows());
    await this.departures.settle();
  }

  private async extend(): Promise<void> {
    await Promise.all(this.keepers.map((keeper) => keeper.extend()));
  }

  private async reclaim(): Promise<void> {
    await Promise.all(this.view.openRows().map((row) => this.keepers[row.shard].reclaim(row.incarnation)));
  }

  private async keep(keeper: ShardKeeper): Promise<void> {
    const retry = new BackOff(this.clock, RETRY_MS_MIN, RETRY_MS_MAX);
    while (!this.stopping && !this.ended) {
      let pauseMs = jittered(this.clock, STEP_MS);
      try {
        await keeper.step(this.view.row(keeper.shard)!);
        keeper.trouble = null;
        retry.reset();
      } catch (error) {
        if (error instanceof MustNotGoOn) return this.fatal(error.message);
        keeper.trouble = error instanceof Error ? error.message : String(error);
        this.troubles.met('a shard could not be brought on', error, `shard ${keeper.shard}`);
        pauseMs = retry.failed();
      }
      this.tellOldLogs();
      await this.bells[keeper.shard].wait(pauseMs);
    }
  }

  private streams(): OpenStream[] {
    const rows = this.view.openRows();
    return rows.map(({ shard, incarnation }) => ({ shard, incarnation, head: this.keepers[shard].head }));
  }

  private tellOldLogs(): void {
    const logIds = this.logs.oldLogIds;
    if (logIds.length === 0 || this.keepers.some((keeper) => keeper.hasOldClaims)) return;
    this.logs.dropOldLogs();
    this.main.oldLogsStored(logIds);
  }

  private tellState(): void {
    this.main.state({
      shards: this.keepers.map((keeper) => this.stateOf(keeper)),
      storeAwaySinceMs: this.storeAway.sinceMs,
    });
  }

  private stateOf({ shard, phase, why, waitingFor, head, ledgerAway }: ShardKeeper): ShardState {
    const incarnation = this.view.row(shard)?.incarnation ?? 0;
    const stuck = this.flushing.stuck(shard);
    const stored = this.view.stored(shard, incarnation);
    return {
      shard,
      phase,
      incarnation,
      why,
      waitingFor,
      head: Math.max(head, stored),
      stored,
      stuck,
      ledgerAway,
    };
  }
}
