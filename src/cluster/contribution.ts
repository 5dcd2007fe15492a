/**
 * Writes what this node's local logs have of a shard into the record store: before an incarnation is replaced, and at
 * start, when they may hold claims that a ledger forgot while this node was down.
 */
import type { RecordStore } from '../ports.ts';
import type { ClusterStore } from '../ports-cluster.ts';
import type { Clock } from './clock.ts';
import type { CodeGuard } from './code-guard.ts';
import { EntryBuckets } from './entry-buckets.ts';
import { Gather } from './gather.ts';
import type { LocalLogs } from './local-logs.ts';
import { fillLogId } from './log-ids.ts';

/** conflict: a unit has another holder, or a code is not its unit's; an operator must look. */
export type Contributed =
  | { readonly kind: 'stored' }
  | { readonly kind: 'conflict'; readonly detail: string };

export class Contribution {
  private readonly clock: Clock;
  private readonly store: RecordStore & ClusterStore;
  private readonly logs: LocalLogs;
  private readonly guard: CodeGuard;
  private readonly gather: Gather<number, Contributed>;

  constructor(clock: Clock, store: RecordStore & ClusterStore, logs: LocalLogs, guard: CodeGuard) {
    this.clock = clock;
    this.store = store;
    this.logs = logs;
    this.guard = guard;
    this.gather = new Gather(clock, (wanted) => this.pass(wanted));
  }

  /** Rejects when the store is away or the logs could not be read: to be tried again. */
  contribute(shard: number, incarnation: number): Promise<Contributed> {
    return this.gather.ask(shard, incarnation);
  }

  private async pass(wanted: ReadonlyMap<number, number>): Promise<Map<number, Contributed>> {
    const results = new Map<number, Contributed>();
    for (const shard of wanted.keys()) results.set(shard, { kind: 'stored' });
    const buckets = new EntryBuckets(wanted.keys(), async (shard, entries) => {
      if (results.get(shard)!.kind === 'conflict') return;
      results.set(shard, await this.fill(shard, wanted.get(shard)!, entries));
    });
    for (const entries of this.logs.batches(await this.store.watermarks())) {
      await buckets.add(entries);
      // Long logs must not hold up heartbeats.
      await this.clock.sleep(0);
    }
    await buckets.end();
    return results;
  }

  private async fill(shard: number, incarnation: number, entries: Uint8Array): Promise<Contributed> {
    const wrong = await this.guard.wrong(entries);
    if (wrong !== null) return { kind: 'conflict', detail: `local log: ${wrong}` };
    const filled = await this.store.fillIn(fillLogId(shard, incarnation), entries);
    if (filled.kind === 'conflict') return { kind: 'conflict', detail: filled.detail };
    return { kind: 'stored' };
  }
}
