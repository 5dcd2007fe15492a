/**
 * The ledger's counter on the main thread, as engine/lease-desk.ts and engine/stock-keeper.ts have it, with virtual
 * time in place of promises: codes are made in the background, lease messages answered, units moved between pools.
 * After every step the accounts of the pool must add up.
 */
import type { MemoryLedger } from '../../src/ledger/memory-ledger.ts';
import { SerialSet } from '../../src/ledger/serial-set.ts';
import type { Holder, LeaseOutcome, PoolRef, SerialRange } from '../../src/ports.ts';
import { codeHi, codeLo } from './catalog.ts';
import { type DeskPool, poolNumber, unitsIn } from './desk-pool.ts';
import type { OwnerLife } from './owner-life.ts';
import type { Process } from './process.ts';
import { StockMoves } from './stock-moves.ts';

const AHEAD_UNITS = 96;
const TASK_UNITS = 48;

export class StockDesk {
  readonly ledger: MemoryLedger;
  readonly pools = new Map<number, DeskPool>();
  readonly moves: StockMoves;
  private readonly process: Process;

  constructor(process: Process) {
    this.process = process;
    this.moves = new StockMoves(this, process);
    const { faults, parts } = process.world;
    this.ledger = parts.ledger({
      recall: (ref, holder, all) => {
        faults.seen('recall');
        process.tellOwner(holder, ref, (owner, nowMs) => owner.recall(ref, holder.partition, all, nowMs));
      },
      replenished: (ref, holder) =>
        process.tellOwner(holder, ref, (owner) => owner.replenished(ref, holder.partition)),
    });
  }

  pool(ref: PoolRef): DeskPool | undefined {
    return this.pools.get(poolNumber(ref));
  }

  /** `claimed`: units of it claimed before this process began. */
  openPool(ref: PoolRef, bare: readonly SerialRange[], coded: readonly SerialRange[], claimed: number): void {
    const known = this.pool(ref);
    const units = unitsIn(bare) + unitsIn(coded);
    this.ledger.open(ref, coded);
    const pool = known ?? {
      ref,
      capacity: 0,
      reported: 0,
      bare: new SerialSet(),
      filling: [],
      open: true,
      soldOut: false,
    };
    pool.capacity += units + claimed;
    pool.reported += claimed;
    pool.open = true;
    for (const range of bare) pool.bare.add(range);
    this.pools.set(poolNumber(ref), pool);
    this.changed(pool);
  }

  add(ref: PoolRef, bare: readonly SerialRange[], coded: readonly SerialRange[]): void {
    const pool = this.pool(ref)!;
    pool.capacity += unitsIn(bare) + unitsIn(coded);
    for (const range of bare) pool.bare.add(range);
    if (coded.length > 0) this.ledger.add(ref, coded);
    this.changed(pool);
  }

  lease(life: OwnerLife, ref: PoolRef, holder: Holder, epoch: number, sold: readonly SerialRange[]): void {
    const { world } = this.process;
    const pool = this.pool(ref);
    let outcome: LeaseOutcome;
    if (world.fencesToCome > 0 && !life.ended) {
      world.fencesToCome--;
      world.faults.seen('leaseFenced');
      outcome = { kind: 'fenced' };
    } else {
      outcome = this.ledger.lease(ref, holder, epoch, sold);
      if (outcome.kind === 'fenced' && !life.ended) throw new Error('a living owner was fenced');
      // A report that comes late, when its sender's leases were reclaimed and the pool was closed, was counted then.
      const isTaken = outcome.kind !== 'fenced' && outcome.kind !== 'closed';
      if (pool !== undefined && isTaken) pool.reported += unitsIn(sold);
      if (pool !== undefined && outcome.kind === 'exhausted') world.oracle.exhausted(pool, pool.capacity);
    }
    // Nobody hears the answer to a life that has ended.
    if (!life.ended) {
      this.process.tellOwner(holder, ref, (owner, nowMs) =>
        owner.leaseOutcome(ref, holder.partition, outcome, nowMs),
      );
    }
    if (pool !== undefined) this.changed(pool);
  }

  giveBack(
    ref: PoolRef,
    holder: Holder,
    epoch: number,
    sold: readonly SerialRange[],
    unsold: readonly SerialRange[],
  ): void {
    const pool = this.pool(ref);
    if (!this.ledger.giveBack(ref, holder, epoch, sold, unsold) || pool === undefined) return;
    pool.reported += unitsIn(sold);
    this.changed(pool);
  }

  reclaim(owner: number): void {
    this.ledger.reclaim(owner, (templateId, serial) => {
      const { units } = this.process.views.get(templateId)!;
      if (!units.isClaimed(serial)) return false;
      this.pool({ templateId, activityId: units.activityId(serial) })!.reported++;
      return true;
    });
    for (const pool of this.pools.values()) this.changed(pool);
  }

  free(pool: DeskPool): number {
    return this.ledger.stock(pool.ref).free + pool.bare.size;
  }

  changed(pool: DeskPool): void {
    if (pool.open) {
      this.poke(pool);
      pool.soldOut = this.ledger.isExhausted(pool.ref);
      if (pool.soldOut) this.process.world.oracle.exhausted(pool, pool.capacity);
      this.account(pool);
    }
    this.moves.check();
  }

  /** free + leased + claimed = capacity, at every step. */
  private account(pool: DeskPool): void {
    const { free, leased } = this.ledger.stock(pool.ref);
    const sum = free + leased + pool.bare.size + unitsIn(pool.filling) + pool.reported;
    if (sum === pool.capacity) return;
    const { templateId, activityId } = pool.ref;
    throw new Error(
      `pool ${templateId}/${activityId}: free ${free} + leased ${leased} + bare ${pool.bare.size} + ` +
        `filling ${unitsIn(pool.filling)} + claimed ${pool.reported} = ${sum}, not ${pool.capacity}`,
    );
  }

  poke(pool: DeskPool): void {
    if (pool.filling.length > 0) return;
    this.ledger.expect(pool.ref, pool.bare.size > 0);
    if (pool.bare.size > 0 && this.ledger.stock(pool.ref).free < AHEAD_UNITS / 2) this.fill(pool);
  }

  private fill(pool: DeskPool): void {
    pool.filling = pool.bare.take(TASK_UNITS);
    const { ref } = pool;
    const { world } = this.process;
    this.process.later(world.random.skewed(50, 8_000) + world.lateUs(), () => {
      const made = pool.filling;
      const { units } = this.process.views.get(ref.templateId)!;
      for (const { from, to } of made) {
        for (let s = from; s < to; s++) units.setCode(s, codeLo(ref.templateId, s), codeHi(ref.templateId));
      }
      pool.filling = [];
      this.ledger.add(ref, made);
      this.ledger.expect(ref, pool.bare.size > 0);
      this.changed(pool);
    });
  }
}
