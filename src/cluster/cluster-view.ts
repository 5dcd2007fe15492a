/**
 * What the record store says of shards, members, nodes and streams, asked for all shards at once and kept until it is
 * asked again. When the store is away the last answer stays: a running shard goes on with it.
 */
import { ENTRY_BYTES } from '../claimlog/entry.ts';
import type { RecordStore } from '../ports.ts';
import type { ClusterStore, MemberRow, NodeRow, ShardRow } from '../ports-cluster.ts';
import { streamLogId } from './log-ids.ts';

export class ClusterView {
  private readonly store: RecordStore & ClusterStore;
  private rows = new Map<number, ShardRow>();
  private members: readonly MemberRow[] = [];
  private watermarks = new Map<number, number>();
  private nodeRows: readonly NodeRow[] = [];

  constructor(store: RecordStore & ClusterStore) {
    this.store = store;
  }

  /** → shards whose row has changed. Rejects when the store is away. */
  async look(): Promise<number[]> {
    const [rows, members, watermarks, nodes] = await Promise.all([
      this.store.shards(),
      this.store.members(),
      this.store.watermarks(),
      this.store.nodes(),
    ]);
    const changed = rows.filter((row) => !sameRow(row, this.rows.get(row.shard)));
    this.rows = new Map(rows.map((row) => [row.shard, row]));
    this.members = members;
    this.watermarks = new Map(watermarks.map(({ logId, offset }) => [logId, offset]));
    this.nodeRows = nodes;
    return changed.map(({ shard }) => shard);
  }

  row(shard: number): ShardRow | undefined {
    return this.rows.get(shard);
  }

  openRows(): ShardRow[] {
    return [...this.rows.values()].filter(({ state }) => state === 'open');
  }

  isMember(shard: number, nodeId: string): boolean {
    return this.members.some((member) => member.shard === shard && member.nodeId === nodeId);
  }

  get nodes(): readonly NodeRow[] {
    return this.nodeRows;
  }

  /** Claims of the stream that are in the store. */
  stored(shard: number, incarnation: number): number {
    return (this.watermarks.get(streamLogId(shard, incarnation)) ?? 0) / ENTRY_BYTES;
  }

  /** A commit of this node has moved it. */
  sawStored(shard: number, incarnation: number, position: number): void {
    const logId = streamLogId(shard, incarnation);
    if (position * ENTRY_BYTES > (this.watermarks.get(logId) ?? 0))
      this.watermarks.set(logId, position * ENTRY_BYTES);
  }
}

function sameRow(a: ShardRow, b: ShardRow | undefined): boolean {
  return a.incarnation === b?.incarnation && a.state === b.state && a.rebuilder === b.rebuilder;
}
