/**
 * Puts an owner's memory together again from claim entries: the record store's blocks first, then what the logs hold
 * beyond the watermark. The two may overlap (the flusher goes on meanwhile), so an entry seen twice is no news. One
 * unit with two users is: that must stop the start.
 */
import { blankEntry, ENTRY_WORDS, readEntry } from '../claimlog/entry.ts';
import type { Owner } from './owner.ts';
import { partitionOf } from './placement.ts';
import type { TemplateActor } from './template-actor.ts';

export class UnitSoldTwice extends Error {
  override name = 'UnitSoldTwice';
  constructor(templateId: number, serial: number) {
    super(`template ${templateId}, serial ${serial}: claimed by two users in records and logs`);
  }
}

export class Rebuild {
  private readonly owner: Owner;
  /** Actors per template, by partition; null where another owner serves that partition. */
  private readonly actors = new Map<number, (TemplateActor | null)[]>();
  private readonly seen = new Map<number, Uint32Array>();
  private readonly unitsStartBlank: boolean;
  private readonly entry = blankEntry();
  claims = 0;

  constructor(owner: Owner, unitsStartBlank: boolean) {
    this.owner = owner;
    this.unitsStartBlank = unitsStartBlank;
  }

  private actorsOf(templateId: number): (TemplateActor | null)[] {
    let actors = this.actors.get(templateId);
    if (actors === undefined) {
      actors = [];
      for (let partition = 0; partition < 64; partition++) {
        const actor = this.owner.actor(templateId, partition);
        if (actor !== undefined) {
          while (actors.length < actor.rules.partitions) actors.push(null);
          actors[partition] = actor;
        }
      }
      this.actors.set(templateId, actors);
    }
    return actors;
  }

  /** Takes in the entries in words[from, from + count entries). */
  add(words: Uint32Array, from: number, count: number): void {
    const { entry } = this;
    for (let i = 0; i < count; i++) {
      readEntry(words, from + i * ENTRY_WORDS, entry);
      const actors = this.actorsOf(entry.templateId);
      if (actors.length === 0) continue;
      const actor = actors[partitionOf(entry.userLo, entry.userHi, actors.length)];
      if (actor !== null) this.addTo(actor);
    }
  }

  private addTo(actor: TemplateActor): void {
    const { templateId, serial, userLo, userHi } = this.entry;
    const { units, users } = actor;
    if (serial >= units.capacity)
      throw new Error(`template ${templateId} has no serial ${serial}, yet it was claimed`);
    const seen = this.seenOf(templateId, units.capacity);
    const bit = 1 << (serial & 31);
    if ((seen[serial >>> 5] & bit) !== 0) {
      if (actor.holds(userLo, userHi, serial)) return;
      throw new UnitSoldTwice(templateId, serial);
    }
    // Another owner's user has it: only telling in the first life, before anything was sold in this process.
    if (this.unitsStartBlank && units.isClaimed(serial)) throw new UnitSoldTwice(templateId, serial);
    seen[serial >>> 5] |= bit;
    const newest = users.newest(userLo, userHi);
    units.setCode(serial, this.entry.code >>> 0, Math.floor(this.entry.code / 0x1_0000_0000));
    units.describe(serial, newest, this.entry.activityId, this.entry.keyLo, this.entry.keyHi);
    users.put(userLo, userHi, serial);
    units.publish(serial, this.entry.claimedAtMs);
    const pool = actor.pools.get(this.entry.activityId);
    if (pool === undefined)
      throw new Error(
        `template ${templateId} has no activity ${this.entry.activityId}, yet it was claimed from`,
      );
    pool.claimed[0]++;
    this.claims++;
  }

  /** Claims taken in so far, per template. */
  claimsByTemplate(): Map<number, number> {
    const counts = new Map<number, number>();
    for (const [templateId, actors] of this.actors) {
      let claimed = 0;
      for (const actor of actors)
        if (actor !== null) for (const pool of actor.pools.values()) claimed += pool.claimed[0];
      if (claimed > 0) counts.set(templateId, claimed);
    }
    return counts;
  }

  private seenOf(templateId: number, capacity: number): Uint32Array {
    let seen = this.seen.get(templateId);
    if (seen === undefined) {
      seen = new Uint32Array(Math.ceil(capacity / 32));
      this.seen.set(templateId, seen);
    }
    return seen;
  }
}
