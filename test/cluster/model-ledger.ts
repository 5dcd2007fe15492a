/** All shards' models behind the port, in virtual time. The server can be away; calls of a frozen node do not arrive. */
import { type HeldCoupon, SHARDS, type ShardLedger, type ShardNotice } from '../../src/ports-ledger.ts';
import { ShardModel } from '../ledger/model/shard-model.ts';
import type { VirtualClock } from './virtual-clock.ts';

export class ModelServer {
  isAway = false;
  /** Called before an incarnation becomes the open one. */
  beforeOpen: (shard: number) => Promise<void> | void = () => {};
  readonly models = Array.from({ length: SHARDS }, (_, shard) => new ShardModel(shard));
  private readonly clock: VirtualClock;
  private advancedMs = 0;

  constructor(clock: VirtualClock) {
    this.clock = clock;
  }

  of(shard: number): ShardModel {
    const nowMs = this.clock.nowMs();
    for (const model of this.models) model.advance(nowMs - this.advancedMs);
    this.advancedMs = nowMs;
    return this.models[shard];
  }

  /** One node's connection. */
  ledger(isCutOff: () => boolean): ShardLedger {
    const at = (shard: number): ShardModel => {
      if (this.isAway || isCutOff()) throw new Error('the ledger is away');
      return this.of(shard);
    };
    return {
      join: async (stamp, ...rest) => at(stamp.shard).join(stamp, ...rest),
      extend: async (seat, ttlMs) => at(seat.shard).extend(seat, ttlMs),
      reclaim: async (stamp) => at(stamp.shard).reclaim(stamp),
      leave: async (seat) => at(seat.shard).leave(seat),
      lease: async (seat, ...rest) => at(seat.shard).lease(seat, ...rest),
      giveBack: async (seat, ...rest) => at(seat.shard).giveBack(seat, ...rest),
      recall: async (stamp, ref) => at(stamp.shard).recall(stamp, ref),
      raise: async (stamp, ...rest) => at(stamp.shard).raise(stamp, ...rest),
      fund: async (stamp, ...rest) => at(stamp.shard).fund(stamp, ...rest),
      closePool: async (stamp, ref) => at(stamp.shard).closePool(stamp, ref),
      seal: async (shard, incarnation) => at(shard).seal(incarnation),
      open: async (shard, incarnation, pools, held) => {
        const all: HeldCoupon[] = [];
        for await (const chunk of held) all.push(...chunk);
        await this.beforeOpen(shard);
        at(shard).open(incarnation, pools, all);
      },
      read: async (shard, incarnation, from, max) => at(shard).read(incarnation, from, max),
      head: async (shard, incarnation) => at(shard).head(incarnation),
      start: async (shard, incarnation) => at(shard).start(incarnation),
      trim: async (shard, incarnation, position) => at(shard).trim(incarnation, position),
      pools: async (shard, incarnation) => at(shard).pools(incarnation),
      onNotice: (_listener: (notice: ShardNotice) => void) => {},
      disconnect: async () => {},
    };
  }
}
