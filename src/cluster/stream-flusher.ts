/**
 * One shard's stream on its way into the record store. It holds one batch at a time, and knows nothing that the store
 * does not know better: the watermark there is where to go on, the fence there says whose turn it is.
 */
import { claimsByTemplate } from '../claimlog/claims-by-template.ts';
import { ENTRY_BYTES } from '../claimlog/entry.ts';
import { FLUSH_BATCH_ENTRIES_MAX } from '../limits.ts';
import type { RecordStore } from '../ports.ts';
import type { ClusterStore, NodeRow } from '../ports-cluster.ts';
import type { ShardLedger } from '../ports-ledger.ts';
import type { Clock } from './clock.ts';
import type { CodeGuard } from './code-guard.ts';
import { placeInLine } from './flush-duty.ts';
import { streamLogId } from './log-ids.ts';
import type { RowCounts } from './main-link.ts';
import { plainBytes } from './plain-bytes.ts';

/** Claims that stay in the stream behind the watermark, for nodes that follow it. */
const TAIL_CLAIMS = 100_000;
const TRIM_MS = 5_000;
/** After another node took the stream: long enough for both to see the same list of nodes. */
const OVERTAKEN_MS = 3_000;

export interface FlusherWorld {
  readonly nodeId: string;
  readonly seatTtlMs: number;
  readonly clock: Clock;
  readonly store: RecordStore & ClusterStore;
  readonly ledger: ShardLedger;
  readonly guard: CodeGuard;
  nodes(): readonly NodeRow[];
  /** As last seen. */
  stored(shard: number, incarnation: number): number;
  /** The store has less of the stream than it had when the stream was trimmed. */
  onGap(shard: number, incarnation: number, detail: string): void;
  onStored(shard: number, incarnation: number, position: number, counts: RowCounts): void;
}

export class StreamFlusher {
  readonly shard: number;
  private readonly world: FlusherWorld;
  private incarnation = 0;
  /** This node's right to flush, and where it goes on; null: it has none. */
  private turn: { fence: number; position: number } | null = null;
  private movedAtMs = 0;
  private overtakenAtMs = Number.NEGATIVE_INFINITY;
  private lastStored = -1;
  private trimmedAtMs = 0;
  private trimmedTo = 0;
  /** Why it has stopped until an operator looks. */
  stuck: string | null = null;

  constructor(world: FlusherWorld, shard: number) {
    this.world = world;
    this.shard = shard;
  }

  /** Flushes one batch of the open incarnation, if it is this node's turn. → claims stored. Rejects: try again later. */
  async flushOne(incarnation: number, head: number): Promise<number> {
    if (incarnation !== this.incarnation) this.startOver(incarnation);
    if (this.stuck !== null || !this.isOurTurn(head)) return 0;
    const { store, guard } = this.world;
    const position = this.turn?.position ?? this.world.stored(this.shard, incarnation);
    const entries = await this.readFrom(incarnation, position);
    if (entries === null || entries.length === 0) return 0;
    // Only who can read the stream takes it from others.
    if (this.turn === null) {
      const { fence, offset } = await store.takeFence(streamLogId(this.shard, incarnation));
      this.turn = { fence, position: offset / ENTRY_BYTES };
      if (this.turn.position !== position) return 0;
    }
    const wrong = await guard.wrong(entries);
    if (wrong !== null) {
      this.stuck = wrong;
      return 0;
    }
    return await this.commit(position, entries);
  }

  /** What is stored long enough ago goes out of the ledger. Rejects when the ledger is away. */
  async trim(): Promise<void> {
    const nowMs = this.world.clock.nowMs();
    if (this.turn === null || nowMs - this.trimmedAtMs < TRIM_MS) return;
    this.trimmedAtMs = nowMs;
    const to = this.world.stored(this.shard, this.incarnation) - TAIL_CLAIMS;
    if (to <= this.trimmedTo) return;
    await this.world.ledger.trim(this.shard, this.incarnation, to);
    this.trimmedTo = to;
  }

  /** Null when what comes next is not in the stream any more. */
  private async readFrom(incarnation: number, position: number): Promise<Uint8Array | null> {
    const { ledger } = this.world;
    try {
      return plainBytes(await ledger.read(this.shard, incarnation, position, FLUSH_BATCH_ENTRIES_MAX));
    } catch (error) {
      if (!(error instanceof Error) || error.name !== 'StreamTrimmed') throw error;
      await this.lookForGap(incarnation);
      return null;
    }
  }

  /**
   * Mostly others have flushed and trimmed what this node has not heard of. But the store may have forgotten: a
   * database that failed over without its last rows. Streams are trimmed behind the watermark only, so one that was
   * asked for after the stream's start and lies before it has gone back.
   */
  private async lookForGap(incarnation: number): Promise<void> {
    const { ledger, store, onGap } = this.world;
    const start = await ledger.start(this.shard, incarnation);
    const logId = streamLogId(this.shard, incarnation);
    const offset = (await store.watermarks()).find((one) => one.logId === logId)?.offset ?? 0;
    const stored = offset / ENTRY_BYTES;
    this.turn = null;
    this.overtakenAtMs = this.world.clock.nowMs();
    // An incarnation that is not there any more is found to be lost by whoever uses it.
    if (start !== null && stored < start)
      onGap(this.shard, incarnation, `it has ${stored} claims of a stream that begins at ${start} by now`);
  }

  private startOver(incarnation: number): void {
    this.incarnation = incarnation;
    this.turn = null;
    this.stuck = null;
    this.lastStored = -1;
    this.trimmedTo = 0;
  }

  private isOurTurn(head: number): boolean {
    const { nodeId, clock, seatTtlMs } = this.world;
    const stored = this.world.stored(this.shard, this.incarnation);
    if (stored !== this.lastStored || stored >= head) {
      this.lastStored = stored;
      this.movedAtMs = clock.nowMs();
    }
    if (this.turn !== null) return true;
    if (clock.nowMs() - this.overtakenAtMs < OVERTAKEN_MS) return false;
    // A stream that does not move for as long as a seat may be silent is the next one's in line.
    const place = placeInLine(this.shard, nodeId, this.world.nodes(), seatTtlMs);
    return place === 0 || clock.nowMs() - this.movedAtMs > place * seatTtlMs;
  }

  private async commit(position: number, entries: Uint8Array): Promise<number> {
    const turn = this.turn!;
    const claims = entries.length / ENTRY_BYTES;
    const outcome = await this.world.store.commitClaims({
      logId: streamLogId(this.shard, this.incarnation),
      fromOffset: position * ENTRY_BYTES,
      toOffset: (position + claims) * ENTRY_BYTES,
      entries,
      fence: turn.fence,
    });
    switch (outcome.kind) {
      case 'committed':
        turn.position = position + claims;
        this.world.onStored(
          this.shard,
          this.incarnation,
          turn.position,
          claimsByTemplate(outcome.fresh ?? entries),
        );
        return claims;
      case 'stale':
        turn.position = outcome.offset / ENTRY_BYTES;
        return 0;
      case 'fenced':
        // Somebody else's from now on: it comes back only when that one does not get on with it.
        this.turn = null;
        this.overtakenAtMs = this.world.clock.nowMs();
        return 0;
      case 'conflict':
        this.stuck = outcome.detail;
        return 0;
    }
  }
}
