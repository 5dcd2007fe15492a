/** What must be true when everything is quiet and stored. */
import { ENTRY_WORDS, entryWords } from '../../../src/claimlog/entry.ts';
import type { World } from './world.ts';

/** Every unit is stored once, no user has more than the limits, blocks and rows say the same. */
export function assertRows({ records }: World): void {
  for (const { id, total, perUserLimit } of records.templateRows) {
    const rows = records.rowsOf(id);
    if (rows.length !== total) throw new Error(`template ${id}: ${rows.length} rows of ${total} units`);
    const held = new Map<string, number>();
    const heldIn = new Map<string, number>();
    for (const row of rows) {
      const user = `${row[2]}/${row[3]}`;
      const inPool = `${user}/${row[4]}`;
      held.set(user, (held.get(user) ?? 0) + 1);
      heldIn.set(inPool, (heldIn.get(inPool) ?? 0) + 1);
      const limit =
        row[4] === 0
          ? perUserLimit
          : records.activityRows.find((activity) => activity.id === row[4])!.perUserLimit;
      if (held.get(user)! > perUserLimit || heldIn.get(inPool)! > limit)
        throw new Error(`template ${id}: user ${user} holds more than the limits allow`);
    }
  }
  const inBlocks = new Set<number>();
  for (const { entries } of records.blocks) {
    const words = entryWords(entries);
    for (let at = 0; at < words.length; at += ENTRY_WORDS) {
      const coupon = words[at] * 2 ** 32 + words[at + 1];
      if (inBlocks.has(coupon)) throw new Error(`coupon ${coupon} stands in two blocks`);
      inBlocks.add(coupon);
    }
  }
  if (inBlocks.size !== records.rows.size)
    throw new Error(`${inBlocks.size} claims in blocks, ${records.rows.size} rows`);
}

/** Every node's memory is what is stored: each unit, under its user, and published. */
export function assertMemories({ nodes, records }: World): void {
  for (const { id, process } of nodes) {
    if (process === null) throw new Error(`${id} is down`);
    for (const row of records.rows.values()) {
      const view = process.views.get(row[0])!;
      const serial = row[1];
      const [lo, hi] = [row[2], row[3]];
      if (!view.units.isClaimed(serial))
        throw new Error(`${id} does not know that ${row[0]}/${serial} is claimed`);
      const codeHi = row[6] & 0xffff;
      if (view.units.codeLo(serial) !== row[5] || view.units.codeHi(serial) !== codeHi)
        throw new Error(`${id} has another code for ${row[0]}/${serial}`);
      const holder = process.lives
        .flatMap((life) => [...(life?.owner.allActors() ?? [])])
        .some((actor) => actor.rules.templateId === row[0] && actor.holds(lo, hi, serial));
      if (!holder) throw new Error(`${id} does not know who holds ${row[0]}/${serial}`);
    }
    for (const { ref } of process.leases.ledger.snapshot()) {
      const rows = records.rowsOf(ref.templateId).filter((row) => row[4] === ref.activityId).length;
      const counted = process.views.get(ref.templateId)!.pools.get(ref.activityId)!.claimedUnits;
      if (counted !== rows)
        throw new Error(
          `${id} counts ${counted} claims of ${ref.templateId}/${ref.activityId}, ${rows} are stored`,
        );
    }
  }
}
