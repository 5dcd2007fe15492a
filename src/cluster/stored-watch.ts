/** Tells main once of every move of a watermark, whoever made it. */
import type { ShardRow } from '../ports-cluster.ts';
import type { ClusterView } from './cluster-view.ts';
import type { MainLink, RowCounts } from './main-link.ts';

export class StoredWatch {
  private readonly view: ClusterView;
  private readonly main: Pick<MainLink, 'watermark'>;
  private readonly told = new Map<number, { readonly incarnation: number; readonly position: number }>();

  constructor(view: ClusterView, main: Pick<MainLink, 'watermark'>) {
    this.view = view;
    this.main = main;
  }

  /** This node has stored them. */
  stored(shard: number, incarnation: number, position: number, counts: RowCounts): void {
    this.view.sawStored(shard, incarnation, position);
    this.told.set(shard, { incarnation, position });
    this.main.watermark(shard, incarnation, position, counts);
  }

  /** The view is new: what other nodes have stored. */
  look(rows: Iterable<ShardRow>): void {
    for (const { shard, incarnation } of rows) {
      const position = this.view.stored(shard, incarnation);
      const before = this.told.get(shard);
      if (before?.incarnation === incarnation && before.position >= position) continue;
      this.told.set(shard, { incarnation, position });
      this.main.watermark(shard, incarnation, position, null);
    }
  }
}
