/**
 * Read your own claims, on any node: resolves once every claim that any node had acknowledged before the call is in
 * this node's memory. The streams' lengths are asked of the ledger, one round for all who wait, and waited for here.
 */
import type { Clock } from '../cluster/clock.ts';
import { SHARDS, type ShardLedger } from '../ports-ledger.ts';
import { Unavailable } from '../problems.ts';
import type { ShardSeats } from './shard-seats.ts';

const PATIENCE_MS = 1_000;
const LOOK_AGAIN_MS = 2;

export interface ReadBarrierOptions {
  readonly ledger: Pick<ShardLedger, 'head'>;
  readonly seats: ShardSeats;
  readonly followedTo: (shard: number) => number;
  readonly clock: Clock;
}

export class ReadBarrier {
  private readonly options: ReadBarrierOptions;
  private running: Promise<void> | null = null;
  /** For those who came when the running round had begun: it may have asked too early for them. */
  private next: Promise<void> | null = null;

  constructor(options: ReadBarrierOptions) {
    this.options = options;
  }

  /** Rejects with `Unavailable` when the ledger cannot be asked or memory does not get there in time. */
  wait(): Promise<void> {
    if (this.running === null) return this.begin();
    if (this.next === null) {
      const begin = (): Promise<void> => this.begin();
      this.next = this.running.then(begin, begin);
    }
    return this.next;
  }

  private begin(): Promise<void> {
    this.next = null;
    const round = this.round();
    this.running = round;
    const over = (): void => {
      if (this.running === round) this.running = null;
    };
    round.then(over, over);
    return round;
  }

  private async round(): Promise<void> {
    const { clock } = this.options;
    const deadlineMs = clock.nowMs() + PATIENCE_MS;
    await Promise.all(Array.from({ length: SHARDS }, (_, shard) => this.waitFor(shard, deadlineMs)));
  }

  private async waitFor(shard: number, deadlineMs: number): Promise<void> {
    const { ledger, seats, followedTo, clock } = this.options;
    let head: number | null = null;
    let incarnation = -1;
    for (;;) {
      const seat = seats.get(shard);
      if (seat !== null && seat.incarnation !== incarnation) {
        // A shard that was opened anew meanwhile has taken in all of before, and counts from nothing again.
        incarnation = seat.incarnation;
        head = await ledger.head(shard, incarnation).catch(() => null);
      }
      if (seat !== null && head !== null && followedTo(shard) >= head) return;
      if (clock.nowMs() > deadlineMs)
        throw new Unavailable('Claims made elsewhere cannot be seen at the moment.');
      if (head === null) incarnation = -1;
      await clock.sleep(LOOK_AGAIN_MS);
    }
  }
}
