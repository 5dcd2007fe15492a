/** One life of an owner thread, as workers/owner-entry.ts has it, its waits turned into events. */
import type { Owner } from '../../src/actors/owner.ts';
import { ownerOf } from '../../src/actors/placement.ts';
import { Rebuild } from '../../src/actors/rebuild.ts';
import type { TemplateRules } from '../../src/actors/rules.ts';
import { UnitTable } from '../../src/actors/unit-table.ts';
import { UserTable } from '../../src/actors/user-table.ts';
import { Verdict } from '../../src/actors/verdict.ts';
import { ENTRY_WORDS, entryWords } from '../../src/claimlog/entry.ts';
import { scanLog } from '../../src/claimlog/log-scan.ts';
import { LogWriter } from '../../src/claimlog/log-writer.ts';
import { DRAIN_MAX } from '../../src/limits.ts';
import type { Claim } from './clients.ts';
import { poolNumber } from './desk-pool.ts';
import { Injected, Killed } from './faults.ts';
import { LOG_ROOT } from './log-root.ts';
import type { Process } from './process.ts';
import { Channel } from './scheduler.ts';
import { threadDisk } from './thread-disk.ts';

export interface LifePlan {
  readonly index: number;
  readonly first: boolean;
  readonly logId: number;
  readonly templates: readonly OwnedTemplate[];
  readonly logs: readonly number[];
  readonly seal: number | null;
}

export interface OwnedTemplate {
  readonly rules: TemplateRules;
  readonly total: number;
  readonly units: readonly SharedArrayBuffer[];
}

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
  private readonly process: Process;
  private readonly unitTables = new Map<number, UnitTable>();
  private replies: number[] = [];
  /** Messages that came before it serves; null once it does. */
  private backlog: (() => void)[] | null = [];
  private drainPlanned = false;
  private tickPlanned = false;
  private syncPlanned = false;
  private returningIdle = false;

  constructor(process: Process, plan: LifePlan) {
    this.process = process;
    this.plan = plan;
    const { world } = process;
    this.toMain = new Channel(world.scheduler, () => world.random.skewed(20, 3_000));
    this.toOwner = new Channel(world.scheduler, () => world.random.skewed(20, 3_000));
    this.owner = world.parts.owner(plan.index, {
      append: (words, count) => this.append(words, count),
      durable: () => (world.syncsAlways ? this.log!.synced : this.log!.end),
      appended: () => this.wantSync(),
      reply: (slotWord, verdict, serial) => this.reply(slotWord, verdict, serial),
      askLease: (ref, holder, epoch, sold) =>
        process.fromOwner(this, epoch !== 0, () => process.desk.lease(this, ref, holder, epoch, sold)),
      giveBack: (ref, holder, epoch, sold, unsold) => {
        if (this.returningIdle && unsold.length > 0) world.faults.seen('idleReturn');
        process.fromOwner(this, true, () => process.desk.giveBack(ref, holder, epoch, sold, unsold));
      },
    });
    // What was: seal the last life's log, begin one, rebuild from records, then from logs.
    const marks = world.store.watermarks();
    this.phase(1_000, () => {
      if (plan.seal !== null) {
        const { seal } = plan;
        const end = world.parts.seal(world.disk, LOG_ROOT, seal, marks.get(seal) ?? 0);
        process.fromOwner(this, false, () => process.sealed(plan.index, seal, end));
      }
      this.log = new LogWriter(
        threadDisk(world.disk, () => this.dead),
        LOG_ROOT,
        plan.logId,
        world.segmentBytesMax,
      );
      for (const template of plan.templates) this.take(template);
      const rebuild = new Rebuild(this.owner, plan.first);
      this.phase(3_000, () => {
        const since = world.store.watermarks();
        this.phase(5_000, () => {
          for (const block of world.store.blocks)
            rebuild.add(entryWords(block), 0, block.length / (ENTRY_WORDS * 4));
          this.phase(5_000, () => {
            for (const logId of plan.logs) {
              scanLog(world.disk, LOG_ROOT, logId, since.get(logId) ?? 0, (words, at, n) =>
                rebuild.add(words, at, n),
              );
            }
            process.fromOwner(this, false, () => process.ownerReady(this));
            this.serve();
          });
        });
      });
    });
  }

  private phase(delayUs: number, body: () => void): void {
    const { world } = this.process;
    this.process.later(world.random.between(20, delayUs), () => this.step(body));
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
        if (length === 0) this.process.fromOwner(this, false, () => this.process.takeReplies(this));
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

  private take(template: OwnedTemplate): void {
    const { rules, total } = template;
    const { world } = this.process;
    for (let partition = 0; partition < rules.partitions; partition++) {
      if (ownerOf(rules.templateId, partition, world.owners) !== this.plan.index) continue;
      const known = this.owner.actor(rules.templateId, partition);
      if (known !== undefined) {
        known.setRules(rules);
        continue;
      }
      let units = this.unitTables.get(rules.templateId);
      if (units === undefined) {
        units = new UnitTable(template.units);
        this.unitTables.set(rules.templateId, units);
      }
      const users = UserTable.create(Math.ceil(total / rules.partitions));
      this.owner.add(world.parts.actor(rules, partition, users, units));
    }
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

  private wantSync(): void {
    if (this.log!.isSyncing) return;
    if (this.process.world.syncsAlways) this.startSync();
    else if (!this.syncPlanned) {
      this.syncPlanned = true;
      this.process.later(25_000, () => this.step(() => this.startSync()));
    }
  }

  private startSync(): void {
    this.syncPlanned = false;
    const log = this.log!;
    if (log.isSyncing || log.synced === log.end) return;
    const { world } = this.process;
    const before = log.synced;
    log.startSync((error) =>
      this.step(() => {
        if (error !== null && world.parts.endsWithFailedSync) throw error;
        this.synced = log.synced;
        this.process.flusher?.signal();
        if (world.syncsAlways) this.owner.release();
        // Without progress there is nothing to sync: only an owner that goes on after a failed sync gets there.
        if (log.synced < log.end && log.synced > before) this.wantSync();
        if (this.stopping) this.tryStop();
      }),
    );
    if (this.dieAt === 'syncing') {
      world.faults.seen('ownerKilledSyncing');
      throw new Killed('with a sync in flight');
    }
  }

  /** The shared ring has requests. */
  ring(): void {
    if (this.stopped || this.drainPlanned || this.backlog !== null || this.dead) return;
    this.drainPlanned = true;
    this.process.later(this.process.world.random.skewed(5, 2_000), () => this.step(() => this.drain()));
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
      this.take(template);
    });
  }

  private serve(): void {
    const backlog = this.backlog!;
    this.backlog = null;
    for (const message of backlog) message();
    this.planHousekeeping();
    if (this.requests.length > 0) this.ring();
  }

  private planTick(): void {
    this.tickPlanned = true;
    this.process.later(10_000, () => {
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
      this.startSync();
      return;
    }
    this.owner.giveAllBack();
    log.close();
    this.stopped = true;
    this.process.fromOwner(this, false, () => this.process.ownerStopped(this, log.end));
  }
}
