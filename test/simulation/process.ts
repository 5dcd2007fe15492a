/** One run of the server: what engine/engine.ts and workers/owner-pool.ts do on the main thread, in their order. */
import type { Owner } from '../../src/actors/owner.ts';
import { listLogs } from '../../src/claimlog/segment.ts';
import type { Holder, PoolRef } from '../../src/ports.ts';
import { ClaimCounter } from './claim-counter.ts';
import { poolNumber } from './desk-pool.ts';
import { Injected } from './faults.ts';
import { Flusher } from './flusher.ts';
import { LOG_ROOT } from './log-root.ts';
import { OwnerLife } from './owner-life.ts';
import { StockDesk } from './stock-desk.ts';
import { isPlacedOn, openPools, owned, type View, viewOf } from './view.ts';
import type { World } from './world.ts';

export interface FollowedLog {
  watermark: number;
  readonly life: OwnerLife | null;
  end: number | null;
}

export class Process {
  alive = true;
  /** Takes claims. */
  serving = false;
  stopping = false;
  readonly world: World;
  readonly desk: StockDesk;
  readonly views = new Map<number, View>();
  readonly lives: (OwnerLife | null)[] = [];
  readonly logs = new Map<number, FollowedLog>();
  readonly claims = new ClaimCounter(this);
  flusher: Flusher | null = null;
  readonly rebuilding: (OwnerLife | null)[] = [];
  private readonly unsealed: (number | null)[] = [];
  private oldLogs: number[] = [];
  private nextLogId = 1;
  private firstReady = 0;
  private stoppedOwners = 0;

  constructor(world: World) {
    this.world = world;
    this.desk = new StockDesk(this);
  }

  later(delayUs: number, run: () => void): void {
    this.world.scheduler.later(delayUs, () => {
      if (this.alive) run();
    });
  }

  // ------------------------------------------------------------ life

  start(): void {
    const { world } = this;
    for (const template of world.templates) this.views.set(template.id, viewOf(template));
    try {
      const marks = world.store.watermarks();
      this.oldLogs = listLogs(world.disk, LOG_ROOT);
      this.nextLogId = Math.max(0, ...this.oldLogs, ...marks.keys()) + 1;
      for (const logId of this.oldLogs) {
        const watermark = marks.get(logId) ?? 0;
        const end = world.parts.seal(world.disk, LOG_ROOT, logId, watermark);
        this.logs.set(logId, { watermark, life: null, end });
      }
    } catch (error) {
      if (!(error instanceof Injected)) throw error;
      world.faults.seen('processKilledStarting');
      world.crash(world.random.chance(0.4));
      return;
    }
    for (let index = 0; index < world.owners; index++) this.startLife(index, true);
  }

  private startLife(index: number, first: boolean): void {
    const templates = this.world.templates
      .filter((template) => isPlacedOn(this.world, template, index))
      .map((template) => owned(this, template));
    const logId = this.nextLogId++;
    const seal = this.unsealed[index] ?? null;
    const life = new OwnerLife(this, { index, first, logId, templates, logs: [...this.oldLogs], seal });
    this.oldLogs.push(logId);
    this.rebuilding[index] = life;
  }

  sealed(index: number, logId: number, end: number): void {
    this.unsealed[index] = null;
    this.logEnded(logId, end);
  }

  private logEnded(logId: number, end: number): void {
    const log = this.logs.get(logId) ?? { watermark: 0, life: null, end };
    log.end = end;
    this.logs.set(logId, log);
    this.flusher?.ended(logId, log);
  }

  ownerReady(life: OwnerLife): void {
    const { index, first, logId } = life.plan;
    this.rebuilding[index] = null;
    this.lives[index] = life;
    for (const actor of life.owner.allActors()) {
      this.views.get(actor.rules.templateId)!.users[actor.partition] = actor.users;
    }
    const log: FollowedLog = { watermark: 0, life, end: null };
    this.logs.set(logId, log);
    this.flusher?.follow(logId, log);
    if (this.stopping) this.stopOwner(life);
    if (!first) {
      this.desk.reclaim(index);
      this.world.checkServing('after an owner came back');
      return;
    }
    this.firstReady++;
    if (this.firstReady < this.world.owners) return;
    for (const view of this.views.values()) openPools(this.desk, view);
    this.flusher = new Flusher(this);
    this.serving = true;
    this.world.checkServing('after a start');
  }

  ownerDown(life: OwnerLife): void {
    if (!this.alive || life.ended) return;
    this.claims.takeReplies(life);
    life.ended = true;
    const { index, first, logId } = life.plan;
    this.lives[index] = null;
    this.rebuilding[index] = null;
    this.unsealed[index] ??= logId;
    if (first && this.firstReady < this.world.owners) {
      this.world.faults.seen('processKilledStarting');
      this.world.crash(false);
      return;
    }
    this.claims.ownerDown(index);
    if (this.stopping) this.ownerGone();
    else this.later(this.world.random.between(500, 30_000), () => this.startLife(index, false));
  }

  /** Answers what is in flight, gives leases back, and ends. */
  stop(): void {
    if (!this.serving) return;
    this.stopping = true;
    this.serving = false;
    for (let i = 0; i < this.world.owners; i++) {
      const life = this.lives[i];
      if (life != null) this.stopOwner(life);
      else if (this.rebuilding[i] == null) this.ownerGone();
    }
  }

  private stopOwner(life: OwnerLife): void {
    life.message(() => {
      life.stopping = true;
      if (life.requests.length > 0) life.ring();
      else life.tryStop();
    });
  }

  ownerStopped(life: OwnerLife, end: number): void {
    this.claims.takeReplies(life);
    this.logEnded(life.plan.logId, end);
    this.ownerGone();
  }

  private ownerGone(): void {
    if (++this.stoppedOwners < this.world.owners) return;
    this.world.faults.seen('cleanStop');
    this.world.crash(false);
  }

  // ------------------------------------------------------------ messages

  /** `mayBeLate`: it may still arrive when its sender is known to be gone; then its epoch must fence it. */
  fromOwner(life: OwnerLife, mayBeLate: boolean, body: () => void): void {
    life.toMain.send(() => {
      if (!this.alive) return;
      if (!life.ended) body();
      else if (mayBeLate && this.world.random.chance(0.9)) {
        this.later(this.world.random.skewed(500, 80_000), () => {
          this.world.faults.seen('lateMessage');
          body();
        });
      }
    });
  }

  tellOwner(holder: Holder, ref: PoolRef, body: (owner: Owner, nowMs: number) => void): void {
    const life = this.lives[holder.owner] ?? this.rebuilding[holder.owner];
    if (life == null) return;
    const capacity = this.desk.pool(ref)?.capacity ?? 0;
    life.message((owner) => {
      life.capacityKnown.set(poolNumber(ref) * 64 + holder.partition, capacity);
      body(owner, this.world.nowMs);
    });
  }
}
