/**
 * One template's users (or one partition of them): decides each claim, alone and in memory.
 *
 * Pure and synchronous: no I/O, no clock, no allocation per claim. The order of the checks is the contract:
 * a coupon held already (same key) · status, window, eligibility · limit · a unit in the leased slice.
 * A decision is not yet a promise: the owner makes it durable and only then publishes the unit (see owner.ts).
 */
import { SLICE_IDLE_MS } from '../limits.ts';
import type { SerialRange } from '../ports.ts';
import { type PoolRules, refusesAll, type TemplateRules } from './rules.ts';
import { spentOfPool, spentOfTemplate } from './spent.ts';
import { StockSlice } from './stock-slice.ts';
import { leadsTo, type UnitTable } from './unit-table.ts';
import type { UserTable } from './user-table.ts';
import { Verdict } from './verdict.ts';

/** No unit at hand and not known to be sold out: the claim must wait for the ledger. Not a verdict. */
export const WAIT = 0;

export interface ParkedClaim {
  readonly slotWord: number;
  readonly lo: number;
  readonly hi: number;
  readonly keyLo: number;
  readonly keyHi: number;
  readonly deadlineMs: number;
  /** See spent.ts. */
  readonly spent: number;
}

/** What an actor holds of one pool. */
export class PoolState {
  rules: PoolRules;
  readonly actor: TemplateActor;
  slice = new StockSlice();
  /** 0 while nothing was leased yet. */
  epoch = 0;
  /** The ledger said: nothing free, unsold or pending anywhere in the pool. */
  soldOut = false;
  /** With `soldOut` in a cluster: whoever follows the stream to here knows everybody who holds one. */
  soldOutHead = 0;
  /** A lease request is on its way. */
  asking = false;
  /** The last answer held no units: ask again only when a claim waits or the ledger calls. */
  dry = false;
  /** Below this many unsold units the next slice is asked for. */
  lowWater = 1;
  /** The ledger asked for a report that must follow once the pending claims are durable. */
  owesReport = false;
  lastTakenMs = 0;
  parked: ParkedClaim[] = [];
  /** Claims that waited for units and were sent away, since units came last. */
  missed = 0;
  /** Units that came for claims that had been sent away, and when: kept for their return. See `kept`. */
  private keptUnits = 0;
  private keptMs = 0;
  /** [0]: durable claims of this actor in this pool. Shared: main adds these up for the stock figures. */
  readonly claimed = new Int32Array(new SharedArrayBuffer(4));

  constructor(actor: TemplateActor, rules: PoolRules) {
    this.actor = actor;
    this.rules = rules;
  }

  grant(epoch: number, ranges: readonly SerialRange[]): void {
    this.epoch = epoch;
    this.slice.add(ranges);
    this.soldOut = false;
    this.dry = false;
    let granted = 0;
    for (const range of ranges) granted += range.to - range.from;
    this.lowWater = Math.max(1, granted >>> 1);
  }

  /** Units came, and those who still wait have theirs. */
  keep(nowMs: number): void {
    this.keptUnits = this.missed;
    this.keptMs = nowMs;
    this.missed = 0;
  }

  /**
   * Units that are not to be spared for others. Where messages are slow, the last units arrive when whoever waited for
   * them is gone for a moment, and are wanted elsewhere: given away at once they would go round between the partitions,
   * each time too late. They stay until somebody takes one, or for as long as a slice may lie idle.
   */
  kept(nowMs: number): number {
    const isKept = this.lastTakenMs < this.keptMs && nowMs - this.keptMs <= SLICE_IDLE_MS;
    return isKept ? Math.min(this.keptUnits, this.slice.unsold) : 0;
  }

  /** What was leased is not this actor's any more. */
  forgetUnits(): void {
    this.keptUnits = 0;
    this.slice = new StockSlice();
    this.epoch = 0;
    this.soldOut = false;
    this.asking = false;
    this.dry = false;
    this.lowWater = 1;
    this.owesReport = false;
  }

  get wantsUnits(): boolean {
    return !this.asking && !this.dry && this.slice.unsold < this.lowWater;
  }
}

export class TemplateActor {
  rules: TemplateRules;
  readonly partition: number;
  readonly users: UserTable;
  readonly units: UnitTable;
  readonly pools = new Map<number, PoolState>();
  /** Of the last decision: the unit it names, or of a refusal the user's newest coupon of the template, or negative. */
  serial = -1;
  /** The newest coupon of the user judged last, or negative. */
  private newest = -1;
  private audience: Set<string> | null = null;

  constructor(rules: TemplateRules, partition: number, users: UserTable, units: UnitTable) {
    this.partition = partition;
    this.users = users;
    this.units = units;
    this.rules = rules;
    this.setRules(rules);
  }

  setRules(rules: TemplateRules): void {
    this.rules = rules;
    this.audience = rules.audience === null ? null : new Set(rules.audience);
    for (const poolRules of rules.pools) {
      const pool = this.pools.get(poolRules.activityId);
      if (pool === undefined) this.pools.set(poolRules.activityId, new PoolState(this, poolRules));
      else pool.rules = poolRules;
    }
  }

  /**
   * A verdict, or WAIT. `serial` names the unit of claimed and alreadyClaimed, and of a refusal the user's newest, from
   * which the others are found: its claim may still be pending. `spent`: see spent.ts.
   */
  decide(
    pool: PoolState,
    lo: number,
    hi: number,
    keyLo: number,
    keyHi: number,
    nowMs: number,
    spent = 0,
  ): number {
    const verdict = this.judge(pool, lo, hi, keyLo, keyHi, nowMs, spent);
    if (verdict !== WAIT) return verdict;
    const serial = pool.slice.take();
    if (serial < 0) return pool.soldOut ? Verdict.soldOut : WAIT;
    this.give(pool, lo, hi, keyLo, keyHi, serial, this.newest);
    pool.lastTakenMs = nowMs;
    return Verdict.claimed;
  }

  /** Keeps in memory that the user has the unit; it shows once it is published. */
  give(
    pool: PoolState,
    lo: number,
    hi: number,
    keyLo: number,
    keyHi: number,
    serial: number,
    newest: number,
  ): void {
    this.units.describe(serial, newest, pool.rules.activityId, keyLo, keyHi);
    this.users.put(lo, hi, serial);
    this.serial = serial;
  }

  /**
   * Takes a unit of the user's in that an earlier life published. Readers may be following its links: they stay, or
   * lead on to more than before. Lives may have learnt of a user's units in different orders, so chains may have to
   * be joined.
   */
  rejoin(lo: number, hi: number, serial: number): void {
    const { units, users } = this;
    let last = users.newest(lo, hi);
    if (last < 0 || leadsTo(units, serial, last)) {
      users.put(lo, hi, serial);
      return;
    }
    for (let s = units.previous(last); s >= 0 && !leadsTo(units, serial, s); s = units.previous(s)) last = s;
    units.link(last, serial);
  }

  /** What can be said without a unit, as `decide` does; WAIT: only a unit is missing. */
  judge(
    pool: PoolState,
    lo: number,
    hi: number,
    keyLo: number,
    keyHi: number,
    nowMs: number,
    spent = 0,
  ): number {
    const { units, users } = this;
    const { activityId, perUserLimit } = pool.rules;
    const newest = users.newest(lo, hi);
    this.newest = newest;
    this.serial = newest;
    let heldInPool = 0;
    let held = 0;
    let newestInPool = -1;
    let repeat = -1;
    for (let serial = newest; serial >= 0; serial = units.previous(serial)) {
      held++;
      if (units.activityId(serial) !== activityId) continue;
      if (heldInPool++ === 0) newestInPool = serial;
      if ((keyLo | keyHi) !== 0 && units.hasKey(serial, keyLo, keyHi)) repeat = serial;
    }
    // A claim with the same key is a repeat; with a limit of one every claim is, while the coupon counts.
    if (repeat < 0 && perUserLimit === 1 && heldInPool > spentOfPool(spent)) repeat = newestInPool;
    if (repeat >= 0) {
      this.serial = repeat;
      return Verdict.alreadyClaimed;
    }

    const { rules } = this;
    const refused = refusesAll(rules, pool.rules, nowMs);
    if (refused !== 0) return refused;
    if (this.audience !== null && !this.invites(lo, hi)) return Verdict.notEligible;
    const isFull =
      heldInPool - spentOfPool(spent) >= perUserLimit || held - spentOfTemplate(spent) >= rules.perUserLimit;
    return isFull ? Verdict.limitReached : WAIT;
  }

  private invites(lo: number, hi: number): boolean {
    return this.audience!.has(((BigInt(hi) << 32n) | BigInt(lo)).toString());
  }

  /** Whether the user already holds this unit: how a rebuild tells an entry seen twice from a unit sold twice. */
  holds(lo: number, hi: number, serial: number): boolean {
    for (let s = this.users.newest(lo, hi); s >= 0; s = this.units.previous(s)) if (s === serial) return true;
    return false;
  }
}
