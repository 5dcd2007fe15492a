/**
 * What the ingress knows of a template: its rules, its owners, and the owners' shared tables. Enough to answer repeats
 * and most refusals without asking anybody.
 */
import { ownerOf } from '../actors/placement.ts';
import type { PoolRules, TemplateRules } from '../actors/rules.ts';
import { UnitTable } from '../actors/unit-table.ts';
import type { UserTable } from '../actors/user-table.ts';
import type { Activity, CodeExtent, Template } from '../domain/template.ts';

/** One actor as seen from outside. Its table outlives the actor: what was durable stays true while the owner is down. */
export interface ActorView {
  readonly owner: number;
  users: UserTable | null;
}

const SOLD_OUT = 1;
const SETTLED = 2;

export class PoolView {
  readonly template: TemplateView;
  rules: PoolRules;
  /** One word that the main thread writes and every ingress reads. */
  readonly marks: Int32Array;
  /**
   * Claims let pass unlooked at before the next look into the user table. While a crowd comes for the first time every
   * look would find nothing and cost a cache miss; the owner looks anyway. One repeat makes every claim be looked at.
   */
  unlooked = 0;
  /** Looks in a row that found nobody. */
  strangers = 0;
  /** Durable claims, one shared counter per partition; a hole until the owner of a new pool has told of it. */
  readonly claimed: (Int32Array | undefined)[] = [];

  constructor(template: TemplateView, rules: PoolRules, marks: SharedArrayBuffer) {
    this.template = template;
    this.rules = rules;
    this.marks = new Int32Array(marks);
  }

  /** Nothing free, leased unsold or pending: set and cleared with the ledger's state. */
  get soldOut(): boolean {
    return (Atomics.load(this.marks, 0) & SOLD_OUT) !== 0;
  }

  /** Sold out, and everybody who holds a coupon of the pool is in the user tables here. */
  get settled(): boolean {
    return (Atomics.load(this.marks, 0) & SETTLED) !== 0;
  }

  /** In one step: a pool must not look settled that has only just sold out. */
  mark(soldOut: boolean, settled: boolean): void {
    Atomics.store(this.marks, 0, (soldOut ? SOLD_OUT : 0) | (soldOut && settled ? SETTLED : 0));
  }

  get claimedUnits(): number {
    let sum = 0;
    for (const counter of this.claimed) if (counter !== undefined) sum += Atomics.load(counter, 0);
    return sum;
  }
}

export class TemplateView {
  template: Template;
  activities: readonly Activity[];
  rules: TemplateRules;
  readonly units = new UnitTable([]);
  readonly extents: CodeExtent[] = [];
  readonly actors: readonly ActorView[];
  readonly pools = new Map<number, PoolView>();
  private placedOf = 0;
  private placedBelow = 0;
  /** Rows in the record store. */
  flushed = 0;
  /** Units of which this node has seen, since it started, that they can be claimed: their first codes are made. */
  readyUnits = 0;

  /** `marks`: words of its pools that are there already, by activity. */
  constructor(
    template: Template,
    activities: readonly Activity[],
    rules: TemplateRules,
    owners: number,
    marks?: ReadonlyMap<number, SharedArrayBuffer>,
  ) {
    this.template = template;
    this.activities = activities;
    this.rules = rules;
    this.actors = Array.from({ length: rules.partitions }, (_, partition) => ({
      owner: ownerOf(template.id, partition, owners),
      users: null,
    }));
    this.setRules(rules, marks);
  }

  setRules(rules: TemplateRules, marks?: ReadonlyMap<number, SharedArrayBuffer>): void {
    this.rules = rules;
    for (const poolRules of rules.pools) {
      const { activityId } = poolRules;
      const pool = this.pools.get(activityId);
      if (pool !== undefined) pool.rules = poolRules;
      else {
        const word = marks?.get(activityId) ?? new SharedArrayBuffer(Int32Array.BYTES_PER_ELEMENT);
        this.pools.set(activityId, new PoolView(this, poolRules, word));
      }
    }
  }

  get claimedUnits(): number {
    let sum = 0;
    for (const pool of this.pools.values()) sum += pool.claimedUnits;
    return sum;
  }

  /** Serials below this have a code: extents follow one another, though they may be heard of in another order. */
  get placed(): number {
    let placed = 0;
    for (const { firstSerial, length } of [...this.extents].sort((a, b) => a.firstSerial - b.firstSerial))
      if (firstSerial <= placed) placed = Math.max(placed, firstSerial + length);
    return placed;
  }

  /** Of serials below this both the code's place and the table are known here. */
  get knownBelow(): number {
    if (this.placedOf !== this.extents.length) {
      this.placedOf = this.extents.length;
      this.placedBelow = this.placed;
    }
    return Math.min(this.placedBelow, this.units.capacity);
  }

  /** Which of `extents` a unit's code lies in. */
  extentIndex(serial: number): number {
    const { extents } = this;
    for (let i = 0; i < extents.length; i++) {
      if (serial >= extents[i].firstSerial && serial < extents[i].firstSerial + extents[i].length) return i;
    }
    throw new Error(`template ${this.template.id} has no code extent for serial ${serial}`);
  }

  /** The code space of a unit. */
  spaceOf(serial: number): string {
    return this.extents[this.extentIndex(serial)].space;
  }
}
