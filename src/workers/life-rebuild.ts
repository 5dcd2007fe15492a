/** How a life of an owner puts its memory together. */
import { ClusterOwner } from '../actors/cluster-owner.ts';
import type { Owner } from '../actors/owner.ts';
import { Rebuild } from '../actors/rebuild.ts';
import type { LogDisk } from '../claimlog/disk.ts';
import { ENTRY_WORDS, entryWords } from '../claimlog/entry.ts';
import { scanLog } from '../claimlog/log-scan.ts';
import type { RecordStore, Watermark } from '../ports.ts';
import type { OwnerTask } from './owner-messages.ts';

/** Blocks of the record store first, then every log from its watermark on. Returns the claims taken in. */
export async function rebuild(
  task: OwnerTask,
  owner: Owner,
  store: Pick<RecordStore, 'watermarks' | 'claimBlocks'>,
  disk: LogDisk,
  onProgress: (claims: number) => void,
): Promise<{ claims: number; stored: [number, number][]; watermarks: readonly Watermark[] }> {
  const memory = new Rebuild(owner, task.first);
  // The watermark before the blocks: what is flushed in between is then seen twice rather than never.
  const marks = await store.watermarks();
  const watermarks = new Map(marks.map(({ logId, offset }) => [logId, offset]));
  let page = store.claimBlocks(0);
  for (;;) {
    const { lastBlock, entries } = await page;
    if (entries.length === 0) break;
    // The store reads the next page while this one is taken in.
    page = store.claimBlocks(lastBlock);
    for (const block of entries) {
      const words = entryWords(block);
      memory.add(words, 0, words.length / ENTRY_WORDS);
    }
    onProgress(memory.claims);
  }
  const stored: [number, number][] = [...memory.claimsByTemplate()];
  for (const logId of task.logs) {
    scanLog(disk, task.logRoot, logId, watermarks.get(logId) ?? 0, (words, at, count) =>
      memory.add(words, at, count),
    );
    onProgress(memory.claims);
  }
  memory.finish();
  if (owner instanceof ClusterOwner) owner.startFrom(memory.taken());
  return { claims: memory.claims, stored, watermarks: marks };
}
