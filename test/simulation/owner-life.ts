/** One life of an owner thread, as workers/owner-life.ts has it, its waits turned into events. */
import type { Owner } from '../../src/actors/owner.ts';
import type { UnitTable } from '../../src/actors/unit-table.ts';
import { Verdict } from '../../src/actors/verdict.ts';
import type { LogWriter } from '../../src/claimlog/log-writer.ts';
import { DRAIN_MAX } from '../../src/limits.ts';
import type { Claim } from './clients.ts';
import { poolNumber } from './desk-pool.ts';
import { Injected, Killed } from './faults.ts';
import { beginLife, type LifePlan, type OwnedTemplate, takeTemplate } from './owner-start.ts';
import { OwnerSync } from './owner-sync.ts';
import type { Process } from './process.ts';
import { Channel } from './scheduler.ts';

export class OwnerLife {
  readonly plan: LifePlan;
  readonly owner: Owner;
  readonly toMain: Channel;
  readonly toOwner: Channel;
  log: LogWriter | null = null;
  /** The thread is gone. */
  dead = false;
  /** Main knows that it is. */
  ended = false;
  stopping = false;
  stopped = false;
  dieAt: 'midDrain' | 'beforeWrite' | 'afterWrite' | 'syncing' | null = null;
  /** What the flusher may read, as the shared position tells. */
  synced = 0;
  readonly requests: Claim[] = [];
  /** Replies main may take: slot, verdict, serial. */
  published: number[] = [];
  /** By pool and partition: the pool's units when the last message this actor got about it was sent. */
  readonly capacityKnown = new Map<number, number>();
  readonly process: Process;
  readonly unitTables = new Map<number, UnitTable>();
  private replies: number[] = [];
  /** Messages that came before it serves; null once it does. */
  private backlog: (() => void)[] | null = [];
  private drainPlanned = false;
  private tickPlanned = false;
  private readonly sync = new OwnerSync(this);
  private returningIdle = false;

  constructor(process: Process, plan: LifePlan) {
    this.process = process;
    this.plan = plan;
    const { world } = process;
    this.toMain = new Channel(world.scheduler, () => world.random.skewed(20, 3_000) + world.lateUs());
    this.toOwner = new Channel(world.scheduler, () => world.random.skewed(20, 3_000) + world.lateUs());
    this.owner = world.parts.owner(plan.index, {
      append: (words, count) => this.append(words, count),
      durable: () => (world.syncsAlways ? this.log!.synced : this.log!.end),
      appended: () => this.sync.want(),
      reply: (slotWord, verdict, serial) => this.reply(slotWord, verdict, serial),
      askLease: (ref, holder, epoch, sold) =>
        process.fromOwner(this, epoch !== 0, () => process.desk.lease(this, ref, holder, epoch, sold)),
      giveBack: (ref, holder, epoch, sold, unsold) => {
        if (this.returningIdle && unsold.length > 0) world.faults.seen('idleReturn');
        process.fromOwner(this, true, () => process.desk.giveBack(ref, holder, epoch, sold, unsold));
      },
    });
    beginLife(this);
  }

  /** Runs a step of this life; what it throws ends the life. */
  step(body: () => void): void {
    if (this.dead || this.stopped) return;
    try {
      body();
      if (this.replies.length > 0) {
        const { length } = this.published;
        this.published.push(...this.replies);
        this.replies.length = 0;
        if (length === 0) this.process.fromOwner(this, false, () => this.process.claims.takeReplies(this));
      }
      if (!this.tickPlanned && this.owner.hasParked) this.planTick();
    } catch (error) {
      const isFence = error instanceof Error && error.message.endsWith('is fenced');
      if (!(error instanceof Injected) && !isFence) throw error;
      this.die(String(error));
    }
  }

  die(why: string): void {
    if (this.dead) return;
    this.dead = true;
    this.process.world.trace(() => `owner ${this.plan.index} log ${this.plan.logId} dies: ${why}`);
    // The end is told beside the messages, and may overtake them.
    const { world } = this.process;
    this.process.later(world.random.skewed(20, 3_000), () => this.process.ownerDown(this));
  }

  private append(words: Uint32Array, count: number): number {
    const log = this.log!;
    if (count === 0) return log.end;
    const { faults } = this.process.world;
    if (this.dieAt === 'beforeWrite') {
      faults.seen('ownerKilledBeforeWrite');
      throw new Killed('before a write');
    }
    log.append(words, count);
    if (this.dieAt === 'afterWrite') {
      faults.seen('ownerKilledAfterWrite');
      throw new Killed('after a write');
    }
    return log.end;
  }

  private reply(slotWord: number, verdict: number, serial: number): void {
    this.replies.push(slotWord, verdict, serial);
    if (verdict !== Verdict.soldOut) return;
    const { template, activityId, partition } = this.process.world.claims[slotWord];
    const pool = this.process.desk.pool({ templateId: template.id, activityId })!;
    const known = this.capacityKnown.get(poolNumber(pool.ref) * 64 + partition);
    this.process.world.oracle.exhausted(pool, known ?? Number.POSITIVE_INFINITY);
  }

  /** The shared ring has requests. */
  ring(): void {
    if (this.stopped || this.drainPlanned || this.backlog !== null || this.dead) return;
    this.drainPlanned = true;
    const { world } = this.process;
    this.process.later(world.random.skewed(5, 2_000) + world.lateUs(), () => this.step(() => this.drain()));
  }

  private drain(): void {
    this.drainPlanned = false;
    const { world } = this.process;
    const n = Math.min(this.requests.length, DRAIN_MAX);
    const dieAfter = this.dieAt === 'midDrain' ? world.random.int(n) : -1;
    this.owner.begin(world.nowMs);
    for (let i = 0; i < n; i++) {
      const claim = this.requests[i];
      const { template, activityId, lo, hi, keyLo, keyHi } = claim;
      this.owner.claim(claim.number, template.id, claim.partition, activityId, lo, hi, keyLo, keyHi);
      if (i === dieAfter) {
        world.faults.seen('ownerKilledMidDrain');
        throw new Killed('in the middle of a drain');
      }
    }
    this.requests.splice(0, n);
    this.owner.end();
    if (this.stopping) this.tryStop();
  }

  message(body: (owner: Owner) => void): void {
    this.toOwner.send(() => {
      if (this.dead || !this.process.alive) return;
      if (this.backlog !== null) this.backlog.push(() => this.step(() => body(this.owner)));
      else this.step(() => body(this.owner));
    });
  }

  changeTemplate(template: OwnedTemplate, added: readonly SharedArrayBuffer[]): void {
    this.message(() => {
      for (const buffer of added) this.unitTables.get(template.rules.templateId)?.attach(buffer);
      takeTemplate(this, template);
    });
  }

  /** It has its memory again. */
  serve(): void {
    const backlog = this.backlog!;
    this.backlog = null;
    for (const message of backlog) message();
    this.planHousekeeping();
    if (this.requests.length > 0) this.ring();
  }

  private planTick(): void {
    this.tickPlanned = true;
    this.process.later(10_000 + this.process.world.lateUs(), () => {
      this.tickPlanned = false;
      this.step(() => this.owner.tick(this.process.world.nowMs));
    });
  }

  private planHousekeeping(): void {
    this.process.later(1_000_000, () => {
      if (this.dead || this.stopped) return;
      this.planHousekeeping();
      this.step(() => {
        this.returningIdle = true;
        this.owner.returnIdle(this.process.world.nowMs);
        this.returningIdle = false;
      });
    });
  }

  tryStop(): void {
    const log = this.log!;
    if (this.stopped || log.isSyncing || this.owner.inFlight > 0 || this.requests.length > 0) return;
    if (log.synced < log.end) {
      this.sync.start();
      return;
    }
    this.owner.giveAllBack();
    log.close();
    this.stopped = true;
    this.process.fromOwner(this, false, () => this.process.ownerStopped(this, log.end));
  }
}
