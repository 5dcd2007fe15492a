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

export class PoolView {
  readonly template: TemplateView;
  rules: PoolRules;
  /** Nothing free, leased unsold or pending: set and cleared with the ledger's state. */
  soldOut = false;
  /** With `soldOut`: everybody who holds a coupon of the pool is in the user tables here. */
  settled = true;
  /**
   * Claims let pass unlooked at before the next look into the user table. While a crowd comes for the first time every
   * look would find nothing and cost a cache miss; the owner looks anyway. One repeat makes every claim be looked at.
   */
  unlooked = 0;
  /** Looks in a row that found nobody. */
  strangers = 0;
  /** Durable claims, one shared counter per partition; a hole until the owner of a new pool has told of it. */
  readonly claimed: (Int32Array | undefined)[] = [];

  constructor(template: TemplateView, rules: PoolRules) {
    this.template = template;
    this.rules = rules;
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
  /** Rows in the record store. */
  flushed = 0;
  /** Units of which this node has seen, since it started, that they can be claimed: their first codes are made. */
  readyUnits = 0;

  constructor(template: Template, activities: readonly Activity[], rules: TemplateRules, owners: number) {
    this.template = template;
    this.activities = activities;
    this.rules = rules;
    this.actors = Array.from({ length: rules.partitions }, (_, partition) => ({
      owner: ownerOf(template.id, partition, owners),
      users: null,
    }));
    this.setRules(rules);
  }

  setRules(rules: TemplateRules): void {
    this.rules = rules;
    for (const poolRules of rules.pools) {
      const pool = this.pools.get(poolRules.activityId);
      if (pool === undefined) this.pools.set(poolRules.activityId, new PoolView(this, poolRules));
      else pool.rules = poolRules;
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
