/** Gives this node's memory the claims of a shard that it has not seen and that no stream it follows will bring. */
import { ENTRY_BYTES } from '../claimlog/entry.ts';
import type { RecordStore } from '../ports.ts';
import type { ClusterStore } from '../ports-cluster.ts';
import type { Clock } from './clock.ts';
import { EntryBuckets } from './entry-buckets.ts';
import { Gather } from './gather.ts';
import { fillLogId, streamLogId } from './log-ids.ts';
import type { MainLink } from './main-link.ts';

/** This node has the first `position` claims of the incarnation, and all of those before it. */
export interface Seen {
  readonly incarnation: number;
  readonly position: number;
}

/** With more incarnations between, reading everything is not dearer. */
const INCARNATIONS_MAX = 64;

export class CatchUp {
  private readonly store: RecordStore & ClusterStore;
  private readonly main: Pick<MainLink, 'takeIn'>;
  private readonly everything: Gather<null, null>;

  constructor(clock: Clock, store: RecordStore & ClusterStore, main: Pick<MainLink, 'takeIn'>) {
    this.store = store;
    this.main = main;
    this.everything = new Gather(clock, (wanted) => this.readEverything(wanted));
  }

  /** → the position in `incarnation` up to which this node's memory is complete then. `seen` null: it knows nothing. */
  async bring(shard: number, seen: Seen | null, incarnation: number): Promise<number> {
    // Asked before anything is read: what is stored from now on is in the stream behind it.
    const logId = streamLogId(shard, incarnation);
    const stored =
      (await this.store.watermarks()).find((watermark) => watermark.logId === logId)?.offset ?? 0;
    if (seen === null || incarnation - seen.incarnation > INCARNATIONS_MAX) {
      await this.everything.ask(shard, null);
      return stored / ENTRY_BYTES;
    }
    // Incarnations between may have come and gone unnoticed; numbers that were never opened have no blocks.
    for (let at = seen.incarnation; at <= incarnation; at++) {
      const from = at === seen.incarnation ? seen.position * ENTRY_BYTES : 0;
      await this.readLog(shard, streamLogId(shard, at), from);
      await this.readLog(shard, fillLogId(shard, at), 0);
    }
    const before = seen.incarnation === incarnation ? seen.position : 0;
    return Math.max(before, stored / ENTRY_BYTES);
  }

  private async readLog(shard: number, logId: number, fromOffset: number): Promise<void> {
    const buckets = this.bucketsOf([shard]);
    for (let after = 0; ; ) {
      const page = await this.store.logBlocks(logId, fromOffset, after);
      if (page.entries.length === 0) break;
      for (const entries of page.entries) await buckets.add(entries);
      after = page.lastBlock;
    }
    await buckets.end();
  }

  private async readEverything(wanted: ReadonlyMap<number, null>): Promise<Map<number, null>> {
    const buckets = this.bucketsOf(wanted.keys());
    for (let after = 0; ; ) {
      const page = await this.store.claimBlocks(after);
      if (page.entries.length === 0) break;
      for (const entries of page.entries) await buckets.add(entries);
      after = page.lastBlock;
    }
    await buckets.end();
    return new Map(wanted);
  }

  private bucketsOf(shards: Iterable<number>): EntryBuckets {
    return new EntryBuckets(shards, (shard, entries) => this.main.takeIn(shard, entries));
  }
}
