/**
 * What the record store says was claimed of some templates: which units, and who holds them. One pass over the blocks
 * for all templates; holders are kept only as far as memory allows, those of the rest are read again when it is their turn.
 */
import { ENTRY_WORDS, entryWords } from '../claimlog/entry.ts';
import type { Template } from '../domain/template.ts';
import type { RecordStore } from '../ports.ts';
import type { HeldCoupon } from '../ports-ledger.ts';
import { ClaimedUnits } from './claimed-units.ts';
import { HeldClaims } from './held-claims.ts';
import { plainBytes } from './plain-bytes.ts';

export class StoredClaims {
  private readonly store: RecordStore;
  private readonly units: Map<number, ClaimedUnits>;
  /** Templates, in groups that fit; the first group is kept. */
  private readonly groups: ReadonlySet<number>[];
  private kept = new HeldClaims();

  private constructor(store: RecordStore, templates: readonly Template[], groups: ReadonlySet<number>[]) {
    this.store = store;
    this.units = new Map(templates.map(({ id, total }) => [id, new ClaimedUnits(total)]));
    this.groups = groups;
  }

  /** `heldMax`: claims whose holders are kept at a time. */
  static async read(
    store: RecordStore,
    templates: readonly Template[],
    heldMax: number,
  ): Promise<StoredClaims> {
    const claims = new StoredClaims(store, templates, await groupsOf(store, templates, heldMax));
    claims.kept = await claims.pass(claims.groups[0], claims.units);
    return claims;
  }

  unitsOf(templateId: number): ClaimedUnits {
    return this.units.get(templateId)!;
  }

  /** Holders of these templates' units. */
  async *held(templateIds: ReadonlySet<number>): AsyncGenerator<readonly HeldCoupon[]> {
    for (const [i, group] of this.groups.entries()) {
      const wanted = new Set([...group].filter((id) => templateIds.has(id)));
      if (wanted.size === 0) continue;
      if (i === 0) yield* this.kept.chunks((id) => wanted.has(id));
      else {
        const again = new Map([...wanted].map((id) => [id, new ClaimedUnits(this.unitsOf(id).total)]));
        yield* (await this.pass(wanted, again)).chunks(() => true);
      }
    }
  }

  private async pass(
    group: ReadonlySet<number> | undefined,
    units: ReadonlyMap<number, ClaimedUnits>,
  ): Promise<HeldClaims> {
    const held = new HeldClaims();
    for (let after = 0; ; ) {
      const page = await this.store.claimBlocks(after);
      if (page.entries.length === 0) return held;
      after = page.lastBlock;
      for (const entries of page.entries) {
        const words = entryWords(plainBytes(entries));
        for (let at = 0; at < words.length; at += ENTRY_WORDS) {
          const isNew = units.get(words[at])?.add(words[at + 1], words[at + 4]) ?? false;
          if (isNew && group?.has(words[at])) held.add(words, at);
        }
      }
    }
  }
}

/**
 * By the rows they have; a template with more than that alone is a group of its own. Where counting takes the store too
 * long, all units count: more groups than needed, and each is one more reading.
 */
async function groupsOf(
  store: RecordStore,
  templates: readonly Template[],
  heldMax: number,
): Promise<Set<number>[]> {
  const counted = await store.countByTemplate().catch(() => null);
  const counts = counted && new Map(counted.map(({ templateId, count }) => [templateId, count]));
  const groups: Set<number>[] = [];
  let room = 0;
  for (const { id, total } of templates) {
    const rows = counts === null ? total : (counts.get(id) ?? 0);
    if (groups.length === 0 || rows > room) {
      groups.push(new Set());
      room = heldMax;
    }
    groups.at(-1)!.add(id);
    room -= rows;
  }
  return groups;
}
