/** One rule broken at a time, each behind the seam it belongs to: the simulation must notice every one. */
import type { TemplateRules } from '../../src/actors/rules.ts';
import { type PoolState, TemplateActor } from '../../src/actors/template-actor.ts';
import { Verdict } from '../../src/actors/verdict.ts';
import { scanLog } from '../../src/claimlog/log-scan.ts';
import { MemoryLedger } from '../../src/ledger/memory-ledger.ts';
import type {
  ClaimBatch,
  CommitOutcome,
  Holder,
  LeaseOutcome,
  PoolRef,
  SerialRange,
} from '../../src/ports.ts';
import { type Parts, realParts } from './parts.ts';
import { SimStore } from './sim-store.ts';

class UnlimitedActor extends TemplateActor {
  override setRules(rules: TemplateRules): void {
    const pools = rules.pools.map((pool) =>
      pool.perUserLimit === 1 ? pool : { ...pool, perUserLimit: pool.perUserLimit + 1 },
    );
    super.setRules({ ...rules, perUserLimit: rules.perUserLimit + 1, pools });
  }
}

/** Says of a claim that is repeated that it is durable, whether it is or not. */
class HastyActor extends TemplateActor {
  override decide(
    pool: PoolState,
    lo: number,
    hi: number,
    keyLo: number,
    keyHi: number,
    nowMs: number,
  ): number {
    const verdict = super.decide(pool, lo, hi, keyLo, keyHi, nowMs);
    if (verdict === Verdict.alreadyClaimed) this.units.publish(this.serial, nowMs);
    return verdict;
  }
}

class EpochlessLedger extends MemoryLedger {
  private current(ref: PoolRef, holder: Holder): number {
    const pool = this.snapshot().find(
      (other) => other.ref.templateId === ref.templateId && other.ref.activityId === ref.activityId,
    );
    const lease = pool?.leases.find(
      (other) => other.holder.owner === holder.owner && other.holder.partition === holder.partition,
    );
    return lease?.epoch ?? 0;
  }

  override lease(ref: PoolRef, holder: Holder, _epoch: number, sold: readonly SerialRange[]): LeaseOutcome {
    return super.lease(ref, holder, this.current(ref, holder), sold);
  }

  override giveBack(
    ref: PoolRef,
    holder: Holder,
    _epoch: number,
    sold: readonly SerialRange[],
    unsold: readonly SerialRange[],
  ): boolean {
    return super.giveBack(ref, holder, this.current(ref, holder), sold, unsold);
  }
}

class LyingLedger extends MemoryLedger {
  override lease(ref: PoolRef, holder: Holder, epoch: number, sold: readonly SerialRange[]): LeaseOutcome {
    const outcome = super.lease(ref, holder, epoch, sold);
    return outcome.kind === 'recalling' && this.stock(ref).free === 0 ? { kind: 'exhausted' } : outcome;
  }
}

/** Watermark first, rows in a second transaction: a crash may come between. */
class WatermarkFirstStore extends SimStore {
  override commit(batch: ClaimBatch): CommitOutcome {
    const offset = this.watermark(batch.logId);
    if (offset !== batch.fromOffset) return { kind: 'stale', offset };
    this.marks.set(batch.logId, batch.toOffset);
    const { process } = this.world;
    this.world.scheduler.later(2_000, () => {
      if (this.world.process === process) this.insert(batch);
    });
    return { kind: 'committed' };
  }
}

/** Stores whatever comes, wherever the watermark is. */
class CarelessStore extends SimStore {
  override commit(batch: ClaimBatch): CommitOutcome {
    const conflict = this.insert(batch);
    if (conflict !== null) return conflict;
    this.marks.set(batch.logId, batch.toOffset);
    return { kind: 'committed' };
  }
}

const broken = (parts: Partial<Parts>): Parts => ({ ...realParts, ...parts });

export const BREAKS: Readonly<Record<string, Parts>> = {
  'an actor without its limit check': broken({
    actor: (rules, partition, users, units) => new UnlimitedActor(rules, partition, users, units),
  }),
  'an actor that answers repeats of pending claims at once': broken({
    actor: (rules, partition, users, units) => new HastyActor(rules, partition, users, units),
  }),
  'a ledger that ignores epochs': broken({ ledger: (signals) => new EpochlessLedger(signals) }),
  'a ledger that calls what others hold sold out': broken({ ledger: (signals) => new LyingLedger(signals) }),
  'a store that moves the watermark before the rows': broken({
    store: (world) => new WatermarkFirstStore(world),
  }),
  'a store that does not compare the watermark': broken({ store: (world) => new CarelessStore(world) }),
  'a flusher that goes past the synced position': broken({ flushLimit: (_synced, log) => log.end }),
  'a seal that copies nothing': broken({
    seal: (disk, root, logId, watermark) => scanLog(disk, root, logId, watermark, () => {}).end,
  }),
  'an owner that goes on after a failed sync': broken({ endsWithFailedSync: false }),
};
