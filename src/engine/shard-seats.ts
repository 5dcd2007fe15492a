/**
 * This node's seats in the shards of a shared ledger, as the main thread knows them. A shard without a seat cannot be
 * used: what needs it waits until `open`.
 */
import { SHARDS, type ShardSeat, shardOf } from '../ports-ledger.ts';

export class ShardSeats {
  private readonly seats = new Array<ShardSeat | null>(SHARDS).fill(null);
  private readonly waiting: { readonly shard: number; readonly resolve: (open: boolean) => void }[] = [];

  get(shard: number): ShardSeat | null {
    return this.seats[shard];
  }

  of(templateId: number): ShardSeat | null {
    return this.seats[shardOf(templateId)];
  }

  /** Those that are open, in the order of the shards. */
  all(): ShardSeat[] {
    return this.seats.filter((seat) => seat !== null);
  }

  open(seat: ShardSeat): void {
    this.seats[seat.shard] = seat;
    for (const waiter of this.waiting.filter(({ shard }) => shard === seat.shard)) {
      this.waiting.splice(this.waiting.indexOf(waiter), 1);
      waiter.resolve(true);
    }
  }

  close(shard: number): void {
    this.seats[shard] = null;
  }

  /** An answer under `seat` told its shard's version: what is older from now on has lost data. */
  saw(seat: ShardSeat, version: number): void {
    const now = this.seats[seat.shard];
    if (now === null || now.epoch !== seat.epoch || now.incarnation !== seat.incarnation) return;
    if (version > now.version) this.seats[seat.shard] = { ...now, version };
  }

  /** Whether `seat` is still the one of its shard. */
  isCurrent(seat: ShardSeat): boolean {
    const now = this.seats[seat.shard];
    return now !== null && now.epoch === seat.epoch && now.incarnation === seat.incarnation;
  }

  /** Resolves to the seat of a template's shard, or to null when it does not open in time. */
  async whenOpen(templateId: number, patienceMs: number): Promise<ShardSeat | null> {
    const shard = shardOf(templateId);
    const now = this.seats[shard];
    if (now !== null) return now;
    await new Promise<boolean>((resolve) => {
      const waiter = { shard, resolve };
      this.waiting.push(waiter);
      setTimeout(() => {
        const at = this.waiting.indexOf(waiter);
        if (at >= 0) this.waiting.splice(at, 1);
        resolve(false);
      }, patienceMs);
    });
    return this.seats[shard];
  }
}
