/**
 * One template's users (or one partition of them): decides each claim, alone and in memory.
 *
 * Pure and synchronous: no I/O, no clock, no allocation per claim. The order of the checks is the contract:
 * a coupon held already (same key) · status, window, eligibility · limit · a unit in the leased slice.
 * A decision is not yet a promise: the owner makes it durable and only then publishes the unit (see owner.ts).
 */
import type { SerialRange } from '../ports.ts';
import type { PoolRules, TemplateRules } from './rules.ts';
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

  /** What was leased is not this actor's any more. */
  forgetUnits(): void {
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
  /** The unit of the last decision that named one. */
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
   * A verdict, or WAIT. `serial` names the unit of claimed and alreadyClaimed, and of limitReached the user's newest:
   * its claim may still be pending.
   */
  decide(pool: PoolState, lo: number, hi: number, keyLo: number, keyHi: number, nowMs: number): number {
    const verdict = this.judge(pool, lo, hi, keyLo, keyHi, nowMs);
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
  judge(pool: PoolState, lo: number, hi: number, keyLo: number, keyHi: number, nowMs: number): number {
    const { units, users } = this;
    const { activityId, perUserLimit } = pool.rules;
    const newest = users.newest(lo, hi);
    this.newest = newest;
    let heldInPool = 0;
    let held = 0;
    let repeat = -1;
    for (let serial = newest; serial >= 0; serial = units.previous(serial)) {
      held++;
      if (units.activityId(serial) !== activityId) continue;
      heldInPool++;
      // With a limit of one the first coupon answers every repeat; else only the one claimed with the same key.
      if (perUserLimit === 1 || ((keyLo | keyHi) !== 0 && units.hasKey(serial, keyLo, keyHi)))
        repeat = serial;
    }
    if (repeat >= 0) {
      this.serial = repeat;
      return Verdict.alreadyClaimed;
    }

    const { rules } = this;
    if (!rules.published) return Verdict.notActive;
    if (nowMs < pool.rules.fromMs) return Verdict.notStarted;
    if (nowMs >= pool.rules.untilMs) return Verdict.ended;
    if (!rules.claimable || (this.audience !== null && !this.invites(lo, hi))) return Verdict.notEligible;
    if (heldInPool >= perUserLimit || held >= rules.perUserLimit) {
      this.serial = newest;
      return Verdict.limitReached;
    }
    return WAIT;
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
