/** An owner's line to a modelled ledger, in virtual time: the test cuts the line, sells elsewhere, trims the stream. */
import assert from 'node:assert/strict';
import type { CommitBatch, CommitLedger } from '../../src/ports-commit.ts';
import type { ShardLedger, ShardNotice, ShardSeat } from '../../src/ports-ledger.ts';
import type { FromOwner } from '../../src/workers/owner-messages.ts';
import { OwnerShards } from '../../src/workers/owner-shards.ts';
import { StreamPlaces, StreamPlacesWriter } from '../../src/workers/stream-places.ts';
import { ClusterStage, SHARD } from '../actors/cluster-stage.ts';
import { TEMPLATE } from '../actors/rules.ts';
import { ModelServer } from '../cluster/model-ledger.ts';
import { VirtualClock } from '../cluster/virtual-clock.ts';
import { batchOf, groupOf } from '../ledger/redis-stage.ts';

const LONG_MS = 1_000_000;
const UNITS = 200;
/** Units that the other node has for its claims. */
const ELSEWHERE = 64;
const REF = { templateId: TEMPLATE, activityId: 0 };

export class ShardsStage {
  readonly clock = new VirtualClock();
  readonly server = new ModelServer(this.clock);
  readonly stage = new ClusterStage();
  readonly places = new StreamPlaces();
  /** What has ended this life. */
  readonly failures: unknown[] = [];
  readonly told: Exclude<FromOwner, number>[] = [];
  /** Every commit that was sent, whether it arrived or not. */
  readonly batches: CommitBatch[] = [];
  readonly reads: number[] = [];
  readonly shards: OwnerShards;
  readonly seat: ShardSeat;
  /** The next commits are executed and their answers are lost. */
  losesAnswers = false;
  isTrimmed = false;
  private hanging: Promise<void> = Promise.resolve();
  private hangingReads: Promise<void> = Promise.resolve();
  private notice: (notice: ShardNotice) => void = () => {};
  private readonly elsewhere: ShardSeat;
  private sequence = 0;

  constructor(life = 1) {
    const model = this.server.of(SHARD);
    const free = [{ from: 0, to: UNITS }];
    model.open(1, [{ ref: REF, units: UNITS, closed: false, free, leased: [] }], []);
    [this.elsewhere, this.seat] = ['b', 'a'].map((nodeId) => this.join(nodeId));
    model.lease(this.elsewhere, REF, 1, [], [], ELSEWHERE);
    this.shards = new OwnerShards({
      index: 0,
      life,
      places: new StreamPlacesWriter(this.places.buffer),
      owner: this.stage.owner,
      commits: this.commits(),
      ledger: this.ledger(),
      clock: this.clock,
      now: () => this.clock.nowMs(),
      step: (body) => {
        if (this.failures.length > 0) return;
        try {
          body();
          this.stage.sync();
        } catch (error) {
          this.failures.push(error);
          this.shards.stop();
        }
      },
      tell: (message) => this.told.push(message as Exclude<FromOwner, number>),
    });
  }

  join(nodeId: string, joinId = '1'): ShardSeat {
    const stamp = { shard: SHARD, incarnation: 1, version: 0 };
    const joined = this.server.of(SHARD).join(stamp, nodeId, joinId, LONG_MS);
    assert(joined.kind === 'joined');
    return { ...stamp, nodeId, epoch: joined.epoch };
  }

  private reach(): void {
    if (this.server.isAway) throw new Error('the ledger is away');
  }

  private commits(): CommitLedger {
    return {
      commit: async (batch) => {
        this.batches.push(batch);
        this.reach();
        const answer = this.server.of(SHARD).commit(batch);
        await this.hanging;
        if (this.losesAnswers) throw new Error('the connection was lost');
        return answer;
      },
      fenceOwner: async (seat, owner, life) => {
        this.reach();
        return this.server.of(SHARD).fenceOwner(seat, owner, life);
      },
    };
  }

  private ledger(): Pick<ShardLedger, 'read' | 'head' | 'onNotice'> {
    const { read, head } = this.server.ledger(() => false);
    return {
      head,
      read: async (shard, incarnation, from, max) => {
        this.reads.push(from);
        assert(this.reads.length < 1_000, 'a stream is read again and again');
        await this.hangingReads;
        const trimmed = new Error('claims from there on are not in the stream any more');
        trimmed.name = 'StreamTrimmed';
        if (this.isTrimmed) throw trimmed;
        return await read(shard, incarnation, from, max);
      },
      onNotice: (listener) => {
        this.notice = listener;
      },
    };
  }

  /** Commits from now on are executed, and answered when the returned function is called. */
  hangCommits(): () => void {
    let answer = (): void => {};
    this.hanging = new Promise((resolve) => {
      answer = resolve;
    });
    return () => answer();
  }

  /** The same of reads. */
  hangReads(): () => void {
    let answer = (): void => {};
    this.hangingReads = new Promise((resolve) => {
      answer = resolve;
    });
    return () => answer();
  }

  /** Users get coupons at another node. */
  sellElsewhere(...users: number[]): void {
    const serials = users.map(() => this.sequence++);
    const claims = users.map((user) => [user, 0] as const);
    const batch = batchOf(this.elsewhere, this.sequence, [groupOf(REF, claims, serials)]);
    const answer = this.server.of(SHARD).commit(batch);
    assert(answer.kind === 'committed');
  }

  tellHead(): void {
    this.notice({ kind: 'head', shard: SHARD, head: this.head });
  }

  get head(): number {
    return this.server.of(SHARD).head(1)!;
  }

  /** Claims followed so far, as the owner tells them. */
  get followed(): number {
    return this.stage.followed.at(-1)?.[1] ?? -1;
  }

  kinds(): string[] {
    return this.told.map(({ kind }) => kind);
  }

  /** Opened, with units to sell. */
  async open(): Promise<void> {
    void this.shards.start([], [this.seat]);
    await this.clock.until(() => this.kinds().includes('shardOpened'), 'the shard is open');
    const leased = this.server.of(SHARD).lease(this.seat, REF, 1, [], [], 20);
    assert(leased.kind === 'granted');
    this.stage.outcome({ kind: 'granted', epoch: 1, ranges: leased.ranges });
  }

  /** One claim of a new user here; its commit is on its way. */
  claim(user: number): number {
    const sent = this.stage.sent.length;
    const [slot] = this.stage.drain([user], this.clock.nowMs());
    const { flight } = this.stage.sent[sent];
    void this.shards.commit(SHARD, flight);
    return slot;
  }
}
