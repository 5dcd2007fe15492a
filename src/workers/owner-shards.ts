/**
 * An owner thread's own line to the shared ledger: sends its commits until their outcome is known, and follows the
 * shards' streams. Decides nothing; what comes back is told to the owner inside `step`, like everything that happens.
 */

import type { ClusterOwner } from '../actors/cluster-owner.ts';
import type { Flight } from '../actors/commit-queue.ts';
import { commitGroups } from '../actors/commit-queue.ts';
import { ENTRY_BYTES, entryWords } from '../claimlog/entry.ts';
import { streamLogId } from '../cluster/log-ids.ts';
import { RedisCommitLedger } from '../ledger/redis/redis-commit-ledger.ts';
import { RedisShardLedger } from '../ledger/redis/redis-shard-ledger.ts';
import type { Watermark } from '../ports.ts';
import type { CommitAnswer } from '../ports-commit.ts';
import { SHARDS, type ShardSeat } from '../ports-ledger.ts';
import type { FromOwner, OwnerClusterTask } from './owner-messages.ts';

/** How long clients wait for a commit before they are told `unavailable`. */
const COMMIT_PATIENCE_MS = 1_000;
const START_PATIENCE_MS = 5_000;
const CATALOG_WAIT_MS = 30;
const RETRY_MS_MIN = 20;
const RETRY_MS_MAX = 500;
/** Claims read from a stream at once. */
const READ_CLAIMS = 8_192;
/** Notices may get lost: heads are looked at this often all the same. */
const LOOK_MS = 100;

class FollowedShard {
  seat: ShardSeat | null = null;
  /** The incarnation `position` is about. */
  incarnation = 0;
  /** The stream has been read up to here. */
  position = 0;
  head = 0;
  reading = false;
}

export class OwnerShards {
  private readonly index: number;
  private readonly life: number;
  private readonly owner: ClusterOwner;
  private readonly step: (body: () => void) => void;
  private readonly tell: (message: FromOwner) => void;
  private readonly commits: RedisCommitLedger;
  private readonly ledger: RedisShardLedger;
  private readonly shards = Array.from({ length: SHARDS }, () => new FollowedShard());
  /** How far the record store had each stream before this life read it. */
  private stored = new Map<number, number>();
  /** See FOLLOWED_BYTES. */
  private readonly known: Float64Array;
  private ticker: NodeJS.Timeout | null = null;
  private over = false;

  constructor(
    task: OwnerClusterTask,
    index: number,
    owner: ClusterOwner,
    step: (body: () => void) => void,
    tell: (message: FromOwner) => void,
  ) {
    this.index = index;
    this.life = task.life;
    this.known = new Float64Array(task.followed);
    this.owner = owner;
    this.step = step;
    this.tell = tell;
    const { redisUrl: url, installation, waitReplicas } = task;
    this.commits = new RedisCommitLedger({ url, installation, waitReplicas });
    this.ledger = new RedisShardLedger({ url, installation });
    this.ledger.onNotice((notice) => {
      if (notice.kind === 'head') this.headAt(notice.shard, notice.head);
    });
  }

  /** `watermarks` as they were before the stored claims were read. Redis may be away: shards then open later. */
  async start(watermarks: readonly Watermark[], seats: readonly ShardSeat[]): Promise<void> {
    this.stored = new Map(watermarks.map(({ logId, offset }) => [logId, offset / ENTRY_BYTES]));
    await Promise.allSettled([
      this.commits.connect(COMMIT_PATIENCE_MS),
      this.ledger.connect(COMMIT_PATIENCE_MS),
    ]);
    // A ledger that is away must not keep this owner from answering what it can: its shards open when it is back.
    await Promise.race([Promise.all(seats.map((seat) => this.open(seat, null))), pause(START_PATIENCE_MS)]);
    if (this.over) return;
    this.ticker = setInterval(() => void this.look(), LOOK_MS);
  }

  /** The shard may be used under this seat, once this owner knows all that was claimed there before. */
  async open(seat: ShardSeat, follow: number | null): Promise<void> {
    const { shard, incarnation } = seat;
    const followed = this.shards[shard];
    followed.seat = seat;
    if (follow !== null || followed.incarnation !== incarnation) {
      followed.incarnation = incarnation;
      followed.position = follow ?? this.stored.get(streamLogId(shard, incarnation)) ?? 0;
      followed.head = 0;
      this.step(() => this.owner.startFollowing(shard, followed.position));
    }
    for (let retryMs = RETRY_MS_MIN; followed.seat === seat && !this.over; retryMs *= 2) {
      try {
        // Whatever an earlier life of this owner sent is executed before this, or never.
        const fence = await this.commits.fenceOwner(seat, this.index, this.life);
        if (fence.kind !== 'done') {
          if (fence.kind === 'late') throw new Error('a later life of this owner is known to the ledger');
          this.refused(seat, fence.kind, fence.kind === 'lost' ? fence.detail : 'its seat has passed');
          return;
        }
        while (followed.seat === seat && followed.position < fence.head) await this.readOn(shard, seat);
        if (followed.seat === seat) {
          this.step(() => this.owner.openShard(shard));
          this.tell({ kind: 'shardOpened', shard, epoch: seat.epoch });
        }
        return;
      } catch (error) {
        if (this.cutOff(seat, error)) return;
        await pause(Math.min(retryMs, RETRY_MS_MAX));
      }
    }
  }

  close(shard: number): void {
    this.shards[shard].seat = null;
  }

  /** Sends a flight until it is known what became of it, or its seat is gone. */
  async commit(shard: number, flight: Flight): Promise<void> {
    const { seat } = this.shards[shard];
    if (seat === null) return;
    const late = (): void => this.step(() => this.owner.commitLate(shard, flight));
    const timer = setTimeout(late, COMMIT_PATIENCE_MS);
    const groups = commitGroups(flight);
    const timeLo = flight.timeMs >>> 0;
    const { sequence } = flight;
    let answer: CommitAnswer | null = null;
    for (let retryMs = RETRY_MS_MIN; answer === null; retryMs = Math.min(retryMs * 2, RETRY_MS_MAX)) {
      const now = this.shards[shard].seat;
      if (this.over || now === null || now.epoch !== seat.epoch || now.incarnation !== seat.incarnation)
        break;
      try {
        answer = await this.commits.commit({
          seat: now,
          owner: this.index,
          life: this.life,
          sequence,
          timeLo,
          groups,
        });
      } catch {
        // Unknown whether it was executed: its clients go now, the ledger tells when it can be asked again.
        late();
        await pause(retryMs * (0.5 + Math.random() / 2));
      }
    }
    clearTimeout(timer);
    if (answer === null) return;
    if (answer.kind === 'committed') {
      this.saw(seat, answer.version);
      const at = SHARDS + shard;
      if (this.shards[shard].incarnation === seat.incarnation)
        this.known[at] = Math.max(this.known[at], answer.head);
    }
    this.step(() => this.owner.committed(shard, flight, answer, Date.now()));
  }

  refused(seat: ShardSeat, kind: 'lost' | 'fenced', detail: string): void {
    const { shard, incarnation, epoch } = seat;
    this.tell({ kind: 'shardRefused', shard, incarnation, epoch, why: kind, detail });
  }

  refusedShard(shard: number, kind: 'lost' | 'fenced', detail: string): void {
    const { seat } = this.shards[shard];
    if (seat !== null) this.refused(seat, kind, detail);
  }

  stop(): void {
    this.over = true;
    if (this.ticker !== null) clearInterval(this.ticker);
    void this.commits.disconnect();
    void this.ledger.disconnect();
  }

  private saw(seat: ShardSeat, version: number): void {
    const { seat: now } = this.shards[seat.shard];
    if (now === null || now.epoch !== seat.epoch || now.incarnation !== seat.incarnation) return;
    if (version > now.version) this.shards[seat.shard].seat = { ...now, version };
  }

  private headAt(shard: number, head: number): void {
    const followed = this.shards[shard];
    if (followed.seat === null || head <= followed.head) return;
    followed.head = head;
    void this.catchUp(shard);
  }

  private async look(): Promise<void> {
    await Promise.all(
      this.shards.map(async ({ seat }, shard) => {
        if (seat === null || !this.ledger.isUp()) return;
        const head = await this.ledger.head(shard, seat.incarnation).catch(() => null);
        if (head !== null && this.shards[shard].seat?.incarnation === seat.incarnation)
          this.headAt(shard, head);
        void this.catchUp(shard);
      }),
    );
  }

  private async catchUp(shard: number): Promise<void> {
    const followed = this.shards[shard];
    const { seat } = followed;
    if (seat === null || followed.reading) return;
    try {
      while (
        followed.seat?.incarnation === seat.incarnation &&
        followed.position < followed.head &&
        !this.over
      )
        await this.readOn(shard, seat);
    } catch (error) {
      // The next look tries again.
      this.cutOff(seat, error);
    }
  }

  private async readOn(shard: number, seat: ShardSeat): Promise<void> {
    const followed = this.shards[shard];
    if (followed.reading) {
      await pause(1);
      return;
    }
    followed.reading = true;
    try {
      const from = followed.position;
      const entries = await this.ledger.read(shard, seat.incarnation, from, READ_CLAIMS);
      if (followed.incarnation !== seat.incarnation || followed.position !== from) return;
      if (entries.byteLength === 0) return;
      const words = entryWords(entries);
      if (!this.owner.canFollow(words)) {
        await this.waitForCatalog();
        return;
      }
      followed.position = from + entries.byteLength / ENTRY_BYTES;
      followed.head = Math.max(followed.head, followed.position);
      this.step(() => this.owner.follow(shard, words, followed.position, Date.now()));
    } finally {
      followed.reading = false;
    }
  }

  /** Takes in claims that were stored; resolves when memory has them. */
  async takeIn(shard: number, entries: Uint8Array): Promise<void> {
    const words = entryWords(entries);
    while (!this.owner.canFollow(words) && !this.over) await this.waitForCatalog();
    this.step(() => this.owner.follow(shard, words, -1, Date.now()));
  }

  /** Another node has sold what this one has not heard of yet. */
  private async waitForCatalog(): Promise<void> {
    this.tell({ kind: 'catalogBehind' });
    await pause(CATALOG_WAIT_MS);
  }

  /** What was not read yet is not in the stream any more: it is in the record store, and comes from there. */
  private cutOff(seat: ShardSeat, error: unknown): boolean {
    if (!(error instanceof Error) || error.name !== 'StreamTrimmed') return false;
    this.tell({ kind: 'shardCutOff', shard: seat.shard, incarnation: seat.incarnation });
    return true;
  }
}

function pause(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}
