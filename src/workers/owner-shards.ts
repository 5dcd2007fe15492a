/**
 * An owner thread's own line to the shared ledger: sends its commits until their outcome is known, and follows the
 * shards' streams. Decides nothing; what comes back is told to the owner inside `step`, like everything that happens.
 */

import type { ClusterOwner } from '../actors/cluster-owner.ts';
import type { Flight } from '../actors/commit-queue.ts';
import { commitGroups } from '../actors/commit-queue.ts';
import { ENTRY_BYTES, entryWords } from '../claimlog/entry.ts';
import { type Clock, jittered } from '../cluster/clock.ts';
import { streamLogId } from '../cluster/log-ids.ts';
import { Troubles } from '../cluster/troubles.ts';
import type { Watermark } from '../ports.ts';
import type { CommitAnswer, CommitLedger } from '../ports-commit.ts';
import { SHARDS, type ShardLedger, type ShardSeat } from '../ports-ledger.ts';
import type { FromOwner } from './owner-messages.ts';
import type { StreamPlacesWriter } from './stream-places.ts';

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

export interface OwnerShardsOptions {
  readonly index: number;
  /** OwnerClusterTask. */
  readonly life: number;
  readonly places: StreamPlacesWriter;
  readonly owner: ClusterOwner;
  readonly commits: CommitLedger;
  readonly ledger: Pick<ShardLedger, 'read' | 'head' | 'onNotice'>;
  readonly clock: Clock;
  /** The wall clock, for the owner's times. */
  readonly now: () => number;
  /** Runs what changes the owner; what is thrown in it ends this life. */
  readonly step: (body: () => void) => void;
  readonly tell: (message: FromOwner) => void;
}

export class OwnerShards {
  private readonly options: OwnerShardsOptions;
  private readonly shards = Array.from({ length: SHARDS }, () => new FollowedShard());
  /** How far the record store had each stream before this life read it. */
  private stored = new Map<number, number>();
  private readonly troubles: Troubles;
  private readonly sent = new Map<number, { readonly flight: Flight; readonly untilMs: number }>();
  private over = false;

  constructor(options: OwnerShardsOptions) {
    this.options = options;
    const { clock, tell } = options;
    this.troubles = new Troubles(
      () => clock.nowMs(),
      (trouble) => tell({ kind: 'trouble', trouble }),
    );
    options.ledger.onNotice((notice) => {
      if (notice.kind === 'head') this.headAt(notice.shard, notice.head);
    });
  }

  /** `watermarks` as they were before the stored claims were read. Redis may be away: shards then open later. */
  async start(watermarks: readonly Watermark[], seats: readonly ShardSeat[]): Promise<void> {
    this.stored = new Map(watermarks.map(({ logId, offset }) => [logId, offset / ENTRY_BYTES]));
    // A ledger that is away must not keep this owner from answering what it can: its shards open when it is back.
    await Promise.race([
      Promise.all(seats.map((seat) => this.open(seat, null))),
      this.options.clock.sleep(START_PATIENCE_MS),
    ]);
    if (this.over) return;
    void this.watch();
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
      this.options.step(() => {
        this.options.places.begin(shard, incarnation, followed.position);
        this.options.owner.startFollowing(shard, followed.position);
      });
    }
    for (let retryMs = RETRY_MS_MIN; this.holds(seat) && !this.over; retryMs *= 2) {
      try {
        // Whatever an earlier life of this owner sent is executed before this, or never.
        const fence = await this.options.commits.fenceOwner(seat, this.options.index, this.options.life);
        if (fence.kind !== 'done') {
          if (fence.kind === 'late') this.isOutlived();
          else this.refused(seat, fence.kind, fence.kind === 'lost' ? fence.detail : 'its seat has passed');
          return;
        }
        while (this.holds(seat) && followed.position < fence.head) await this.readOn(shard, seat);
        if (this.holds(seat)) {
          this.options.step(() => this.options.owner.openShard(shard));
          this.options.tell({ kind: 'shardOpened', shard, epoch: seat.epoch });
        }
        return;
      } catch (error) {
        if (this.cutOff(seat, error)) return;
        this.troubles.met('a shard could not be opened', error, `shard ${shard}`);
        await this.options.clock.sleep(Math.min(retryMs, RETRY_MS_MAX));
      }
    }
  }

  close(shard: number): void {
    this.shards[shard].seat = null;
  }

  /** Sends a flight until it is known what became of it, or its seat is gone. */
  async commit(shard: number, flight: Flight): Promise<void> {
    const { clock } = this.options;
    const { seat } = this.shards[shard];
    if (seat === null) return;
    const sent = { flight, untilMs: clock.nowMs() + COMMIT_PATIENCE_MS };
    this.sent.set(shard, sent);
    const groups = commitGroups(flight);
    const timeLo = flight.timeMs >>> 0;
    const { sequence } = flight;
    let answer: CommitAnswer | null = null;
    for (let retryMs = RETRY_MS_MIN; answer === null; retryMs = Math.min(retryMs * 2, RETRY_MS_MAX)) {
      const now = this.shards[shard].seat;
      if (this.over || now === null || !this.holds(seat)) break;
      try {
        answer = await this.options.commits.commit({
          seat: now,
          owner: this.options.index,
          life: this.options.life,
          sequence,
          timeLo,
          groups,
        });
      } catch (error) {
        // Unknown whether it was executed: its clients go now, the ledger tells when it can be asked again.
        this.troubles.met('claims could not be committed', error, `shard ${shard}`);
        this.late(shard, flight);
        await clock.sleep(jittered(clock, retryMs));
      }
    }
    if (this.sent.get(shard) === sent) this.sent.delete(shard);
    if (answer === null) return;
    if (answer.kind === 'committed') {
      this.saw(seat, answer.version);
      if (this.holds(seat)) this.knows(shard, answer.head);
    }
    this.options.step(() => this.options.owner.committed(shard, flight, answer, this.options.now()));
  }

  /** Before any of it goes into the local log. */
  private knows(shard: number, head: number): void {
    if (!this.over) this.options.places.knows(shard, head);
  }

  private late(shard: number, flight: Flight): void {
    this.options.step(() => this.options.owner.commitLate(shard, flight));
  }

  /** Whether this is still the seat of its shard, whatever version has been seen since. */
  private holds({ shard, incarnation, epoch }: ShardSeat): boolean {
    const { seat } = this.shards[shard];
    return seat !== null && seat.epoch === epoch && seat.incarnation === incarnation;
  }

  /** No later life should be there while this one runs: what this one has is not to be served any more. */
  private isOutlived(): void {
    this.options.step(() => {
      throw new Error('a later life of this owner is known to the ledger');
    });
  }

  /** For failures of what belongs to this owner's line, like its connections. */
  trouble(what: string, error: unknown): void {
    this.troubles.met(what, error);
  }

  refused(seat: ShardSeat, kind: 'lost' | 'fenced', detail: string): void {
    const { shard, incarnation, epoch } = seat;
    this.options.tell({ kind: 'shardRefused', shard, incarnation, epoch, why: kind, detail });
  }

  refusedShard(shard: number, kind: 'lost' | 'fenced', detail: string): void {
    const { seat } = this.shards[shard];
    if (seat !== null) this.refused(seat, kind, detail);
  }

  stop(): void {
    this.over = true;
  }

  private async watch(): Promise<void> {
    while (!this.over) {
      const { clock } = this.options;
      await clock.sleep(jittered(clock, LOOK_MS));
      for (const [shard, { flight, untilMs }] of this.sent) {
        if (untilMs <= clock.nowMs()) this.late(shard, flight);
      }
      void this.look();
    }
  }

  private saw(seat: ShardSeat, version: number): void {
    const { seat: now } = this.shards[seat.shard];
    if (now !== null && this.holds(seat) && version > now.version)
      this.shards[seat.shard].seat = { ...now, version };
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
        if (seat === null) return;
        const head = await this.headOf(shard, seat.incarnation);
        if (head !== null && this.shards[shard].seat?.incarnation === seat.incarnation)
          this.headAt(shard, head);
        void this.catchUp(shard);
      }),
    );
  }

  private async headOf(shard: number, incarnation: number): Promise<number | null> {
    try {
      return await this.options.ledger.head(shard, incarnation);
    } catch (error) {
      this.troubles.met('the length of a stream could not be asked', error, `shard ${shard}`);
      return null;
    }
  }

  private async catchUp(shard: number): Promise<void> {
    const followed = this.shards[shard];
    const { seat } = followed;
    if (seat === null || followed.reading) return;
    try {
      // Under this seat alone: what is read under one that has passed is dropped, and whoever follows under the next one
      // would wait for it for ever.
      while (this.holds(seat) && followed.position < followed.head && !this.over)
        await this.readOn(shard, seat);
    } catch (error) {
      // The next look tries again.
      if (!this.cutOff(seat, error))
        this.troubles.met('a stream could not be followed', error, `shard ${shard}`);
    }
  }

  private async readOn(shard: number, seat: ShardSeat): Promise<void> {
    const followed = this.shards[shard];
    if (followed.reading) {
      await this.options.clock.sleep(1);
      return;
    }
    followed.reading = true;
    try {
      const from = followed.position;
      const entries = await this.options.ledger.read(shard, seat.incarnation, from, READ_CLAIMS);
      // Once it is left, what comes is not this owner's to log: positions may be of another incarnation by then.
      if (!this.holds(seat) || followed.position !== from) return;
      if (entries.byteLength === 0) return;
      const words = entryWords(entries);
      if (!this.options.owner.canFollow(words)) {
        await this.waitForCatalog();
        return;
      }
      followed.position = from + entries.byteLength / ENTRY_BYTES;
      followed.head = Math.max(followed.head, followed.position);
      this.knows(shard, followed.position);
      this.options.step(() => this.options.owner.follow(shard, words, followed.position, this.options.now()));
    } finally {
      followed.reading = false;
    }
  }

  /** Takes in claims that were stored; resolves when memory has them. */
  async takeIn(shard: number, entries: Uint8Array): Promise<void> {
    const words = entryWords(entries);
    while (!this.options.owner.canFollow(words) && !this.over) await this.waitForCatalog();
    this.options.step(() => this.options.owner.follow(shard, words, -1, this.options.now()));
  }

  /** Another node has sold what this one has not heard of yet. */
  private async waitForCatalog(): Promise<void> {
    this.options.tell({ kind: 'catalogBehind' });
    await this.options.clock.sleep(CATALOG_WAIT_MS);
  }

  /** What was not read yet is not in the stream any more: it is in the record store, and comes from there. */
  private cutOff(seat: ShardSeat, error: unknown): boolean {
    if (!(error instanceof Error) || error.name !== 'StreamTrimmed') return false;
    this.options.tell({ kind: 'shardCutOff', shard: seat.shard, incarnation: seat.incarnation });
    return true;
  }
}
