/** One rule broken at a time, each behind the seam it belongs to: the simulation must notice every one. */
import { ClusterOwner } from '../../../src/actors/cluster-owner.ts';
import type { PoolState } from '../../../src/actors/template-actor.ts';
import { ENTRY_WORDS } from '../../../src/claimlog/entry.ts';
import type { LeaseOutcome, PoolRef, SerialRange } from '../../../src/ports.ts';
import type { CommitAnswer, CommitBatch } from '../../../src/ports-commit.ts';
import type { ShardSeat, SupplyOutcome } from '../../../src/ports-ledger.ts';
import type { Pool, ShardData } from '../../ledger/model/shard-data.ts';
import { ShardModel } from '../../ledger/model/shard-model.ts';
import type { DeedName } from './chaos.ts';
import { type Parts, realParts, type StoreCalls } from './parts.ts';

interface Inside {
  data: ShardData;
  serverId: number;
}

function inside(model: ShardModel): Inside {
  return model as unknown as Inside;
}

/** Sells whatever is offered: what the node has of a pool does not matter. */
class LeaselessModel extends ShardModel {
  override commit(batch: CommitBatch): CommitAnswer {
    const { data } = inside(this);
    const { nodeId } = batch.seat;
    const before = data.claims.length;
    const lent: { pool: Pool; serial: number }[] = [];
    for (const { templateId, activityId, units } of batch.groups) {
      const pool = data.pools.get(`${templateId}.${activityId}`);
      if (pool === undefined || pool.closed) continue;
      const lease = pool.leases.get(nodeId) ?? new Set();
      pool.leases.set(nodeId, lease);
      for (let at = 0; at < units.length; at += 3) {
        if (!lease.has(units[at])) lent.push({ pool, serial: units[at] });
        lease.add(units[at]);
      }
    }
    const answer = super.commit(batch);
    const sold = new Set(data.claims.slice(before).map(([templateId, serial]) => `${templateId}/${serial}`));
    for (const { pool, serial } of lent) {
      if (!sold.has(`${pool.ref.templateId}/${serial}`)) pool.leases.get(nodeId)?.delete(serial);
    }
    for (const pool of data.pools.values())
      if (pool.leases.get(nodeId)?.size === 0) pool.leases.delete(nodeId);
    return answer;
  }
}

class EpochlessModel extends LeaselessModel {
  private present<T extends ShardSeat>(seat: T): T {
    const epoch = inside(this).data.seats.get(seat.nodeId)?.epoch ?? seat.epoch;
    return { ...seat, epoch };
  }

  override commit(batch: CommitBatch): CommitAnswer {
    return super.commit({ ...batch, seat: this.present(batch.seat) });
  }

  override giveBack(
    seat: ShardSeat,
    ref: PoolRef,
    sequence: number,
    sold: readonly SerialRange[],
    unsold: readonly SerialRange[],
  ) {
    return super.giveBack(this.present(seat), ref, sequence, sold, unsold);
  }
}

class SameServerModel extends ShardModel {
  private keepId(body: () => void): void {
    const { serverId } = inside(this);
    body();
    inside(this).serverId = serverId;
  }

  override restart(how?: { empty?: boolean }): void {
    this.keepId(() => super.restart(how));
  }

  override rollBack(snapshot: ShardData): void {
    this.keepId(() => super.rollBack(snapshot));
  }

  override commit(batch: CommitBatch): CommitAnswer {
    return super.commit({ ...batch, seat: { ...batch.seat, version: 0 } });
  }
}

class ForgetfulModel extends LeaselessModel {
  override commit(batch: CommitBatch): CommitAnswer {
    inside(this).data.owners.clear();
    return super.commit(batch);
  }
}

/** A lease asked for again is granted again. */
class GenerousModel extends ShardModel {
  override lease(
    seat: ShardSeat,
    ref: PoolRef,
    sequence: number,
    sold: readonly SerialRange[],
    unsold: readonly SerialRange[],
    want: number,
  ) {
    inside(this).data.pools.get(`${ref.templateId}.${ref.activityId}`)?.answers.clear();
    return super.lease(seat, ref, sequence, sold, unsold, want);
  }
}

/** What others hold counts as sold. */
class LyingModel extends ShardModel {
  override lease(
    seat: ShardSeat,
    ref: PoolRef,
    sequence: number,
    sold: readonly SerialRange[],
    unsold: readonly SerialRange[],
    want: number,
  ): SupplyOutcome {
    const outcome = super.lease(seat, ref, sequence, sold, unsold, want);
    if (outcome.kind !== 'recalling') return outcome;
    return { kind: 'exhausted', version: outcome.version, head: inside(this).data.claims.length };
  }
}

class LimitlessModel extends ShardModel {
  override commit(batch: CommitBatch): CommitAnswer {
    const groups = batch.groups.map((group) => ({
      ...group,
      poolLimit: group.poolLimit === 1 ? 1 : group.poolLimit + 1,
      templateLimit: group.templateLimit + 1,
    }));
    return super.commit({ ...batch, groups });
  }
}

class UnfencedModel extends LeaselessModel {
  override fenceOwner(seat: ShardSeat, owner: number, life: number) {
    const { data } = inside(this);
    const owners = new Map(data.owners);
    const fence = super.fenceOwner(seat, owner, life);
    data.owners = owners;
    return fence;
  }

  override commit(batch: CommitBatch): CommitAnswer {
    const { data } = inside(this);
    const memory = data.owners.get(`${batch.seat.epoch}/${batch.owner}`);
    if (memory !== undefined && memory.life > batch.life) data.owners.clear();
    return super.commit(batch);
  }
}

/** Now and then it passes a claim of another node over. */
class SkippingOwner extends ClusterOwner {
  private followedWords = 0;

  override follow(shard: number, words: Uint32Array, position: number, nowMs: number): void {
    const kept: number[] = [];
    for (let at = 0; at < words.length; at += ENTRY_WORDS) {
      if (++this.followedWords % 9 !== 0) kept.push(...words.subarray(at, at + ENTRY_WORDS));
    }
    super.follow(shard, Uint32Array.from(kept), position, nowMs);
  }
}

/** Says sold out before it knows everybody who holds one. */
class HastyOwner extends ClusterOwner {
  override leaseOutcome(ref: PoolRef, partition: number, outcome: LeaseOutcome, nowMs: number): void {
    const told: LeaseOutcome = outcome.kind === 'exhausted' ? { kind: 'exhausted', head: 0 } : outcome;
    super.leaseOutcome(ref, partition, told, nowMs);
  }
}

/** Keeps selling what it had under the seat that ended. */
class KeepingOwner extends ClusterOwner {
  override suspend(shard: number): void {
    const slices = new Map<PoolState, PoolState['slice']>();
    for (const actor of this.allActors())
      for (const pool of actor.pools.values()) slices.set(pool, pool.slice);
    super.suspend(shard);
    for (const [pool, slice] of slices) pool.slice = slice;
  }
}

const broken = (parts: Partial<Parts>): Parts => ({ ...realParts, ...parts });
const store = (change: (calls: StoreCalls) => Partial<StoreCalls>): Parts =>
  broken({ store: (calls) => ({ ...calls, ...change(calls) }) });

export interface Break {
  readonly parts: Parts;
  /** What has to happen for it to matter, where that is rare; each seed picks for itself otherwise. */
  readonly deeds?: readonly DeedName[];
}

const behindLateRequests = (deed: DeedName, model: Parts['model']): Break => ({
  parts: broken({ model }),
  deeds: [deed],
});

const RULES: Readonly<Record<string, Parts>> = {
  'a ledger without the run id of its server': broken({ model: (shard) => new SameServerModel(shard) }),
  'a ledger that forgets sequences and leases': broken({ model: (shard) => new ForgetfulModel(shard) }),
  'a ledger that grants a repeated lease again': broken({ model: (shard) => new GenerousModel(shard) }),
  'a ledger that calls what others hold sold out': broken({ model: (shard) => new LyingModel(shard) }),
  'a ledger with larger limits': broken({ model: (shard) => new LimitlessModel(shard) }),
  'a follower that skips claims': broken({ owner: (index, ports) => new SkippingOwner(index, ports) }),
  'sold out before all holders are known': broken({ owner: (index, ports) => new HastyOwner(index, ports) }),
  'units kept after the seat': broken({ owner: (index, ports) => new KeepingOwner(index, ports) }),
  'answers before the log is synced': broken({ durable: (_synced, end) => end }),
  'a shard left before its owners have left it': broken({ waitsForOwners: false }),
  'streams of before that are not read': store(() => ({
    logBlocks: (_logId, _fromOffset, afterBlock) => ({ lastBlock: afterBlock, entries: [] }),
  })),
  'a rebuilding without a member': store((calls) => ({
    takeRebuild: (shard, nodeId, patienceMs) => {
      for (const member of calls.members()) calls.contributed(member.shard, member.nodeId, 2 ** 27);
      return calls.takeRebuild(shard, nodeId, patienceMs);
    },
  })),
  'logs that are not written into the store': store(() => ({
    fillIn: () => ({ kind: 'filled', entries: new Uint8Array(0) }),
  })),
  'members that are not written down': store((calls) => ({
    joinShard: (shard, nodeId, incarnation) => {
      const done = calls.joinShard(shard, nodeId, incarnation);
      if (done) calls.leaveShard(shard, nodeId, incarnation);
      return done;
    },
  })),
  'a watermark that moves before the rows': broken({
    store: (calls, records) => ({
      ...calls,
      commitClaims: (batch) => {
        const mark = records.marks.get(batch.logId);
        if (mark?.offset === batch.fromOffset && mark.fence === batch.fence) mark.offset = batch.toOffset;
        return { kind: 'committed' };
      },
    }),
  }),
};

export const BREAKS: Readonly<Record<string, Break>> = {
  'commits that ignore epochs and leases': behindLateRequests(
    'freeze a node whose requests arrive later',
    (shard) => new EpochlessModel(shard),
  ),
  'commits of units that are not leased': behindLateRequests(
    'kill an owner whose requests arrive later',
    (shard) => new LeaselessModel(shard),
  ),
  'a ledger that lets earlier lives of owners sell what they had': behindLateRequests(
    'kill an owner whose requests arrive later',
    (shard) => new UnfencedModel(shard),
  ),
  'logs removed before they are stored': {
    deeds: ['empty redis while the store is away for long'],
    parts: broken({
      prepare: ({ link }) => {
        const { stored } = link as unknown as { stored: { incarnation: number; position: number }[] };
        stored.fill({ incarnation: Number.POSITIVE_INFINITY, position: 0 });
        Object.defineProperty(link, 'stored', { value: new Proxy(stored, { set: () => true }) });
      },
    }),
  },
  ...Object.fromEntries(Object.entries(RULES).map(([name, parts]) => [name, { parts }])),
};
