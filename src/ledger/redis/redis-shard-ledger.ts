/**
 * The shared ledger in Redis. Every change is one script, executed whole or not at all by the server that holds the
 * shard's slot; gate.lua says which keys there are and when a call is refused. This side only packs and unpacks.
 */
import assert from 'node:assert/strict';
import { SLICE_UNITS_MAX, SLICE_UNITS_MIN } from '../../limits.ts';
import type { PoolRef, SerialRange } from '../../ports.ts';
import {
  type HeldCoupon,
  type PoolPlan,
  type PoolState,
  SHARDS,
  type ShardLedger,
  type ShardNotice,
  type ShardSeat,
  type ShardStamp,
} from '../../ports-ledger.ts';
import { ShardKeys } from './keys.ts';
import { NoticeListener } from './notices.ts';
import { openIncarnation } from './opening.ts';
import { packRanges, sorted } from './packed-ranges.ts';
import { readPools } from './pool-states.ts';
import { type Argument, RedisConnection, type RedisSettings } from './redis-connection.ts';
import * as replies from './replies.ts';
import { SCRIPTS, type Script } from './scripts.ts';
import { StreamHeads } from './stream-heads.ts';
import { readStream, startOf, trimStream } from './stream-reader.ts';

export interface RedisLedgerSettings extends RedisSettings {
  /** Installations that share a Redis have different names. */
  readonly installation: string;
}

export class RedisShardLedger implements ShardLedger {
  private readonly connection: RedisConnection;
  private readonly notices: NoticeListener;
  private readonly heads: StreamHeads;
  private readonly keys: readonly ShardKeys[];

  constructor(settings: RedisLedgerSettings) {
    this.connection = new RedisConnection(settings);
    this.heads = new StreamHeads(this.connection);
    this.notices = new NoticeListener(settings, settings.installation);
    this.keys = Array.from({ length: SHARDS }, (_, shard) => new ShardKeys(settings.installation, shard));
  }

  /** Rejects when Redis is not up within `waitMs`; goes on trying until `disconnect` all the same. */
  async connect(waitMs?: number): Promise<void> {
    await Promise.all([this.connection.connect(waitMs), this.notices.connect(waitMs)]);
  }

  async disconnect(): Promise<void> {
    await Promise.all([this.connection.disconnect(), this.notices.disconnect()]);
  }

  isUp(): boolean {
    return this.connection.isUp;
  }

  onNotice(listener: (notice: ShardNotice) => void): void {
    this.notices.on(listener);
  }

  // ---- membership
  async join(stamp: ShardStamp, nodeId: string, joinId: string, ttlMs: number) {
    return replies.joinOutcome(await this.run(SCRIPTS.join, stamp, [nodeId, joinId, ttlMs]));
  }

  async extend(seat: ShardSeat, ttlMs: number) {
    return replies.doneOrRefused(await this.run(SCRIPTS.extend, seat, [seat.nodeId, seat.epoch, ttlMs]));
  }

  async reclaim(stamp: ShardStamp) {
    return replies.reclaimOutcome(await this.run(SCRIPTS.reclaim, stamp, []));
  }

  async leave(seat: ShardSeat) {
    return replies.doneOrRefused(await this.run(SCRIPTS.leave, seat, [seat.nodeId, seat.epoch]));
  }

  // ---- stock
  async lease(
    seat: ShardSeat,
    ref: PoolRef,
    sequence: number,
    sold: readonly SerialRange[],
    unsold: readonly SerialRange[],
    want: number,
  ) {
    assert(want > 0, 'who wants no units gives back');
    const args = [...report(seat, ref, sequence, sold, unsold), want, SLICE_UNITS_MIN, SLICE_UNITS_MAX];
    return replies.supplyOutcome(await this.run(SCRIPTS.lease, seat, args));
  }

  async giveBack(
    seat: ShardSeat,
    ref: PoolRef,
    sequence: number,
    sold: readonly SerialRange[],
    unsold: readonly SerialRange[],
  ) {
    const args = report(seat, ref, sequence, sold, unsold);
    return replies.returnOutcome(await this.run(SCRIPTS.giveBack, seat, args));
  }

  async recall(stamp: ShardStamp, { templateId, activityId }: PoolRef) {
    return replies.doneOrLost(await this.run(SCRIPTS.recall, stamp, [templateId, activityId]));
  }

  async raise(stamp: ShardStamp, templateId: number, total: number) {
    return replies.doneOrLost(await this.run(SCRIPTS.raise, stamp, [templateId, total]));
  }

  async fund(stamp: ShardStamp, { templateId, activityId }: PoolRef, units: number) {
    assert(activityId !== 0, 'the general pool is raised, not funded');
    return replies.moveOutcome(await this.run(SCRIPTS.fund, stamp, [templateId, activityId, units]));
  }

  async closePool(stamp: ShardStamp, { templateId, activityId }: PoolRef) {
    return replies.doneOrLost(await this.run(SCRIPTS.close, stamp, [templateId, activityId]));
  }

  // ---- incarnations
  async seal(shard: number, incarnation: number): Promise<void> {
    await this.connection.run(SCRIPTS.seal, [this.keys[shard].meta], [incarnation]);
  }

  async open(
    shard: number,
    incarnation: number,
    pools: readonly PoolPlan[],
    held: AsyncIterable<readonly HeldCoupon[]>,
  ): Promise<void> {
    await openIncarnation(this.connection, this.keys[shard], incarnation, pools, held);
  }

  // ---- the stream
  async read(shard: number, incarnation: number, from: number, max: number): Promise<Uint8Array> {
    return await readStream(this.connection, this.keys[shard], incarnation, from, max);
  }

  async head(shard: number, incarnation: number): Promise<number | null> {
    return await this.heads.of(this.keys[shard], incarnation);
  }

  async start(shard: number, incarnation: number): Promise<number | null> {
    return await startOf(this.connection, this.keys[shard], incarnation);
  }

  async trim(shard: number, incarnation: number, position: number): Promise<void> {
    await trimStream(this.connection, this.keys[shard], incarnation, position);
  }

  async pools(shard: number, incarnation: number): Promise<PoolState[]> {
    return await readPools(this.connection, this.keys[shard], incarnation);
  }

  private async run(script: Script, stamp: ShardStamp, args: readonly Argument[]): Promise<unknown> {
    const { shard, incarnation, version } = stamp;
    return await this.connection.run(script, [this.keys[shard].meta], [incarnation, version, ...args]);
  }
}

function report(
  { nodeId, epoch }: ShardSeat,
  { templateId, activityId }: PoolRef,
  sequence: number,
  sold: readonly SerialRange[],
  unsold: readonly SerialRange[],
): Argument[] {
  const [packedSold, packedUnsold] = [packRanges(sorted(sold)), packRanges(sorted(unsold))];
  return [nodeId, epoch, templateId, activityId, sequence, packedSold, packedUnsold];
}
