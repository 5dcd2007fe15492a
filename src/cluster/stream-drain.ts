/** Stores what an ended incarnation's stream still has. Nobody appends to it any more. */
import { ENTRY_BYTES } from '../claimlog/entry.ts';
import { FLUSH_BATCH_ENTRIES_MAX } from '../limits.ts';
import type { RecordStore } from '../ports.ts';
import type { ClusterStore } from '../ports-cluster.ts';
import type { ShardLedger } from '../ports-ledger.ts';
import type { CodeGuard } from './code-guard.ts';
import { fillLogId, streamLogId } from './log-ids.ts';
import { plainBytes } from './plain-bytes.ts';

/** conflict: a claim contradicts what is stored. overtaken: another node has taken the stream since. */
export type Drained =
  | { readonly kind: 'drained' }
  | { readonly kind: 'overtaken' }
  | { readonly kind: 'conflict'; readonly detail: string };

/**
 * A stream that cannot be read, or not to its end, is no failure: whatever was acknowledged is in the local log of a
 * member, and those were all heard before. Rejects only when the record store does.
 */
export async function drainStream(
  store: RecordStore & ClusterStore,
  ledger: ShardLedger,
  guard: CodeGuard,
  shard: number,
  incarnation: number,
  onBatch: () => Promise<void>,
): Promise<Drained> {
  const logId = streamLogId(shard, incarnation);
  const { fence, offset } = await store.takeFence(logId);
  const start = await startOrNothing(ledger, shard, incarnation);
  // The store has gone back behind what is left of the stream (stream-flusher.ts): what fell between is in local logs,
  // and the rest cannot go in as the watermark's next.
  if (start * ENTRY_BYTES > offset)
    return await fillRest(store, ledger, guard, shard, incarnation, start, onBatch);
  let fromOffset = offset;
  for (;;) {
    const entries = await readOrNothing(ledger, shard, incarnation, fromOffset / ENTRY_BYTES);
    if (entries.length === 0) return { kind: 'drained' };
    await onBatch();
    const wrong = await guard.wrong(entries);
    if (wrong !== null) return { kind: 'conflict', detail: `stream: ${wrong}` };
    const toOffset = fromOffset + entries.length;
    const outcome = await store.commitClaims({ logId, fromOffset, toOffset, entries, fence });
    switch (outcome.kind) {
      case 'committed':
        fromOffset = toOffset;
        break;
      case 'stale':
        fromOffset = outcome.offset;
        break;
      case 'fenced':
        return { kind: 'overtaken' };
      case 'conflict':
        return { kind: 'conflict', detail: outcome.detail };
    }
  }
}

async function fillRest(
  store: RecordStore & ClusterStore,
  ledger: ShardLedger,
  guard: CodeGuard,
  shard: number,
  incarnation: number,
  start: number,
  onBatch: () => Promise<void>,
): Promise<Drained> {
  for (let position = start; ; ) {
    const entries = await readOrNothing(ledger, shard, incarnation, position);
    if (entries.length === 0) return { kind: 'drained' };
    await onBatch();
    const wrong = await guard.wrong(entries);
    if (wrong !== null) return { kind: 'conflict', detail: `stream: ${wrong}` };
    const filled = await store.fillIn(fillLogId(shard, incarnation), entries);
    if (filled.kind === 'conflict') return { kind: 'conflict', detail: filled.detail };
    position += entries.length / ENTRY_BYTES;
  }
}

async function startOrNothing(ledger: ShardLedger, shard: number, incarnation: number): Promise<number> {
  try {
    return (await ledger.start(shard, incarnation)) ?? 0;
  } catch {
    // As with what cannot be read: local logs have it.
    return 0;
  }
}

async function readOrNothing(
  ledger: ShardLedger,
  shard: number,
  incarnation: number,
  position: number,
): Promise<Uint8Array> {
  try {
    const head = await ledger.head(shard, incarnation);
    if (head === null || head <= position) return new Uint8Array(0);
    return plainBytes(await ledger.read(shard, incarnation, position, FLUSH_BATCH_ENTRIES_MAX));
  } catch {
    return new Uint8Array(0);
  }
}
