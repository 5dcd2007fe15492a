/** All streams of the cluster on their way into the record store, as far as it is this node's turn. */
import { SHARDS } from '../ports-ledger.ts';
import { Bell } from './bell.ts';
import { BackOff, type Clock } from './clock.ts';
import { type FlusherWorld, StreamFlusher } from './stream-flusher.ts';

/** Between two rounds that found little: lets small batches grow, because a transaction costs a sync. */
const GATHER_MS = 20;
const IDLE_MS = 250;
/** A round that stored this many has more to do. */
const BUSY_CLAIMS = 4_096;
const RETRY_MS_MIN = 50;
const RETRY_MS_MAX = 5_000;

export interface OpenStream {
  readonly shard: number;
  readonly incarnation: number;
  /** Its length, as last seen. */
  readonly head: number;
}

export class Flushing {
  private readonly clock: Clock;
  private readonly flushers: readonly StreamFlusher[];
  private readonly bell: Bell;

  constructor(world: FlusherWorld) {
    this.clock = world.clock;
    this.flushers = Array.from({ length: SHARDS }, (_, shard) => new StreamFlusher(world, shard));
    this.bell = new Bell(world.clock);
  }

  /** There is something to flush. */
  ring(): void {
    this.bell.ring();
  }

  /** Why a shard's flushing has stopped until an operator looks, or null. */
  stuck(shard: number): string | null {
    return this.flushers[shard].stuck;
  }

  async run(streams: () => OpenStream[], isOver: () => boolean): Promise<void> {
    const retry = new BackOff(this.clock, RETRY_MS_MIN, RETRY_MS_MAX);
    while (!isOver()) {
      const round = await Promise.allSettled(streams().map((stream) => this.flush(stream)));
      if (round.some(({ status }) => status === 'rejected')) {
        await this.clock.sleep(retry.failed());
        continue;
      }
      retry.reset();
      const claims = round.reduce((sum, done) => sum + (done.status === 'fulfilled' ? done.value : 0), 0);
      if (claims === 0) await this.bell.wait(IDLE_MS);
      if (claims < BUSY_CLAIMS) await this.clock.sleep(GATHER_MS);
    }
  }

  private async flush({ shard, incarnation, head }: OpenStream): Promise<number> {
    const claims = await this.flushers[shard].flushOne(incarnation, head);
    await this.flushers[shard].trim();
    return claims;
  }
}
