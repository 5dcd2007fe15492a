/** All streams of the cluster on their way into the record store, as far as it is this node's turn. */
import { SHARDS } from '../ports-ledger.ts';
import { Bell } from './bell.ts';
import { BackOff, type Clock } from './clock.ts';
import { type FlusherWorld, StreamFlusher } from './stream-flusher.ts';
import type { Troubles } from './troubles.ts';

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
  private readonly troubles: Troubles;
  private readonly flushers: readonly StreamFlusher[];
  private readonly pauses: readonly { readonly retry: BackOff; untilMs: number }[];
  private readonly bell: Bell;

  constructor(world: FlusherWorld, troubles: Troubles) {
    this.clock = world.clock;
    this.troubles = troubles;
    this.flushers = Array.from({ length: SHARDS }, (_, shard) => new StreamFlusher(world, shard));
    this.pauses = this.flushers.map(() => ({
      retry: new BackOff(world.clock, RETRY_MS_MIN, RETRY_MS_MAX),
      untilMs: 0,
    }));
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
    while (!isOver()) {
      const done = await Promise.all(streams().map((stream) => this.tryFlush(stream)));
      const claims = done.reduce((sum, stored) => sum + stored, 0);
      if (claims === 0) await this.bell.wait(IDLE_MS);
      if (claims < BUSY_CLAIMS) await this.clock.sleep(GATHER_MS);
    }
  }

  /** A stream that fails is left alone for a while; the others go on. */
  private async tryFlush(stream: OpenStream): Promise<number> {
    const pause = this.pauses[stream.shard];
    if (this.clock.nowMs() < pause.untilMs) return 0;
    try {
      const claims = await this.flush(stream);
      pause.retry.reset();
      return claims;
    } catch (error) {
      this.troubles.met('a stream could not be flushed', error, `shard ${stream.shard}`);
      pause.untilMs = this.clock.nowMs() + pause.retry.failed();
      return 0;
    }
  }

  private async flush({ shard, incarnation, head }: OpenStream): Promise<number> {
    const claims = await this.flushers[shard].flushOne(incarnation, head);
    await this.flushers[shard].trim();
    return claims;
  }
}
