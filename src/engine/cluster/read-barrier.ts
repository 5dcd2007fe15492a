/**
 * Read your own claims, on any node: resolves once every claim that any node had acknowledged before the call is in
 * this node's memory. The streams' lengths are asked of the ledger, one round a shard for all who wait, and waited for
 * here.
 *
 * A shard in trouble (this node has no seat there, the ledger cannot be asked about it, an owner is starting again)
 * holds up those only whose read may be about what lies in it: they know, and are asked.
 */
import { type Clock, jittered } from '../../cluster/clock.ts';
import { SHARDS, type ShardLedger, shardOf } from '../../ports-ledger.ts';
import { Unavailable } from '../../problems.ts';
import type { ShardSeats } from '../shard-seats.ts';

const PATIENCE_MS = 1_000;
const LOOK_AGAIN_MS = 2;
const WATCH_MS = 1_000;

/** What is known of a shard whose claims are not all here. */
export interface ShardKnown {
  /** Wall clock: every claim that was acknowledged before is in memory; -∞: none is known to be. */
  readonly completeMs: number;
  /** Whether all that the shard had when the read came is in memory as far as this owner serves it. */
  hasAll(owner: number): boolean;
}

/** Whether a read may be about claims of the shard that are not in memory. */
export type MayMatter = (shard: number, known: ShardKnown) => Promise<boolean>;

export interface ReadBarrierOptions {
  readonly ledger: Pick<ShardLedger, 'head'>;
  readonly seats: ShardSeats;
  /** How far an owner has a shard's stream; negative: it is starting again. */
  readonly followedBy: (owner: number, shard: number) => number;
  readonly owners: number;
  /** Changes whenever an owner starts again: what its last life knew may be missing from then on. */
  readonly lives: () => number;
  readonly clock: Clock;
  /** The wall clock. */
  readonly now: () => number;
  /** Asking failed; it is tried again. */
  readonly onTrouble: (what: string, error: unknown, where: string) => void;
}

/** One look at a shard: how long its stream was, and whether memory got there in time. */
class Round {
  head: number | null = null;
  hasAsked = false;
  isTroubled = false;
  readonly trouble: Promise<void>;
  seen: Promise<boolean> = Promise.resolve(false);
  private tell: () => void = () => {};

  constructor() {
    this.trouble = new Promise((resolve) => {
      this.tell = resolve;
    });
  }

  meetsTrouble(): void {
    this.isTroubled = true;
    this.tell();
  }
}

export class ReadBarrier {
  private readonly options: ReadBarrierOptions;
  private readonly running = new Array<Round | null>(SHARDS).fill(null);
  /** For those who came when the running round had begun: it may have asked too early for them. */
  private readonly next = new Array<Promise<Round> | null>(SHARDS).fill(null);
  private readonly complete = Array.from({ length: SHARDS }, () => ({
    ms: Number.NEGATIVE_INFINITY,
    lives: -1,
  }));
  private over = false;

  constructor(options: ReadBarrierOptions) {
    this.options = options;
  }

  /** Looks now and then, so that it is known up to when memory was complete, should a shard close. */
  async watch(): Promise<void> {
    const { clock, seats } = this.options;
    while (!this.over) {
      await clock.sleep(jittered(clock, WATCH_MS));
      await Promise.all(seats.all().map(async ({ shard }) => (await this.roundOf(shard)).seen));
    }
  }

  stop(): void {
    this.over = true;
  }

  /** Of all shards. Rejects with `Unavailable` when one that matters cannot be seen in time. */
  async all(mayMatter: MayMatter): Promise<void> {
    const seen = await Promise.all(
      Array.from({ length: SHARDS }, (_, shard) => this.isSeen(shard, mayMatter)),
    );
    if (seen.includes(false)) throw unseen();
  }

  /** Of one template. */
  async of(templateId: number): Promise<void> {
    const round = await this.roundOf(shardOf(templateId));
    if (!(await round.seen)) throw unseen();
  }

  private async isSeen(shard: number, mayMatter: MayMatter): Promise<boolean> {
    // What the running round has met is the shard's state of now, while its head may be of before this read.
    const before = this.running[shard];
    if (before?.isTroubled && !(await mayMatter(shard, this.known(shard, null)))) return true;
    const round = await this.roundOf(shard);
    await Promise.race([round.seen, round.trouble]);
    if (round.isTroubled && !(await mayMatter(shard, this.known(shard, round)))) return true;
    if (await round.seen) return true;
    return !(await mayMatter(shard, this.known(shard, round)));
  }

  private known(shard: number, round: Round | null): ShardKnown {
    const { lives, followedBy } = this.options;
    const complete = this.complete[shard];
    return {
      completeMs: complete.lives === lives() ? complete.ms : Number.NEGATIVE_INFINITY,
      hasAll: (owner) => round?.head != null && followedBy(owner, shard) >= round.head,
    };
  }

  /** One that has not asked yet. */
  private roundOf(shard: number): Promise<Round> {
    const running = this.running[shard];
    if (running === null) return Promise.resolve(this.begin(shard));
    if (!running.hasAsked) return Promise.resolve(running);
    this.next[shard] ??= running.seen.then(() => this.begin(shard));
    return this.next[shard];
  }

  private begin(shard: number): Round {
    this.next[shard] = null;
    const round = new Round();
    this.running[shard] = round;
    round.seen = this.look(shard, round).finally(() => {
      if (this.running[shard] === round) this.running[shard] = null;
    });
    return round;
  }

  private async look(shard: number, round: Round): Promise<boolean> {
    const { ledger, seats, clock, now, lives, onTrouble } = this.options;
    const deadlineMs = clock.nowMs() + PATIENCE_MS;
    let incarnation = -1;
    // Who comes within this turn is in time for the asking.
    await null;
    round.hasAsked = true;
    const [beganMs, beganLives] = [now(), lives()];
    for (;;) {
      const seat = seats.get(shard);
      if (seat === null) round.head = null;
      else if (seat.incarnation !== incarnation || round.head === null) {
        // A shard that was opened anew meanwhile has taken in all of before, and counts from nothing again.
        incarnation = seat.incarnation;
        try {
          round.head = await ledger.head(shard, incarnation);
        } catch (error) {
          round.head = null;
          onTrouble('the length of a stream could not be asked', error, `shard ${shard}`);
        }
      }
      if (round.head === null) round.meetsTrouble();
      else if (this.isFollowed(shard, round)) {
        if (lives() === beganLives) this.complete[shard] = { ms: beganMs, lives: beganLives };
        return true;
      }
      if (clock.nowMs() > deadlineMs) return false;
      await clock.sleep(LOOK_AGAIN_MS);
    }
  }

  private isFollowed(shard: number, round: Round): boolean {
    const { owners, followedBy } = this.options;
    for (let owner = 0; owner < owners; owner++) {
      const followed = followedBy(owner, shard);
      if (followed >= round.head!) continue;
      if (followed < 0) round.meetsTrouble();
      return false;
    }
    return true;
  }
}

function unseen(): Unavailable {
  return new Unavailable('Claims made elsewhere cannot be seen at the moment.');
}
