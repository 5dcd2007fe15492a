/**
 * Nodes whose seat was ended: when everything they ever claimed is stored, they cease to be members, so that a later
 * rebuilding does not wait for them.
 *
 * A node taken for dead may come back at any moment and join again. It tells the store that it lives and makes itself a
 * member after its join, so one that the store has seen since its seat ended is left alone; one that shows up while it
 * is being struck off is put back.
 */
import type { ClusterStore } from '../ports-cluster.ts';
import type { Clock } from './clock.ts';
import type { ClusterView } from './cluster-view.ts';

interface Departure {
  readonly shard: number;
  readonly nodeId: string;
  readonly incarnation: number;
  readonly head: number;
  readonly sinceMs: number;
}

export class Departures {
  private readonly clock: Clock;
  private readonly store: ClusterStore;
  private readonly view: ClusterView;
  private readonly nodeId: string;
  private readonly waiting = new Map<string, Departure>();

  constructor(clock: Clock, store: ClusterStore, view: ClusterView, nodeId: string) {
    this.clock = clock;
    this.store = store;
    this.view = view;
    this.nodeId = nodeId;
  }

  /** All that `nodeId` claimed under this incarnation is before `head`. */
  ended(shard: number, nodeId: string, incarnation: number, head: number, sinceMs: number): void {
    if (nodeId === this.nodeId) return;
    this.waiting.set(`${shard} ${nodeId}`, { shard, nodeId, incarnation, head, sinceMs });
  }

  /** Strikes off those whose claims are stored by now. Rejects when the store is away. */
  async settle(): Promise<void> {
    for (const [key, departure] of [...this.waiting]) {
      const { shard, nodeId, incarnation, head } = departure;
      const row = this.view.row(shard);
      // Lost meanwhile: then its log must be heard.
      const over = row?.state !== 'open' || row.incarnation !== incarnation;
      if (!over && this.view.stored(shard, incarnation) < head) continue;
      if (!over && !(await this.wasSeenSince(departure))) {
        await this.store.leaveShard(shard, nodeId, incarnation);
        if (await this.wasSeenSince(departure)) await this.store.joinShard(shard, nodeId, incarnation);
      }
      this.waiting.delete(key);
    }
  }

  private async wasSeenSince({ nodeId, sinceMs }: Departure): Promise<boolean> {
    const node = (await this.store.nodes()).find((row) => row.nodeId === nodeId);
    return node !== undefined && node.seenAgoMs <= this.clock.nowMs() - sinceMs;
  }
}
