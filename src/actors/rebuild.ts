/**
 * Puts an owner's memory together again from claim entries: the record store's blocks first, then what the logs hold
 * beyond the watermark. The two may overlap (the flusher goes on meanwhile), so an entry seen twice is no news. One
 * unit with two users is: that must stop the start.
 */
import { ENTRY_WORDS } from '../claimlog/entry.ts';
import { PARTITIONS_MAX } from '../limits.ts';
import type { Owner } from './owner.ts';
import { partitionOf } from './placement.ts';
import type { TemplateActor } from './template-actor.ts';
import { UnitBits } from './unit-bits.ts';

export class UnitSoldTwice extends Error {
  override name = 'UnitSoldTwice';
  constructor(templateId: number, serial: number) {
    super(`template ${templateId}, serial ${serial}: claimed by two users in records and logs`);
  }
}

/** What is being rebuilt of one template. */
interface Part {
  readonly templateId: number;
  /** By partition; null where another owner serves that partition. Empty: none of it is served here. */
  readonly actors: readonly (TemplateActor | null)[];
  /** Units taken in already. */
  readonly seen: UnitBits;
}

export class Rebuild {
  private readonly owner: Owner;
  private readonly parts = new Map<number, Part>();
  /** Neighbouring entries are mostly of one template. */
  private last: Part | null = null;
  private readonly unitsStartBlank: boolean;
  /** Claims by coupon id that no earlier life of this process has published: other nodes made them meanwhile. */
  private readonly unheard = new Map<
    number,
    { readonly actor: TemplateActor; readonly words: Uint32Array }
  >();
  claims = 0;

  constructor(owner: Owner, unitsStartBlank: boolean) {
    this.owner = owner;
    this.unitsStartBlank = unitsStartBlank;
  }

  /** Takes in the entries in words[from, from + count entries). */
  add(words: Uint32Array, from: number, count: number): void {
    const end = from + count * ENTRY_WORDS;
    for (let at = from; at < end; at += ENTRY_WORDS) {
      const templateId = words[at];
      const part = this.last?.templateId === templateId ? this.last : this.partOf(templateId);
      const { actors } = part;
      if (actors.length === 0) continue;
      const actor = actors[partitionOf(words[at + 2], words[at + 3], actors.length)];
      if (actor !== null) this.addTo(actor, part.seen, words, at);
    }
  }

  /**
   * To be called when all entries are in. What no earlier life has published comes behind what one has: the links of
   * that stay as they are, and these are the first to name a user's later coupons.
   */
  finish(): void {
    for (const { actor, words } of this.unheard.values()) {
      const previous = actor.users.put(words[2], words[3], words[1]);
      actor.units.describe(words[1], previous, words[4], words[8], words[9]);
      restore(actor, words, 0);
    }
    this.unheard.clear();
  }

  /** The words of an entry: claimlog/entry.ts. */
  private addTo(actor: TemplateActor, seen: UnitBits, words: Uint32Array, at: number): void {
    const templateId = words[at];
    const serial = words[at + 1];
    const lo = words[at + 2];
    const hi = words[at + 3];
    const activityId = words[at + 4];
    const { units, users } = actor;
    if (serial >= units.capacity) {
      throw new Error(`template ${templateId} has no serial ${serial}, yet it was claimed`);
    }
    if (seen.has(serial)) {
      const other = this.unheard.get(couponId(templateId, serial))?.words;
      if (other === undefined ? actor.holds(lo, hi, serial) : other[2] === lo && other[3] === hi) return;
      throw new UnitSoldTwice(templateId, serial);
    }
    // Another owner's user has it: only telling in the first life, before anything was sold in this process.
    if (this.unitsStartBlank && units.isClaimed(serial)) throw new UnitSoldTwice(templateId, serial);
    seen.add(serial);
    const pool = actor.pools.get(activityId);
    if (pool === undefined) {
      throw new Error(`template ${templateId} has no activity ${activityId}, yet it was claimed from`);
    }
    pool.claimed[0]++;
    this.claims++;
    if (this.unitsStartBlank) {
      const previous = users.put(lo, hi, serial);
      units.describe(serial, previous, activityId, words[at + 8], words[at + 9]);
    } else if (!units.isClaimed(serial)) {
      this.unheard.set(couponId(templateId, serial), { actor, words: words.slice(at, at + ENTRY_WORDS) });
      return;
    } else {
      // An earlier life in this process described this unit already, and the ingress may be reading that.
      actor.rejoin(lo, hi, serial);
    }
    restore(actor, words, at);
  }

  /** Units taken in, by template. */
  *taken(): Generator<[templateId: number, units: UnitBits]> {
    for (const { templateId, seen } of this.parts.values()) yield [templateId, seen];
  }

  /** Claims taken in so far, per template. */
  claimsByTemplate(): Map<number, number> {
    const counts = new Map<number, number>();
    for (const { templateId, actors } of this.parts.values()) {
      let claimed = 0;
      for (const actor of actors) {
        if (actor === null) continue;
        for (const pool of actor.pools.values()) claimed += pool.claimed[0];
      }
      if (claimed > 0) counts.set(templateId, claimed);
    }
    return counts;
  }

  private partOf(templateId: number): Part {
    let part = this.parts.get(templateId);
    if (part === undefined) {
      const actors: (TemplateActor | null)[] = [];
      let capacity = 0;
      for (let partition = 0; partition < PARTITIONS_MAX; partition++) {
        const actor = this.owner.actor(templateId, partition);
        if (actor === undefined) continue;
        while (actors.length < actor.rules.partitions) actors.push(null);
        actors[partition] = actor;
        capacity = actor.units.capacity;
      }
      part = { templateId, actors, seen: new UnitBits(capacity) };
      this.parts.set(templateId, part);
    }
    this.last = part;
    return part;
  }
}

function restore({ units }: TemplateActor, words: Uint32Array, at: number): void {
  units.restore(words[at + 1], words[at + 5], words[at + 6] & 0xffff, words[at + 7], words[at + 6] >>> 16);
}

function couponId(templateId: number, serial: number): number {
  return templateId * 2 ** 32 + serial;
}
