/** Something every owner must have done for a shard before the next step: who has not yet. */
export class OwnerRounds {
  private readonly owners: number;
  private readonly onAll: (shard: number) => void;
  private readonly missing = new Map<number, Set<number>>();

  constructor(owners: number, onAll: (shard: number) => void) {
    this.owners = owners;
    this.onAll = onAll;
  }

  begin(shard: number): void {
    this.missing.set(shard, new Set(Array.from({ length: this.owners }, (_, owner) => owner)));
  }

  done(owner: number, shard: number): void {
    const missing = this.missing.get(shard);
    if (missing === undefined || !missing.delete(owner) || missing.size > 0) return;
    this.missing.delete(shard);
    this.onAll(shard);
  }

  /** Of which shards this owner has not done it yet. */
  missedBy(owner: number): number[] {
    return [...this.missing].filter(([, missing]) => missing.has(owner)).map(([shard]) => shard);
  }

  ownerDone(owner: number): void {
    for (const shard of this.missedBy(owner)) this.done(owner, shard);
  }
}
