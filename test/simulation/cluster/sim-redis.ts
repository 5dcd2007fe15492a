/** The ledger's server in a simulation: the model of each shard, behind connections that lose, delay and repeat. */
import type { PoolRef } from '../../../src/ports.ts';
import type { CommitLedger } from '../../../src/ports-commit.ts';
import { type HeldCoupon, SHARDS, type ShardLedger, type ShardNotice } from '../../../src/ports-ledger.ts';
import { leasedUnits, type Pool, type ShardData } from '../../ledger/model/shard-data.ts';
import type { ShardModel } from '../../ledger/model/shard-model.ts';
import { Injected } from '../faults.ts';
import { type Fate, Line, type Server } from './line.ts';
import type { Thread } from './thread.ts';
import type { World } from './world.ts';

const SNAPSHOT_MS_MAX = 4_000;
const LATE_US = 12_000_000;

class StreamTrimmed extends Error {
  override readonly name = 'StreamTrimmed';
}

/** What a shard is now, for those who judge. */
export interface PoolTruth {
  exhausted: boolean;
  /** When it last had units again after it had none. */
  refilledUs: number;
}

export class SimRedis implements Server {
  readonly models: ShardModel[];
  readonly pools = new Map<string, PoolTruth>();
  connection = 0;
  delayUs: number;
  /** Of calls, what share meets a fault. */
  faultRate = 0;
  private readonly world: World;
  private readonly cut = new Set<string>();
  /** Nodes whose requests take so long just now. */
  private readonly held = new Map<string, number>();
  private isDown = false;
  private isFrozen = false;
  private queue: (() => void)[] = [];
  private advancedMs = 0;
  private listeners: { thread: Thread; listener: (notice: ShardNotice) => void }[] = [];

  constructor(world: World) {
    this.world = world;
    this.delayUs = world.random.skewed(1_000, 20_000);
    this.models = Array.from({ length: SHARDS }, (_, shard) => world.parts.model(shard));
  }

  get scheduler() {
    return this.world.scheduler;
  }

  get random() {
    return this.world.random;
  }

  // ---------------------------------------------------------------- as a server

  fate(nodeId: string): Fate {
    const { random } = this.world;
    if (this.isDown) return 'refused';
    if (this.held.has(nodeId)) return 'requestLate';
    // What was sent just before may still be under way for long.
    if (this.cut.has(nodeId)) return random.chance(0.1) ? 'requestLate' : 'refused';
    if (!random.chance(this.faultRate)) return 'arrives';
    return random.pick(['requestLost', 'replyLost', 'replyLost', 'requestLate', 'requestLate']);
  }

  latenessUs(nodeId: string): number {
    return this.held.get(nodeId) ?? this.random.skewed(20_000, LATE_US);
  }

  saw(fate: Fate): void {
    const { faults } = this.world;
    if (fate === 'refused') faults.seen('requestCut');
    else if (fate !== 'arrives') faults.seen(fate);
  }

  serve(run: () => void): 'now' | 'waits' | 'never' {
    if (this.isDown) return 'never';
    if (this.isFrozen) {
      this.world.faults.seen('requestWaited');
      this.queue.push(run);
      return 'waits';
    }
    run();
    return 'now';
  }

  /** What happens at one shard. */
  at<T>(shard: number, changes: boolean, body: (model: ShardModel) => T): T {
    this.advance();
    const model = this.models[shard];
    const result = body(model);
    if (changes) {
      model.assertUnits();
      this.judgePools(shard);
      this.tell(model.notices.splice(0));
    }
    return result;
  }

  private advance(): void {
    const nowMs = this.scheduler.nowUs / 1_000;
    for (const model of this.models) model.advance(nowMs - this.advancedMs);
    this.advancedMs = nowMs;
  }

  data(shard: number): ShardData {
    return (this.models[shard] as unknown as { data: ShardData }).data;
  }

  private judgePools(shard: number): void {
    for (const [key, pool] of this.data(shard).pools) {
      const exhausted = pool.free.length === 0 && leasedUnits(pool) === 0;
      const truth = this.pools.get(key) ?? { exhausted: false, refilledUs: 0 };
      this.pools.set(key, truth);
      if (truth.exhausted && !exhausted) truth.refilledUs = this.scheduler.nowUs;
      truth.exhausted = exhausted;
    }
  }

  private judgeLoss(): void {
    for (let shard = 0; shard < SHARDS; shard++) this.judgePools(shard);
  }

  private tell(notices: readonly ShardNotice[]): void {
    const { random, scheduler, faults } = this.world;
    this.listeners = this.listeners.filter(({ thread }) => !thread.isGone);
    for (const notice of notices) {
      for (const { thread, listener } of this.listeners) {
        if (random.chance(this.faultRate * 4) || this.isDown) faults.seen('noticeLost');
        else scheduler.later(random.skewed(50, this.delayUs), () => thread.enter(() => listener(notice)));
      }
    }
  }

  truth(ref: PoolRef): PoolTruth {
    return this.pools.get(`${ref.templateId}.${ref.activityId}`) ?? { exhausted: false, refilledUs: 0 };
  }

  poolOf(ref: PoolRef): Pool | undefined {
    return this.data(ref.templateId % SHARDS).pools.get(`${ref.templateId}.${ref.activityId}`);
  }

  // ---------------------------------------------------------------- faults

  private reconnect(): void {
    this.connection++;
    this.queue = [];
  }

  restart(): void {
    this.world.faults.seen('redisRestarted');
    this.reconnect();
    for (const model of this.models) model.restart();
  }

  restartEmpty(): void {
    this.world.faults.seen('redisEmptied');
    this.reconnect();
    for (const model of this.models) model.restart({ empty: true });
    this.judgeLoss();
  }

  flush(): void {
    this.world.faults.seen('redisFlushed');
    for (const model of this.models) model.flush();
    this.judgeLoss();
  }

  /** → how to go back to now. */
  snapshot(): () => void {
    const snapshots = this.models.map((model) => model.snapshot());
    return () => {
      this.world.faults.seen('redisRolledBack');
      this.world.trace(() => 'redis rolled back');
      this.reconnect();
      this.models.forEach((model, shard) => {
        model.rollBack(snapshots[shard]);
      });
      this.judgeLoss();
    };
  }

  /** What happens from now on is forgotten a little later. */
  rollBackSoon(): void {
    const rollBack = this.snapshot();
    this.scheduler.later(this.random.skewed(20_000, SNAPSHOT_MS_MAX * 1_000), () => {
      if (!this.world.calm) rollBack();
    });
  }

  freeze(forUs: number): void {
    if (this.isFrozen) return;
    this.world.faults.seen(forUs > 2_000_000 ? 'redisFrozenLong' : 'redisFrozen');
    this.isFrozen = true;
    this.scheduler.later(forUs, () => this.thaw());
  }

  private thaw(): void {
    if (!this.isFrozen) return;
    this.isFrozen = false;
    const { queue } = this;
    this.queue = [];
    for (const run of queue) run();
  }

  down(forUs: number): void {
    this.world.faults.seen('redisDown');
    this.isDown = true;
    this.scheduler.later(forUs, () => {
      this.isDown = false;
    });
  }

  cutOff(nodeId: string, forUs: number): void {
    this.world.faults.seen('nodeCut');
    this.cut.add(nodeId);
    this.scheduler.later(forUs, () => this.cut.delete(nodeId));
  }

  /** What the node sends during `forUs` arrives after `lateUs`. */
  holdBack(nodeId: string, forUs: number, lateUs: number): void {
    this.world.faults.seen('requestsHeld');
    this.held.set(nodeId, lateUs);
    this.scheduler.later(forUs, () => this.held.delete(nodeId));
  }

  calm(): void {
    this.faultRate = 0;
    this.held.clear();
    this.isDown = false;
    this.cut.clear();
    this.thaw();
  }

  // ---------------------------------------------------------------- as nodes see it

  ledger(thread: Thread, nodeId: string): ShardLedger {
    const line = new Line(this, thread, nodeId);
    const change = <T>(shard: number, body: (model: ShardModel) => T): Promise<T> =>
      line.call(() => this.at(shard, true, body));
    const look = <T>(shard: number, body: (model: ShardModel) => T): Promise<T> =>
      line.call(() => this.at(shard, false, body));
    return {
      join: (stamp, ...rest) => change(stamp.shard, (model) => model.join(stamp, ...rest)),
      extend: (seat, ttlMs) => look(seat.shard, (model) => model.extend(seat, ttlMs)),
      reclaim: (stamp) =>
        change(stamp.shard, (model) => {
          const done = model.reclaim(stamp);
          if (done.kind === 'reclaimed' && done.nodeIds.length > 0) this.world.faults.seen('seatExpired');
          return done;
        }),
      leave: (seat) => change(seat.shard, (model) => model.leave(seat)),
      lease: (seat, ...rest) => change(seat.shard, (model) => model.lease(seat, ...rest)),
      giveBack: (seat, ...rest) => change(seat.shard, (model) => model.giveBack(seat, ...rest)),
      recall: (stamp, ref) => change(stamp.shard, (model) => model.recall(stamp, ref)),
      raise: (stamp, ...rest) => change(stamp.shard, (model) => model.raise(stamp, ...rest)),
      fund: (stamp, ...rest) => change(stamp.shard, (model) => model.fund(stamp, ...rest)),
      closePool: (stamp, ref) => change(stamp.shard, (model) => model.closePool(stamp, ref)),
      seal: (shard, incarnation) => change(shard, (model) => model.seal(incarnation)),
      open: async (shard, incarnation, pools, held) => {
        // Begun on one server, it may not end on another.
        const { connection } = this;
        await look(shard, () => {});
        const all: HeldCoupon[] = [];
        for await (const coupons of held) {
          all.push(...coupons);
          await look(shard, () => {});
        }
        await change(shard, (model) => {
          if (this.connection !== connection) throw new Injected('the server was restarted');
          const { incarnation: present, sealed } = this.data(shard);
          if (incarnation <= Math.max(present, sealed)) throw new Injected('it comes too late');
          model.open(incarnation, pools, all);
        });
        this.world.faults.seen('shardOpened');
      },
      read: (shard, incarnation, from, max) =>
        look(shard, (model) => {
          const { incarnation: present, trimmedTo } = this.data(shard);
          if (present !== incarnation || from < trimmedTo) throw new StreamTrimmed('trimmed');
          return model.read(incarnation, from, max);
        }),
      head: (shard, incarnation) => look(shard, (model) => model.head(incarnation)),
      start: (shard, incarnation) => look(shard, (model) => model.start(incarnation)),
      trim: (shard, incarnation, position) => look(shard, (model) => model.trim(incarnation, position)),
      pools: (shard, incarnation) => look(shard, (model) => model.pools(incarnation)),
      onNotice: (listener) => void this.listeners.push({ thread, listener }),
      disconnect: async () => {},
    };
  }

  commits(thread: Thread, nodeId: string): CommitLedger {
    const line = new Line(this, thread, nodeId);
    return {
      commit: (batch) =>
        line.call(() => {
          const before = this.data(batch.seat.shard).claims.length;
          const answer = this.at(batch.seat.shard, true, (model) => model.commit(batch));
          this.world.oracle.committed(this.data(batch.seat.shard), before);
          return answer;
        }),
      fenceOwner: (seat, owner, life) =>
        line.call(() => this.at(seat.shard, true, (model) => model.fenceOwner(seat, owner, life))),
    };
  }
}
