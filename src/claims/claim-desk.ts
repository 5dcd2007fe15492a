/**
 * Where claims enter the engine: answers at once what can be answered here, sends the rest to its owner's ring, and
 * hands each reply to whoever waits for it.
 *
 * A request in flight holds one slot: a small number that names the waiting party on both rings. Slots are given back
 * by the reply, or all together when their owner dies. Requests gathered in one turn of the event loop are published
 * together, which is what keeps doorbells rare.
 */
import { partitionOf } from '../actors/placement.ts';
import { refusesAll } from '../actors/rules.ts';
import { requestWhere } from '../actors/spent.ts';
import { ABSENT, UNKNOWN, type UserTable } from '../actors/user-table.ts';
import { Verdict } from '../actors/verdict.ts';
import { SLOTS } from '../limits.ts';
import type { OwnerLink } from '../rings/owner-link.ts';
import type { PoolView, TemplateView } from './template-view.ts';
import { type SentClaim, type SpentCoupons, UsableLimits } from './usable-limits.ts';

/**
 * Whoever waits for a claim. Called once per claim sent, from the event loop, never from inside `claim`. `serial`: the
 * unit of a success, of a refusal the user's newest coupon of the template, or negative.
 */
export interface ClaimWaiter {
  claimAnswered(slot: number, pool: PoolView, verdict: number, serial: number): void;
}

/** The claim was sent to its owner; the answer comes to the waiter. Not a verdict. */
export const SENT = 0;

/** Between two looks whether the news of units that are sold here is here too. */
const NEWS_MS = 1;

/** After so many looks in a row that found nobody, only one claim in UNLOOKED + 1 is looked at. */
const STRANGERS = 64;
const UNLOOKED = 7;

export class ClaimDesk {
  /** Answers by verdict, for the metrics. */
  readonly answers = new Float64Array(16);
  /** How many of those needed no owner. */
  answeredHere = 0;
  /** After `claim`: the unit that a verdict names, else negative, or the slot of a claim that was sent. */
  serial = 0;
  slot = 0;
  private readonly lives: (OwnerLink | null)[];
  private readonly waiters: (ClaimWaiter | null)[] = new Array<ClaimWaiter | null>(SLOTS).fill(null);
  private readonly pools: (PoolView | null)[] = new Array<PoolView | null>(SLOTS).fill(null);
  private readonly owners = new Uint8Array(SLOTS);
  private readonly generations = new Uint16Array(SLOTS);
  private readonly freeSlots = new Uint16Array(SLOTS);
  private freeCount = SLOTS;
  private readonly unpublished: OwnerLink[] = [];
  private flushScheduled = false;
  private readonly usable: UsableLimits | null;
  private readonly flushBound = (): void => this.flush();
  private readonly laggingWord: Int32Array;

  /** `spent`: needed where limits count usable coupons. `lagging`: the word that all desks of the process share. */
  constructor(
    owners: number,
    spent: SpentCoupons | null = null,
    lagging: SharedArrayBuffer = new SharedArrayBuffer(Int32Array.BYTES_PER_ELEMENT),
  ) {
    this.laggingWord = new Int32Array(lagging);
    this.usable = spent === null ? null : new UsableLimits(spent, this);
    this.lives = new Array<OwnerLink | null>(owners).fill(null);
    for (let i = 0; i < SLOTS; i++) this.freeSlots[i] = SLOTS - 1 - i;
  }

  /** Too much is not flushed yet: no new claims. */
  get lagging(): boolean {
    return Atomics.load(this.laggingWord, 0) !== 0;
  }

  set lagging(lagging: boolean) {
    Atomics.store(this.laggingWord, 0, lagging ? 1 : 0);
  }

  /** Claims in flight. */
  get inFlight(): number {
    return SLOTS - this.freeCount;
  }

  get slotsFree(): number {
    return this.freeCount;
  }

  ownerUp(life: OwnerLink): void {
    this.lives[life.index] = life;
    life.replies.sleep();
  }

  /** Whatever was on its way to this owner is answered `unavailable`; its replies will be of another generation. */
  ownerDown(owner: number): void {
    const life = this.lives[owner];
    this.lives[owner] = null;
    if (life !== null) {
      const at = this.unpublished.indexOf(life);
      if (at >= 0) this.unpublished.splice(at, 1);
      this.takeReplies(life);
    }
    for (let slot = 0; slot < SLOTS; slot++) {
      if (this.waiters[slot] !== null && this.owners[slot] === owner)
        this.answer(slot, Verdict.unavailable, 0);
    }
  }

  /**
   * One claim. Returns a verdict (with `serial`) or SENT (with `slot`; the waiter is told later). The order of checks
   * is the actor's; what this thread cannot know for sure it asks the owner.
   */
  claim(
    pool: PoolView,
    lo: number,
    hi: number,
    keyLo: number,
    keyHi: number,
    nowMs: number,
    waiter: ClaimWaiter,
  ): number {
    const { template } = pool;
    const partition = partitionOf(lo, hi, template.actors.length);
    const actor = template.actors[partition];
    // Before the table is looked at: who is settled to have none has none by then.
    const { settled } = pool;
    const here = this.decideHere(pool, template, look(pool, actor.users, lo, hi), settled, nowMs);
    if (here !== SENT) {
      this.answers[here]++;
      this.answeredHere++;
      return here;
    }
    const life = this.lives[actor.owner];
    if (life === null || this.lagging) return this.refuse(Verdict.unavailable);
    if (this.freeCount === 0) return this.refuse(Verdict.overloaded);
    const at = life.requests.reserve();
    if (at < 0) return this.refuse(Verdict.overloaded);

    const slot = this.freeSlots[--this.freeCount];
    this.waiters[slot] = waiter;
    this.pools[slot] = pool;
    this.owners[slot] = actor.owner;
    this.write(life, at, slot, pool, partition, lo, hi, keyLo, keyHi);
    if (template.rules.countsUsable) this.usable?.sent({ slot, pool, lo, hi, keyLo, keyHi });
    this.slot = slot;
    return SENT;
  }

  private write(
    life: OwnerLink,
    at: number,
    slot: number,
    pool: PoolView,
    where: number,
    lo: number,
    hi: number,
    keyLo: number,
    keyHi: number,
  ): void {
    const { words } = life.requests;
    words[at] = slot | (this.generations[slot] << 16);
    words[at + 1] = pool.template.rules.templateId;
    words[at + 2] = where;
    words[at + 3] = pool.rules.activityId;
    words[at + 4] = lo;
    words[at + 5] = hi;
    words[at + 6] = keyLo;
    words[at + 7] = keyHi;
    if (this.unpublished.indexOf(life) < 0) this.unpublished.push(life);
    if (!this.flushScheduled) {
      this.flushScheduled = true;
      setImmediate(this.flushBound);
    }
  }

  /** See UsableLimits. The claim still holds its slot. */
  sendAgain({ slot, pool, lo, hi, keyLo, keyHi }: SentClaim, spent: number): void {
    const { actors } = pool.template;
    const partition = partitionOf(lo, hi, actors.length);
    const life = this.lives[actors[partition].owner];
    if (life === null || this.lagging) return this.conclude(slot, Verdict.unavailable, ABSENT);
    const at = life.requests.reserve();
    if (at < 0) return this.conclude(slot, Verdict.overloaded, ABSENT);
    this.write(life, at, slot, pool, requestWhere(partition, spent), lo, hi, keyLo, keyHi);
  }

  conclude(slot: number, verdict: number, serial: number): void {
    this.answer(slot, verdict, serial);
  }

  private decideHere(
    pool: PoolView,
    template: TemplateView,
    newest: number,
    settled: boolean,
    nowMs: number,
  ): number {
    const { rules } = pool;
    // What it is one of may not be known here yet.
    if (newest >= template.knownBelow) return SENT;
    if (newest >= 0) {
      // Only the plain case: limit one, and the user's only coupon is a durable one of this pool.
      const { units } = template;
      if (rules.perUserLimit !== 1 || template.rules.countsUsable || !units.isClaimed(newest)) return SENT;
      if (units.activityId(newest) !== rules.activityId || units.previous(newest) >= 0) return SENT;
      this.serial = newest;
      return Verdict.alreadyClaimed;
    }
    if (newest !== ABSENT) return SENT;
    // From here on it is a stranger's claim: a refusal has no coupon to tell.
    this.serial = ABSENT;
    const refused = refusesAll(template.rules, rules, nowMs);
    if (refused !== 0) return refused;
    if (settled && template.rules.audience === null) return Verdict.soldOut;
    pool.strangers++;
    return SENT;
  }

  private refuse(verdict: number): number {
    this.serial = ABSENT;
    this.answers[verdict]++;
    this.answeredHere++;
    return verdict;
  }

  /** Publishes what was gathered, takes replies that are there, and goes back to waiting for a doorbell. */
  private flush(): void {
    this.flushScheduled = false;
    for (const life of this.unpublished) if (life.requests.publish()) life.ring();
    this.unpublished.length = 0;
  }

  /** Replies of this life wait. */
  doorbell(life: OwnerLink): void {
    life.replies.wake();
    do this.takeReplies(life);
    while (!life.replies.sleep());
    // What the answers led to (the next request of a pipelining client) goes out with this turn.
    if (this.unpublished.length > 0) this.flush();
  }

  private takeReplies(life: OwnerLink): void {
    const { replies } = life;
    for (let n = replies.available(); n > 0; n = replies.available()) {
      const { words } = replies;
      for (let i = 0; i < n; i++) {
        const at = replies.at(i);
        const slotWord = words[at];
        const slot = slotWord & 0xffff;
        if (this.generations[slot] === slotWord >>> 16) this.answer(slot, words[at + 1], words[at + 2]);
      }
      replies.release(n);
    }
  }

  private answer(slot: number, verdict: number, serial: number): void {
    const waiter = this.waiters[slot];
    const pool = this.pools[slot];
    if (waiter === null || pool === null) return;
    if (serial >= pool.template.knownBelow) {
      // Units were added and one of them is sold already, while the news of them is on its way.
      const generation = this.generations[slot];
      setTimeout(() => {
        if (this.generations[slot] === generation) this.answer(slot, verdict, serial);
      }, NEWS_MS);
      return;
    }
    if (pool.template.rules.countsUsable && this.usable !== null) {
      if (this.usable.holdsBack(slot, verdict, serial)) return;
      this.finish(slot, waiter, pool, this.usable.verdict, this.usable.serial);
    } else this.finish(slot, waiter, pool, verdict, serial);
  }

  private finish(slot: number, waiter: ClaimWaiter, pool: PoolView, verdict: number, serial: number): void {
    this.waiters[slot] = null;
    this.pools[slot] = null;
    this.generations[slot]++;
    this.freeSlots[this.freeCount++] = slot;
    if (verdict === Verdict.alreadyClaimed) pool.strangers = 0;
    // The owner had not heard yet that there are units again, or no opening to wait for: no longer an answer to give.
    const isPast =
      (verdict === Verdict.soldOut && !pool.soldOut) ||
      (verdict === Verdict.notStarted && pool.rules.fromMs === Number.NEGATIVE_INFINITY);
    const answer = isPast ? Verdict.unavailable : verdict;
    this.answers[answer]++;
    waiter.claimAnswered(slot, pool, answer, serial);
  }
}

/** The user's newest coupon as the ingress may know it, or UNKNOWN: then the owner is asked. See PoolView.unlooked. */
function look(pool: PoolView, users: UserTable | null, lo: number, hi: number): number {
  if (users === null) return UNKNOWN;
  if (!pool.soldOut && pool.strangers >= STRANGERS) {
    if (pool.unlooked > 0) {
      pool.unlooked--;
      return UNKNOWN;
    }
    pool.unlooked = UNLOOKED;
  }
  const newest = users.newest(lo, hi);
  if (newest !== ABSENT) pool.strangers = 0;
  return newest;
}
