/**
 * Everything one owner thread decides, without its thread: actors, batches, parked claims, leases.
 *
 * The owner drains its ring, lets actors decide, and gathers what they accepted into one frame. The batch is appended
 * when the drain ends and its answers are held until the log says it is durable; batches become durable in order.
 * Refusals leave at once. Whatever the log cannot promise any more ends this owner: it is thrown, the thread dies, and
 * the next life rebuilds from records and log. So there is no code here that takes an accepted claim back.
 *
 * Synchronous, time as an argument, all effects through `OwnerPorts`: the simulation runs this very class.
 */
import assert from 'node:assert/strict';
import { ENTRY_WORDS, writeEntry } from '../claimlog/entry.ts';
import { HEADER_WORDS } from '../claimlog/frame.ts';
import { DRAIN_MAX, PARTITIONS_MAX, RECALL_WAIT_MS, SLICE_IDLE_MS } from '../limits.ts';
import type { Holder, LeaseOutcome, PoolRef, SerialRange } from '../ports.ts';
import { type ParkedClaim, type PoolState, type TemplateActor, WAIT } from './template-actor.ts';
import { Verdict } from './verdict.ts';

export interface OwnerPorts {
  /** Appends the frame; returns the log offset behind it. Throws when the log cannot take it. */
  append(words: Uint32Array, count: number): number;
  /** Log offset below which answers may leave. */
  durable(): number;
  /** Called after a batch was appended: the log may want to sync. */
  appended(): void;
  reply(slotWord: number, verdict: number, serial: number): void;
  askLease(ref: PoolRef, holder: Holder, epoch: number, sold: readonly SerialRange[]): void;
  giveBack(
    ref: PoolRef,
    holder: Holder,
    epoch: number,
    sold: readonly SerialRange[],
    unsold: readonly SerialRange[],
  ): void;
}

class Batch {
  endOffset = 0;
  timeMs = 0;
  /** With this batch a shard's stream is followed up to `position` (cluster-owner.ts); negative: it is not about that. */
  position = -1;
  shard = 0;
  /** Claims that were made elsewhere: their units were never in a slice of this owner. */
  isOthers = false;
  readonly pools: PoolState[] = [];
  readonly serials: number[] = [];
  readonly slotWords: number[] = [];
  readonly verdicts: number[] = [];
  readonly replySerials: number[] = [];
  /** The pools of those answers that are `soldOut`, in their order. */
  readonly soldOutPools: PoolState[] = [];

  clear(): void {
    this.position = -1;
    this.isOthers = false;
    this.pools.length = 0;
    this.serials.length = 0;
    this.slotWords.length = 0;
    this.verdicts.length = 0;
    this.replySerials.length = 0;
    this.soldOutPools.length = 0;
  }

  get isEmpty(): boolean {
    return this.slotWords.length === 0 && this.serials.length === 0 && this.position < 0;
  }
}

export class Owner {
  readonly index: number;
  protected readonly ports: OwnerPorts;
  /** By templateId * 64 + partition. */
  private readonly actors = new Map<number, TemplateActor>();
  protected readonly frame = new Uint32Array(HEADER_WORDS + DRAIN_MAX * ENTRY_WORDS);
  protected batch = new Batch();
  protected readonly waiting: Batch[] = [];
  private readonly spare: Batch[] = [];
  protected readonly parkedPools = new Set<PoolState>();
  protected timeLo = 0;
  protected timeHi = 0;

  constructor(index: number, ports: OwnerPorts) {
    this.index = index;
    this.ports = ports;
  }

  add(actor: TemplateActor): void {
    this.actors.set(actorKey(actor.rules.templateId, actor.partition), actor);
  }

  actor(templateId: number, partition: number): TemplateActor | undefined {
    return this.actors.get(actorKey(templateId, partition));
  }

  allActors(): IterableIterator<TemplateActor> {
    return this.actors.values();
  }

  /** Begins a drain: all its claims carry this time. */
  begin(nowMs: number): void {
    assert(this.batch.isEmpty, 'the last drain was not ended');
    this.batch.timeMs = nowMs;
    this.timeLo = nowMs >>> 0;
    this.timeHi = Math.floor(nowMs / 0x1_0000_0000);
  }

  claim(
    slotWord: number,
    templateId: number,
    partition: number,
    activityId: number,
    lo: number,
    hi: number,
    keyLo: number,
    keyHi: number,
    spent = 0,
  ): void {
    const actor = this.actors.get(actorKey(templateId, partition));
    const pool = actor?.pools.get(activityId);
    if (pool === undefined) {
      this.ports.reply(slotWord, Verdict.unavailable, 0);
      return;
    }
    const deadlineMs = this.batch.timeMs + RECALL_WAIT_MS;
    const verdict = this.decide(pool, slotWord, lo, hi, keyLo, keyHi, deadlineMs, spent);
    if (verdict !== WAIT) return;
    pool.parked.push({ slotWord, lo, hi, keyLo, keyHi, deadlineMs, spent });
    this.parkedPools.add(pool);
    // A dry pool's ledger calls when there is news; it must only know that somebody waits now.
    if (!pool.dry || pool.parked.length === 1) this.ask(pool);
  }

  /** `deadlineMs`: how long it may wait for a unit. `spent`: see spent.ts. */
  protected decide(
    pool: PoolState,
    slotWord: number,
    lo: number,
    hi: number,
    keyLo: number,
    keyHi: number,
    _deadlineMs: number,
    spent: number,
  ): number {
    const { actor } = pool;
    const { batch } = this;
    const verdict = actor.decide(pool, lo, hi, keyLo, keyHi, batch.timeMs, spent);
    if (verdict === Verdict.claimed) {
      const { serial, units } = actor;
      const at = HEADER_WORDS + batch.serials.length * ENTRY_WORDS;
      const { templateId } = actor.rules;
      const codeLo = units.codeLo(serial);
      const codeHi = units.codeHi(serial);
      const { activityId } = pool.rules;
      // biome-ignore format: one line per record reads better than thirteen
      writeEntry(this.frame, at, templateId, serial, lo, hi, activityId, codeLo, codeHi, this.timeLo, this.timeHi, keyLo, keyHi);
      batch.serials.push(serial);
      batch.pools.push(pool);
      this.hold(slotWord, verdict, serial, pool);
      if (pool.wantsUnits) this.ask(pool);
      if (batch.serials.length === DRAIN_MAX) this.end();
    } else if (verdict !== WAIT) this.say(slotWord, verdict, pool);
    return verdict;
  }

  /** Answers what needs no unit. A repeat and a refusal tell what the user holds, and only what is durable is told. */
  protected say(slotWord: number, verdict: number, pool: PoolState): void {
    const { actor } = pool;
    const { serial } = actor;
    // A claim that is pending is in this batch or an earlier one, so what rests on it may leave with this one.
    if (serial >= 0 && !actor.units.isClaimed(serial)) this.hold(slotWord, verdict, serial, pool);
    else this.ports.reply(slotWord, verdict, serial);
  }

  protected hold(slotWord: number, verdict: number, serial: number, pool: PoolState): void {
    const { batch } = this;
    if (verdict === Verdict.soldOut) batch.soldOutPools.push(pool);
    batch.slotWords.push(slotWord);
    batch.verdicts.push(verdict);
    batch.replySerials.push(serial);
  }

  /** Ends a drain: what it accepted goes to the log as one frame. */
  end(): void {
    const { batch } = this;
    if (batch.isEmpty) return;
    const { timeMs } = batch;
    batch.endOffset = this.ports.append(this.frame, batch.serials.length);
    this.waiting.push(batch);
    this.batch = this.spare.pop() ?? new Batch();
    this.batch.timeMs = timeMs;
    this.ports.appended();
    this.release();
  }

  /** Publishes and answers every batch that is durable by now. */
  release(): void {
    const durable = this.ports.durable();
    let settledPools: Set<PoolState> | null = null;
    while (this.waiting.length > 0 && this.waiting[0].endOffset <= durable) {
      const batch = this.waiting.shift()!;
      const { pools, serials } = batch;
      for (let i = 0; i < serials.length; i++) {
        const pool = pools[i];
        const { actor } = pool;
        actor.units.publish(serials[i], batch.timeMs);
        if (!batch.isOthers) pool.slice.settle(1);
        Atomics.add(pool.claimed, 0, 1);
        if (pool.slice.pending === 0 && (pool.owesReport || pool.parked.length > 0)) {
          settledPools ??= new Set();
          settledPools.add(pool);
        }
      }
      let soldOuts = 0;
      for (let i = 0; i < batch.slotWords.length; i++) {
        let verdict = batch.verdicts[i];
        if (verdict === Verdict.soldOut) verdict = soldOutOrPast(batch.soldOutPools[soldOuts++]);
        this.ports.reply(batch.slotWords[i], verdict, batch.replySerials[i]);
      }
      if (batch.position >= 0) this.followed(batch.shard, batch.position);
      batch.clear();
      this.spare.push(batch);
    }
    if (settledPools !== null) for (const pool of settledPools) this.settled(pool);
  }

  /** Claims of the shard below this position of its stream are in memory, durable here and published. */
  protected followed(_shard: number, _position: number): void {}

  protected settled(pool: PoolState): void {
    if (pool.slice.pending > 0) return;
    if (pool.parked.length > 0 && pool.slice.unsold === 0) this.ask(pool);
    else if (pool.owesReport) this.report(pool, 0);
  }

  protected ask(pool: PoolState): void {
    if (pool.asking) return;
    pool.asking = true;
    pool.owesReport = false;
    this.ports.askLease(refOf(pool), this.holderOf(pool), pool.epoch, pool.slice.report());
  }

  protected report(pool: PoolState, unsoldBack: number): void {
    pool.owesReport = pool.slice.pending > 0;
    const sold = pool.slice.report();
    const unsold = pool.slice.giveBack(unsoldBack);
    if (pool.epoch !== 0) this.ports.giveBack(refOf(pool), this.holderOf(pool), pool.epoch, sold, unsold);
  }

  /** The ledger's answer to `askLease`. `fenced` throws: this owner's view is void and it must start over. */
  leaseOutcome(ref: PoolRef, partition: number, outcome: LeaseOutcome, nowMs: number): void {
    const pool = this.pool(ref, partition);
    if (pool === undefined) return;
    pool.asking = false;
    switch (outcome.kind) {
      case 'granted':
        pool.grant(outcome.epoch, outcome.ranges);
        break;
      case 'exhausted':
        assert(
          pool.slice.pending === 0 && pool.slice.unsold === 0,
          'exhausted while this actor still holds units',
        );
        pool.soldOut = true;
        pool.soldOutHead = outcome.head ?? 0;
        pool.dry = true;
        break;
      case 'recalling':
        pool.dry = true;
        // What became durable since it was asked, or is to, is news the ledger waits for: it may be the last of it.
        if (pool.slice.pending > 0) pool.owesReport = true;
        else if (pool.slice.unreported > 0) this.report(pool, 0);
        break;
      case 'closed':
        pool.dry = true;
        pool.epoch = 0;
        break;
      case 'fenced':
        throw new Error(`lease of template ${ref.templateId} pool ${ref.activityId} is fenced`);
    }
    this.retryParked(pool, nowMs);
    if (outcome.kind === 'granted') pool.keep(nowMs);
  }

  /** The ledger asks for units: all of them, or what can be spared. */
  recall(ref: PoolRef, partition: number, all: boolean, nowMs: number): void {
    const pool = this.pool(ref, partition);
    if (pool === undefined) return;
    const { unsold } = pool.slice;
    const spare = unsold - pool.kept(nowMs);
    const idle = nowMs - pool.lastTakenMs > SLICE_IDLE_MS;
    this.report(pool, all ? unsold : idle ? spare : Math.ceil(spare / 2));
  }

  /** The pool may have units again. */
  replenished(ref: PoolRef, partition: number): void {
    const pool = this.pool(ref, partition);
    if (pool === undefined) return;
    pool.soldOut = false;
    pool.dry = false;
    if (pool.parked.length > 0 && pool.slice.unsold === 0) this.ask(pool);
  }

  /** Asks for first slices of a pool, before a claim has to wait for one. */
  provide(ref: PoolRef): void {
    for (let partition = 0; partition < PARTITIONS_MAX; partition++) {
      const pool = this.pool(ref, partition);
      if (pool !== undefined && pool.slice.unsold === 0) this.ask(pool);
    }
  }

  /** Lets waiting claims go that waited too long, and gives idle slices back where others could use them. */
  tick(nowMs: number): void {
    for (const pool of this.parkedPools) {
      const { parked } = pool;
      let late = 0;
      while (late < parked.length && parked[late].deadlineMs <= nowMs) {
        this.ports.reply(parked[late].slotWord, Verdict.unavailable, 0);
        late++;
      }
      if (late > 0) parked.splice(0, late);
      pool.missed += late;
      if (parked.length === 0) this.parkedPools.delete(pool);
    }
  }

  returnIdle(nowMs: number): void {
    for (const actor of this.actors.values()) {
      if (actor.rules.partitions === 1) continue;
      for (const pool of actor.pools.values()) {
        const spare = pool.slice.unsold - pool.kept(nowMs);
        if (spare > 0 && nowMs - pool.lastTakenMs > SLICE_IDLE_MS) {
          pool.dry = true;
          this.report(pool, spare);
        }
      }
    }
  }

  get hasParked(): boolean {
    return this.parkedPools.size > 0;
  }

  /** Batches that wait for the log. */
  get inFlight(): number {
    return this.waiting.length;
  }

  /** Before a clean stop: everything unsold goes back. */
  giveAllBack(): void {
    for (const actor of this.actors.values()) {
      for (const pool of actor.pools.values()) {
        if (pool.epoch !== 0) this.report(pool, pool.slice.unsold);
      }
    }
  }

  protected retryParked(pool: PoolState, nowMs: number): void {
    if (pool.parked.length === 0) return;
    const parked: ParkedClaim[] = pool.parked;
    pool.parked = [];
    this.begin(nowMs);
    for (let i = 0; i < parked.length; i++) {
      const claim = parked[i];
      const { slotWord, lo, hi, keyLo, keyHi, deadlineMs, spent } = claim;
      if (this.decide(pool, slotWord, lo, hi, keyLo, keyHi, deadlineMs, spent) === WAIT)
        pool.parked.push(claim);
    }
    if (pool.parked.length === 0) this.parkedPools.delete(pool);
    else if (!pool.dry) this.ask(pool);
    this.end();
  }

  protected pool(ref: PoolRef, partition: number): PoolState | undefined {
    return this.actors.get(actorKey(ref.templateId, partition))?.pools.get(ref.activityId);
  }

  private holderOf(pool: PoolState): Holder {
    return { owner: this.index, partition: pool.actor.partition };
  }
}

/** Units may have come while an answer waited: `soldOut` is no longer one to give. */
export function soldOutOrPast(pool: PoolState): number {
  return pool.soldOut ? Verdict.soldOut : Verdict.unavailable;
}

function refOf(pool: PoolState): PoolRef {
  return { templateId: pool.actor.rules.templateId, activityId: pool.rules.activityId };
}

function actorKey(templateId: number, partition: number): number {
  return templateId * 64 + partition;
}
