/** One life of an owner in a cluster, as workers/owner-life.ts has it, over simulated rings, disk and connections. */
import type { ClusterOwner, ClusterPorts } from '../../../src/actors/cluster-owner.ts';
import { ownerOf } from '../../../src/actors/placement.ts';
import { Rebuild } from '../../../src/actors/rebuild.ts';
import { TemplateActor } from '../../../src/actors/template-actor.ts';
import { UnitTable } from '../../../src/actors/unit-table.ts';
import { UserTable } from '../../../src/actors/user-table.ts';
import { ENTRY_BYTES, ENTRY_WORDS, entryWords } from '../../../src/claimlog/entry.ts';
import { sealLog } from '../../../src/claimlog/log-seal.ts';
import { LogWriter } from '../../../src/claimlog/log-writer.ts';
import { logStart } from '../../../src/claimlog/segment.ts';
import { DRAIN_MAX, SLICE_IDLE_MS } from '../../../src/limits.ts';
import type { Watermark } from '../../../src/ports.ts';
import type { ShardSeat } from '../../../src/ports-ledger.ts';
import { LOG_POSITION_BYTES, LogPosition } from '../../../src/rings/layout.ts';
import type { FromOwner, OwnedTemplate, ToOwner } from '../../../src/workers/owner-messages.ts';
import type { OwnerShards } from '../../../src/workers/owner-shards.ts';
import { StreamPlacesWriter } from '../../../src/workers/stream-places.ts';
import { Injected } from '../faults.ts';
import { LOG_ROOT } from '../log-root.ts';
import { Channel } from '../scheduler.ts';
import { threadDisk } from '../thread-disk.ts';
import type { SimClaim } from './clients.ts';
import type { SimProcess } from './sim-process.ts';
import { Thread } from './thread.ts';

const TICK_US = 10_000;
const HOUSEKEEPING_US = 250_000;
const SYNC_LONG_US = 1_000_000;

export interface OwnerPlan {
  readonly index: number;
  readonly first: boolean;
  readonly logId: number;
  readonly seal: number | null;
  readonly life: number;
  readonly templates: readonly OwnedTemplate[];
  readonly seats: readonly ShardSeat[];
  readonly followed: SharedArrayBuffer;
}

export class OwnerThread {
  readonly plan: OwnerPlan;
  readonly process: SimProcess;
  readonly thread: Thread;
  readonly owner: ClusterOwner;
  readonly positions = new SharedArrayBuffer(LOG_POSITION_BYTES);
  private readonly places: StreamPlacesWriter;
  /** What main has put on the ring. */
  readonly requests: SimClaim[] = [];
  serving = false;
  private readonly unitTables = new Map<number, UnitTable>();
  private readonly toMain: Channel;
  private readonly fromMain: Channel;
  private shards: OwnerShards | null = null;
  private log: LogWriter | null = null;
  private backlog: ToOwner[] = [];
  private replies: { claim: SimClaim; verdict: number; serial: number }[] = [];
  private drainPlanned = false;
  private ticking = false;
  private stopping = false;
  private readonly leaving: { readonly shard: number; readonly end: number }[] = [];
  private idleCheckedMs = 0;

  constructor(process: SimProcess, plan: OwnerPlan) {
    this.process = process;
    this.plan = plan;
    this.places = new StreamPlacesWriter(plan.followed);
    this.thread = new Thread(process);
    const { world } = process;
    const delayUs = () => world.random.skewed(20, 2_000);
    this.toMain = new Channel(world.scheduler, delayUs);
    this.fromMain = new Channel(world.scheduler, delayUs);
    this.owner = world.parts.owner(plan.index, this.ports());
    for (const template of plan.templates) this.takeTemplate(template);
    void this.begin().catch((error: unknown) => this.die(error));
  }

  private ports(): ClusterPorts {
    const { world } = this.process;
    return {
      append: (words, count) => {
        if (count > 0) this.log!.append(words, count);
        return this.log!.end;
      },
      durable: () => world.parts.durable(this.log!.synced, this.log!.end),
      appended: () => this.startSync(),
      reply: (slotWord, verdict, serial) => {
        this.replies.push({ claim: world.clients.claims[slotWord], verdict, serial });
      },
      askLease: (ref, holder, epoch, sold) => this.post({ kind: 'lease', ref, holder, epoch, sold }),
      giveBack: (ref, holder, epoch, sold, unsold) =>
        this.post({ kind: 'giveBack', ref, holder, epoch, sold, unsold }),
      commit: (shard, flight) => void this.shards!.commit(shard, flight),
      followed: (shard, position) => {
        this.places.followed(shard, position);
      },
      refused: (shard, kind, detail) => this.shards!.refusedShard(shard, kind, detail),
      quiesced: (shard) => this.quiesced(shard),
    };
  }

  private takeTemplate({ rules, total, placed, units }: OwnedTemplate): void {
    const { templateId } = rules;
    this.owner.learn(templateId, placed);
    for (let partition = 0; partition < rules.partitions; partition++) {
      if (ownerOf(templateId, partition, this.process.owners) !== this.plan.index) continue;
      const known = this.owner.actor(templateId, partition);
      if (known !== undefined) {
        known.setRules(rules);
        continue;
      }
      let table = this.unitTables.get(templateId);
      if (table === undefined) {
        table = new UnitTable(units);
        this.unitTables.set(templateId, table);
      }
      const users = UserTable.create(Math.ceil(total / rules.partitions));
      this.owner.add(new TemplateActor(rules, partition, users, table));
    }
  }

  // ---------------------------------------------------------------- how it begins

  private async begin(): Promise<void> {
    const { process, plan, thread } = this;
    const { world, node } = process;
    const store = world.records.client(thread, node.id);
    const disk = threadDisk(node.disk, () => thread.isGone);
    if (plan.seal !== null) {
      const logId = plan.seal;
      const end = sealLog(disk, LOG_ROOT, logId, logStart(disk, LOG_ROOT, logId));
      this.toMain.send(() => this.toProcess(() => process.sealed(plan.index, logId, end)));
    }
    this.log = new LogWriter(disk, LOG_ROOT, plan.logId, world.segmentBytesMax);
    const memory = new Rebuild(this.owner, plan.first);
    const watermarks = await store.watermarks();
    for (let after = 0; ; ) {
      const page = await store.claimBlocks(after);
      if (page.entries.length === 0) break;
      after = page.lastBlock;
      for (const block of page.entries) {
        const words = entryWords(block);
        memory.add(words, 0, words.length / ENTRY_WORDS);
      }
    }
    memory.finish();
    this.owner.startFrom(memory.taken());
    await this.follow(watermarks);
    this.toMain.send(() => this.toProcess(() => process.ownerReady(this)));
    this.serving = true;
    this.housekeep();
    this.ring();
  }

  private async follow(watermarks: readonly Watermark[]): Promise<void> {
    const { process, plan, thread } = this;
    const { world, node } = process;
    this.shards = world.parts.shards({
      index: plan.index,
      life: plan.life,
      places: this.places,
      owner: this.owner,
      commits: world.redis.commits(thread, node.id),
      ledger: world.redis.ledger(thread, node.id),
      clock: thread.clock,
      now: () => world.nowMs,
      step: (body) => this.step(body),
      tell: (message) => this.post(message),
    });
    const { backlog } = this;
    this.backlog = [];
    // Messages that came while it read are taken as soon as it can.
    for (const message of backlog) this.message(message);
    await this.shards.start(watermarks, plan.seats);
  }

  // ---------------------------------------------------------------- one step after the other

  step(body: () => void): void {
    if (this.thread.isGone) return;
    try {
      body();
      this.publish();
      if (!this.ticking && this.owner.hasParked) this.tick();
    } catch (error) {
      this.die(error);
    }
  }

  private publish(): void {
    if (this.replies.length === 0) return;
    const { replies } = this;
    this.replies = [];
    this.toMain.send(() => this.toProcess(() => this.process.replied(replies)));
  }

  /** Its thread is gone. Whatever was not injected is a finding. */
  die(error: unknown): void {
    const { process, thread } = this;
    if (thread.isGone) return;
    if (!(error instanceof Injected)) {
      process.failed(error);
      return;
    }
    process.world.trace(() => `${process.node.id} owner ${this.plan.index} dies: ${error.message}`);
    thread.over = true;
    this.shards?.stop();
    process.main.later(process.world.random.skewed(20, 3_000), () => process.ownerDown(this));
  }

  private post(message: FromOwner): void {
    this.toMain.send(() => this.toProcess(() => this.process.fromOwner(this, message)));
  }

  /** What a thread has sent arrives also when it has died since, but not once main knows that. */
  private toProcess(body: () => void): void {
    this.process.main.enter(() => {
      if (this.process.knows(this)) body();
    });
  }

  // ---------------------------------------------------------------- syncs

  private startSync(): void {
    const log = this.log!;
    if (log.isSyncing || log.synced === log.end) return;
    log.startSync((error) =>
      this.thread.enter(() =>
        this.step(() => {
          if (error !== null) throw error;
          const positions = new Int32Array(this.positions);
          Atomics.store(positions, LogPosition.end, log.end / ENTRY_BYTES);
          Atomics.store(positions, LogPosition.synced, log.synced / ENTRY_BYTES);
          this.owner.release();
          this.tellQuiesced();
          if (log.synced < log.end) this.startSync();
          if (this.stopping) this.tryStop();
        }),
      ),
    );
  }

  private quiesced(shard: number): void {
    this.leaving.push({ shard, end: this.log!.end });
    this.startSync();
    this.tellQuiesced();
  }

  private tellQuiesced(): void {
    while (this.leaving.length > 0 && this.leaving[0].end <= this.log!.synced)
      this.post({ kind: 'quiesced', shard: this.leaving.shift()!.shard });
  }

  // ---------------------------------------------------------------- claims

  ring(): void {
    if (!this.serving || this.drainPlanned || this.requests.length === 0) return;
    this.drainPlanned = true;
    this.thread.later(this.process.world.random.skewed(5, 1_000), () => {
      this.drainPlanned = false;
      this.step(() => this.drain());
      this.ring();
    });
  }

  private drain(): void {
    const claims = this.requests.splice(0, DRAIN_MAX);
    const { owner } = this;
    owner.begin(this.process.world.nowMs);
    for (const { number, templateId, activityId, partitionOn, lo, hi, keyLo, keyHi } of claims)
      owner.claim(number, templateId, partitionOn, activityId, lo, hi, keyLo, keyHi);
    owner.end();
    if (this.stopping) this.tryStop();
  }

  private tick(): void {
    this.ticking = true;
    this.thread.later(TICK_US, () => {
      this.ticking = false;
      this.step(() => {
        this.owner.tick(this.process.world.nowMs);
        if (this.stopping && this.requests.length === 0) this.tryStop();
      });
      if (!this.ticking && this.stopping) this.tick();
    });
  }

  private housekeep(): void {
    this.thread.later(HOUSEKEEPING_US, () => {
      this.housekeep();
      const { nowMs } = this.process.world;
      if (nowMs - this.idleCheckedMs < SLICE_IDLE_MS / 2) return;
      this.idleCheckedMs = nowMs;
      this.step(() => this.owner.returnIdle(nowMs));
    });
  }

  tryStop(): void {
    const { owner, thread } = this;
    const log = this.log!;
    if (thread.isGone || log.isSyncing || owner.inFlight > 0 || owner.hasParked || owner.flights > 0) return;
    if (log.synced < log.end) {
      this.startSync();
      return;
    }
    owner.giveAllBack();
    log.close();
    this.publish();
    const { end } = log;
    this.toMain.send(() => this.toProcess(() => this.process.ownerStopped(this, end)));
    thread.over = true;
    this.shards?.stop();
  }

  describe(): string {
    const { inFlight, hasParked, flights } = this.owner;
    const { over } = this.thread;
    const log = this.log === null ? 'none' : `${this.log.synced} of ${this.log.end} synced`;
    return `over ${over}, serving ${this.serving}, log ${log}, ${inFlight} batches, parked ${hasParked}, ${flights} flights`;
  }

  // ---------------------------------------------------------------- messages

  send(message: ToOwner): void {
    this.fromMain.send(() => this.thread.enter(() => this.message(message)));
  }

  private message(message: ToOwner): void {
    if (this.shards === null) this.backlog.push(message);
    else this.step(() => this.take(message));
  }

  private take(message: ToOwner): void {
    const { nowMs } = this.process.world;
    const shards = this.shards!;
    if (message === 0) return;
    switch (message.kind) {
      case 'template':
        this.takeTemplate(message.template);
        break;
      case 'units':
        for (const buffer of message.buffers) this.unitTables.get(message.templateId)?.attach(buffer);
        break;
      case 'lease':
        this.owner.leaseOutcome(message.ref, message.partition, message.outcome, nowMs);
        break;
      case 'recall':
        this.owner.recall(message.ref, message.partition, message.all, nowMs);
        break;
      case 'replenished':
        this.owner.replenished(message.ref, message.partition);
        break;
      case 'shardOpen':
        void shards.open(message.seat, message.follow);
        break;
      case 'shardSuspend':
        shards.close(message.shard);
        this.owner.suspend(message.shard);
        break;
      case 'takeIn':
        void shards
          .takeIn(message.shard, message.entries)
          .then(() => this.post({ kind: 'tookIn', shard: message.shard }));
        break;
      case 'stop':
        this.stopping = true;
        this.thread.later(SYNC_LONG_US / 1_000, () => {
          this.tick();
          this.step(() => this.drain());
        });
        break;
    }
  }
}
