/**
 * An owner whose templates are served by other nodes too. What it cannot answer from memory it commits at the shared
 * ledger, one batch per shard at a time: the ledger knows every user of every node. Accepted claims then go the way of
 * every claim: into the local log, and when they are durable there, published and answered.
 *
 * The claims of other nodes come in by the shards' streams (`follow`) and are logged, published and known here just the
 * same, so repeats and sold-out templates are answered from memory, and no answer hangs on the ledger alone.
 *
 * The units it sells from are this node's under a seat. When the seat is gone (`suspend`) so are they.
 */
import assert from 'node:assert/strict';
import { claimedAtMsAt, ENTRY_WORDS, writeEntry } from '../claimlog/entry.ts';
import { HEADER_WORDS } from '../claimlog/frame.ts';
import { DRAIN_MAX, RECALL_WAIT_MS } from '../limits.ts';
import type { LeaseOutcome, PoolRef } from '../ports.ts';
import { type CommitAnswer, Committed, NO_COUPON } from '../ports-commit.ts';
import { SHARDS, shardOf } from '../ports-ledger.ts';
import { type Candidate, CommitQueue, type Flight, sameTime } from './commit-queue.ts';
import { Owner, type OwnerPorts, soldOutOrPast } from './owner.ts';
import { partitionOf } from './placement.ts';
import { type PoolState, type TemplateActor, WAIT } from './template-actor.ts';
import { UnitBits } from './unit-bits.ts';
import { Verdict } from './verdict.ts';

/** The claim waits for the ledger: whoever asked needs to do nothing more. */
const QUEUED = -1;

export interface ClusterPorts extends OwnerPorts {
  /** Sends a flight to the ledger; `committed` or `commitLate` tells what became of it. */
  commit(shard: number, flight: Flight): void;
  /** Claims of the shard below `position` are in memory, durable here and published. */
  followed(shard: number, position: number): void;
  /** A refusal that concerns the whole shard. */
  refused(shard: number, kind: 'lost' | 'fenced', detail: string): void;
  /** Nothing of the shard is in flight here any more, and it is synced. */
  quiesced(shard: number): void;
}

/** What a claim hears that the ledger sold nothing. */
const SAID: Readonly<Record<number, Verdict>> = {
  [Committed.already]: Verdict.alreadyClaimed,
  [Committed.limit]: Verdict.limitReached,
  [Committed.noUnit]: Verdict.soldOut,
};

/** An answer that names a unit whose claim has not come in by the stream yet. */
interface Late {
  readonly slotWord: number;
  readonly verdict: number;
  readonly pool: PoolState;
  readonly serial: number;
  readonly deadlineMs: number;
}

export class ClusterOwner extends Owner {
  protected override readonly ports: ClusterPorts;
  private readonly queues = Array.from({ length: SHARDS }, (_, shard) => new CommitQueue(shard));
  private late: Late[] = [];
  /** Pools all of whose units are wanted elsewhere, some being under way. */
  private readonly recalled = new Set<PoolState>();
  /**
   * Units whose claims this life has taken in, by template. The links of a user's coupons do not tell: they stay from
   * life to life, and may lead to a unit before its claim has come in by the stream.
   */
  private readonly taken = new Map<number, UnitBits>();
  /** Units whose codes this process can tell, by template. */
  private readonly templates = new Map<number, number>();
  /** By template, once it is known: its partitions, or 0 when none of its actors are here. */
  private readonly partitions = new Map<number, number>();
  /** Shards that are to be left alone once nothing of them waits for the log. */
  private readonly leaving = new Set<number>();

  constructor(index: number, ports: ClusterPorts) {
    super(index, ports);
    this.ports = ports;
  }

  /** What was taken in while memory was put together again. */
  startFrom(taken: Iterable<readonly [templateId: number, units: UnitBits]>): void {
    for (const [templateId, units] of taken) this.taken.set(templateId, units);
  }

  private takenOf(templateId: number): UnitBits {
    let units = this.taken.get(templateId);
    if (units === undefined) {
      units = new UnitBits(this.templates.get(templateId) ?? 0);
      this.taken.set(templateId, units);
    }
    return units;
  }

  // ------------------------------------------------------------ claims

  protected override decide(
    pool: PoolState,
    slotWord: number,
    lo: number,
    hi: number,
    keyLo: number,
    keyHi: number,
    deadlineMs: number,
    spent: number,
  ): number {
    const { actor } = pool;
    const verdict = actor.judge(pool, lo, hi, keyLo, keyHi, this.batch.timeMs, spent);
    if (verdict !== WAIT) {
      this.say(slotWord, verdict, pool);
      return verdict;
    }
    const queue = this.queues[shardOf(actor.rules.templateId)];
    if (pool.soldOut && queue.followed >= pool.soldOutHead) {
      this.say(slotWord, Verdict.soldOut, pool);
      return Verdict.soldOut;
    }
    if (!queue.open || queue.flight?.givenUp === true) {
      this.ports.reply(slotWord, Verdict.unavailable, 0);
      return Verdict.unavailable;
    }
    if (pool.slice.unsold === 0 && !pool.soldOut && queue.flight === null) return WAIT;
    queue.add({ pool, slotWord, lo, hi, keyLo, keyHi, deadlineMs, spent });
    return QUEUED;
  }

  override end(): void {
    super.end();
    this.departAll();
  }

  private departAll(): void {
    for (const queue of this.queues) this.depart(queue);
  }

  private depart(queue: CommitQueue): void {
    if (queue.isEmpty || queue.flight !== null || !queue.open) return;
    const flight = queue.depart(this.batch.timeMs);
    for (const { pool } of flight.groups) if (pool.wantsUnits) this.ask(pool);
    this.ports.commit(queue.shard, flight);
  }

  /** What became of a flight. */
  committed(shard: number, flight: Flight, answer: CommitAnswer, nowMs: number): void {
    const queue = this.queues[shard];
    if (queue.flight !== flight) return;
    queue.flight = null;
    if (answer.kind === 'late')
      throw new Error(`shard ${shard} knows a later batch of this owner than it has sent`);
    if (answer.kind !== 'committed') {
      queue.open = false;
      this.giveUp(flight);
      this.refuseWaiting(queue);
      this.ports.refused(shard, answer.kind, answer.kind === 'lost' ? answer.detail : 'its seat has passed');
      return;
    }
    this.begin(flight.timeMs);
    let at = 0;
    for (const { pool, candidates, serials } of flight.groups) {
      const hadParked = pool.parked.length > 0;
      let sold = 0;
      for (const candidate of candidates) {
        const verdict = answer.verdicts[at];
        const serial = answer.serials[at++];
        if (verdict === Committed.claimed) {
          assert(serial === serials[sold], 'the ledger sold another unit than the next one offered');
          sold++;
          this.accept(pool, candidate, serial, flight);
        } else if (!flight.givenUp) this.answer(pool, candidate, verdict, serial, nowMs);
      }
      pool.slice.untake(serials.length - sold);
      // A dry pool's ledger must hear once that somebody waits.
      if (pool.parked.length > 0 && !(pool.dry && hadParked)) this.ask(pool);
      if (this.recalled.delete(pool)) this.report(pool, pool.slice.unsold);
      else this.settled(pool);
    }
    super.end();
    // What leaves now was decided now, and not when the last flight left.
    this.batch.timeMs = nowMs;
    this.departAll();
  }

  /** What is under way when everything is asked back goes back too, should it not be sold. */
  override recall(ref: PoolRef, partition: number, all: boolean, nowMs: number): void {
    super.recall(ref, partition, all, nowMs);
    const pool = this.pool(ref, partition);
    if (all && pool !== undefined && pool.slice.pending > 0) this.recalled.add(pool);
  }

  private accept(
    pool: PoolState,
    { slotWord, lo, hi, keyLo, keyHi }: Candidate,
    serial: number,
    flight: Flight,
  ): void {
    const { actor } = pool;
    if (this.takenOf(actor.rules.templateId).has(serial)) {
      assert(actor.holds(lo, hi, serial), 'a unit was sold to two users');
      // It came back by the stream before the answer: logged and counted already.
      pool.slice.settle(1);
    } else {
      actor.give(pool, lo, hi, keyLo, keyHi, serial, actor.users.newest(lo, hi));
      this.log(pool, serial, lo, hi, keyLo, keyHi);
    }
    if (flight.givenUp) return;
    if (actor.units.isClaimed(serial)) this.ports.reply(slotWord, Verdict.claimed, serial);
    else this.hold(slotWord, Verdict.claimed, serial, pool);
  }

  /** An answer of the ledger that sells nothing. */
  private answer(
    pool: PoolState,
    candidate: Candidate,
    verdict: number,
    serial: number,
    nowMs: number,
  ): void {
    const { slotWord, lo, hi, deadlineMs } = candidate;
    if (verdict === Committed.noUnit && !pool.soldOut) {
      if (deadlineMs <= nowMs) {
        this.ports.reply(slotWord, Verdict.unavailable, 0);
        pool.missed++;
      } else {
        pool.parked.push(candidate);
        this.parkedPools.add(pool);
      }
      return;
    }
    const { actor } = pool;
    const said = SAID[verdict]!;
    if (serial === NO_COUPON) this.ports.reply(slotWord, said, -1);
    else if (actor.units.isClaimed(serial)) this.ports.reply(slotWord, said, serial);
    else if (actor.holds(lo, hi, serial)) this.hold(slotWord, said, serial, pool);
    else this.late.push({ slotWord, verdict: said, pool, serial, deadlineMs: nowMs + RECALL_WAIT_MS });
  }

  /** Nothing was heard of the flight in time. Its clients go; its units wait until it is known what became of them. */
  commitLate(shard: number, flight: Flight): void {
    const queue = this.queues[shard];
    if (queue.flight !== flight || flight.givenUp) return;
    this.giveUp(flight);
    this.refuseWaiting(queue);
  }

  private giveUp(flight: Flight): void {
    if (flight.givenUp) return;
    flight.givenUp = true;
    for (const { candidates } of flight.groups) {
      for (const { slotWord } of candidates) this.ports.reply(slotWord, Verdict.unavailable, 0);
    }
  }

  private refuseWaiting(queue: CommitQueue): void {
    for (const { slotWord } of queue.takeAll()) this.ports.reply(slotWord, Verdict.unavailable, 0);
  }

  private log(pool: PoolState, serial: number, lo: number, hi: number, keyLo: number, keyHi: number): void {
    const { batch, frame, timeLo, timeHi } = this;
    const { rules, units } = pool.actor;
    const at = HEADER_WORDS + batch.serials.length * ENTRY_WORDS;
    const codeLo = units.codeLo(serial);
    const codeHi = units.codeHi(serial);
    const { activityId } = pool.rules;
    // biome-ignore format: one line per record reads better than thirteen
    writeEntry(frame, at, rules.templateId, serial, lo, hi, activityId, codeLo, codeHi, timeLo, timeHi, keyLo, keyHi);
    batch.serials.push(serial);
    batch.pools.push(pool);
    this.takenOf(rules.templateId).add(serial);
    assert(batch.serials.length <= DRAIN_MAX, 'a commit is never larger than a drain');
  }

  // ------------------------------------------------------------ the streams

  /** The template is known in this process; whether any of its actors are here or not. */
  learn(templateId: number, placed: number): void {
    this.templates.set(templateId, placed);
  }

  /** Whether all that these claims are about has arrived here: templates, their units and activities. */
  canFollow(words: Uint32Array): boolean {
    for (let at = 0; at < words.length; at += ENTRY_WORDS) {
      const placed = this.templates.get(words[at]);
      if (placed === undefined || words[at + 1] >= placed) return false;
      const actor = this.actorOf(words, at);
      if (actor === undefined) continue;
      if (!actor.pools.has(words[at + 4])) return false;
    }
    return true;
  }

  /**
   * Takes in claims that stand in the shard's stream before `position`, or, with `position` negative, that were stored.
   * Those of others' users and of templates served elsewhere are passed over.
   */
  follow(shard: number, words: Uint32Array, position: number, nowMs: number): void {
    for (let at = 0; at < words.length; ) {
      const end = Math.min(sameTime(words, at, words.length), at + DRAIN_MAX * ENTRY_WORDS);
      this.begin(claimedAtMsAt(words, at));
      this.batch.isOthers = true;
      for (; at < end; at += ENTRY_WORDS) this.takeOver(words, at);
      super.end();
      this.batch.isOthers = false;
    }
    if (position >= 0) {
      this.begin(nowMs);
      this.batch.shard = shard;
      this.batch.position = position;
      super.end();
    }
    this.batch.timeMs = nowMs;
  }

  private takeOver(words: Uint32Array, at: number): void {
    const actor = this.actorOf(words, at);
    if (actor === undefined) return;
    const serial = words[at + 1];
    const lo = words[at + 2];
    const hi = words[at + 3];
    if (this.takenOf(words[at]).has(serial)) {
      assert(actor.holds(lo, hi, serial), `template ${words[at]}, serial ${serial}: claimed by two users`);
      return;
    }
    const pool = actor.pools.get(words[at + 4])!;
    const { units } = actor;
    if (units.isClaimed(serial)) {
      // An earlier life published it, and the ingress may be reading its fields.
      const same = units.codeLo(serial) === words[at + 5] && units.claimedAtMs(serial) === this.batch.timeMs;
      assert(same, `template ${words[at]}, serial ${serial}: claimed by two users`);
      actor.rejoin(lo, hi, serial);
    } else {
      units.setCode(serial, words[at + 5], words[at + 6] & 0xffff);
      actor.give(pool, lo, hi, words[at + 8], words[at + 9], serial, actor.users.newest(lo, hi));
    }
    this.log(pool, serial, lo, hi, words[at + 8], words[at + 9]);
  }

  /** The actor that serves the user of an entry, if it is here. */
  private actorOf(words: Uint32Array, at: number): TemplateActor | undefined {
    const templateId = words[at];
    const known = this.partitions.get(templateId);
    if (known === undefined) {
      let partitions = 0;
      for (const actor of this.allActors()) {
        if (actor.rules.templateId === templateId) partitions = actor.rules.partitions;
      }
      if (this.templates.has(templateId)) this.partitions.set(templateId, partitions);
      return partitions === 0 ? undefined : this.actorOf(words, at);
    }
    return known === 0 ? undefined : this.actor(templateId, partitionOf(words[at + 2], words[at + 3], known));
  }

  protected override followed(shard: number, position: number): void {
    this.queues[shard].followed = position;
    this.ports.followed(shard, position);
  }

  override release(): void {
    super.release();
    if (this.late.length > 0) {
      this.late = this.late.filter(({ slotWord, verdict, pool, serial }) => {
        if (!pool.actor.units.isClaimed(serial)) return true;
        this.ports.reply(slotWord, verdict === Verdict.soldOut ? soldOutOrPast(pool) : verdict, serial);
        return false;
      });
    }
    if (this.leaving.size > 0 && this.inFlight === 0) this.leave();
  }

  // ------------------------------------------------------------ seats

  /** Memory has what stands in the shard's stream before `position`: `follow` goes on from there. */
  startFollowing(shard: number, position: number): void {
    this.followed(shard, position);
  }

  /** The shard may be committed to. */
  openShard(shard: number): void {
    assert(!this.leaving.has(shard), 'a shard is opened before it was left');
    this.queues[shard].open = true;
    for (const pool of this.poolsOf(shard)) if (pool.parked.length > 0) this.ask(pool);
  }

  /** Commits nothing more there; all that waits is told so. `quiesced` follows when the log has what was accepted. */
  suspend(shard: number): void {
    const queue = this.queues[shard];
    queue.open = false;
    if (queue.flight !== null) this.giveUp(queue.flight);
    queue.flight = null;
    this.refuseWaiting(queue);
    for (const pool of this.poolsOf(shard)) {
      for (const { slotWord } of pool.parked) this.ports.reply(slotWord, Verdict.unavailable, 0);
      pool.parked = [];
      this.parkedPools.delete(pool);
    }
    this.leaving.add(shard);
    if (this.inFlight === 0) this.leave();
  }

  private leave(): void {
    for (const shard of this.leaving) {
      for (const pool of this.poolsOf(shard)) {
        this.recalled.delete(pool);
        pool.forgetUnits();
      }
      this.ports.quiesced(shard);
    }
    this.leaving.clear();
  }

  private *poolsOf(shard: number): Generator<PoolState> {
    for (const actor of this.allActors()) {
      if (shardOf(actor.rules.templateId) === shard) yield* actor.pools.values();
    }
  }

  /** Seats end, so leases do: a fenced one is no reason to die here, its units are forgotten with the shard. */
  override leaseOutcome(ref: PoolRef, partition: number, outcome: LeaseOutcome, nowMs: number): void {
    if (outcome.kind !== 'fenced') {
      super.leaseOutcome(ref, partition, outcome, nowMs);
      return;
    }
    const pool = this.pool(ref, partition);
    if (pool === undefined) return;
    pool.asking = false;
    if (pool.parked.length > 0 && this.queues[shardOf(ref.templateId)].open) this.ask(pool);
  }

  override tick(nowMs: number): void {
    super.tick(nowMs);
    this.late = this.late.filter(({ slotWord, deadlineMs }) => {
      if (deadlineMs > nowMs) return true;
      this.ports.reply(slotWord, Verdict.unavailable, 0);
      return false;
    });
  }

  override get hasParked(): boolean {
    return super.hasParked || this.late.length > 0;
  }

  /** Those of whose flight the outcome is not known. */
  shardsInFlight(): number[] {
    return this.queues.filter(({ flight }) => flight !== null).map(({ shard }) => shard);
  }

  get flights(): number {
    return this.shardsInFlight().length;
  }
}
