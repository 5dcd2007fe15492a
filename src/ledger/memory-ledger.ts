/**
 * Who holds which units, for one process: the ledger of the `embedded` profile. It only coordinates and is computed
 * again at every start from records and log. A unit of a pool is free, in one holder's lease, or claimed; a lease holds
 * the serials its holder has not reported as sold durably.
 *
 * `lease` first takes the holder's report, then grants a slice: half of what is free shared by the holders (guided
 * self-scheduling: slices shrink as the pool drains). With nothing free it asks the other holders to give back. It says
 * `exhausted` only when no lease of the pool, the asker's included, has anything left that is unsold or pending.
 *
 * An epoch fences a lease. It ends with `reclaim`; a holder that calls with a past one is refused whole.
 */
import assert from 'node:assert/strict';
import { SLICE_UNITS_MAX, SLICE_UNITS_MIN } from '../limits.ts';
import type { Holder, LeaseOutcome, PoolRef, PoolStock, SerialRange } from '../ports.ts';
import { SerialSet } from './serial-set.ts';

interface Lease {
  readonly holder: Holder;
  readonly epoch: number;
  readonly serials: SerialSet;
  recalled: boolean;
}

interface Pool {
  readonly ref: PoolRef;
  readonly free: SerialSet;
  readonly leases: Map<string, Lease>;
  /** Holders that were refused units and are to be told when there may be some. */
  readonly thirsty: Map<string, Holder>;
  nextEpoch: number;
  /** Units are being gathered for elsewhere: nothing is granted meanwhile. */
  held: boolean;
  /** More units are on their way (their codes are being made): not exhausted yet, whatever is free. */
  expecting: boolean;
  /** More units may come from beyond this process: not exhausted yet either, but what is here is gathered first. */
  seeking: boolean;
}

/** What holders must be told, outside of an answer. */
export interface LedgerSignals {
  recall(ref: PoolRef, holder: Holder, all: boolean): void;
  replenished(ref: PoolRef, holder: Holder): void;
}

export class MemoryLedger {
  private readonly pools = new Map<string, Pool>();
  private readonly signals: LedgerSignals;

  constructor(signals: LedgerSignals) {
    this.signals = signals;
  }

  /** Opens a pool with these free units. Whoever was told `closed` or `exhausted` starts afresh. */
  open(ref: PoolRef, free: readonly SerialRange[]): void {
    assert(!this.pools.has(poolKey(ref)), `pool ${poolKey(ref)} is open already`);
    this.pools.set(poolKey(ref), {
      ref,
      free: new SerialSet(free),
      leases: new Map(),
      thirsty: new Map(),
      nextEpoch: 1,
      held: false,
      expecting: false,
      seeking: false,
    });
  }

  /** Closes a pool that nobody holds a lease of and returns its free units. */
  close(ref: PoolRef): SerialRange[] {
    const pool = this.pools.get(poolKey(ref));
    if (pool === undefined) return [];
    assert(leasedUnits(pool) === 0, 'a pool with leased units cannot be closed');
    this.pools.delete(poolKey(ref));
    return pool.free.list();
  }

  isOpen(ref: PoolRef): boolean {
    return this.pools.has(poolKey(ref));
  }

  /** `epoch` 0: the holder has no lease yet. `sold`: serials of its lease whose claims became durable. */
  lease(ref: PoolRef, holder: Holder, epoch: number, sold: readonly SerialRange[]): LeaseOutcome {
    const pool = this.pools.get(poolKey(ref));
    if (pool === undefined) return { kind: 'closed' };
    const key = holderKey(holder);
    let lease = pool.leases.get(key);
    if ((lease?.epoch ?? 0) !== epoch) return { kind: 'fenced' };
    if (lease !== undefined) for (const range of sold) lease.serials.remove(range);

    const holders = pool.leases.size + (lease === undefined ? 1 : 0);
    const units = pool.held ? 0 : sliceSize(pool.free.size, holders);
    if (units > 0) {
      const ranges = pool.free.take(units);
      if (lease === undefined) {
        // Only a grant begins a lease: no other answer tells the holder an epoch.
        lease = { holder, epoch: pool.nextEpoch++, serials: new SerialSet(), recalled: false };
        pool.leases.set(key, lease);
      }
      for (const range of ranges) lease.serials.add(range);
      pool.thirsty.delete(key);
      lease.recalled = false;
      return { kind: 'granted', epoch: lease.epoch, ranges };
    }
    pool.thirsty.set(key, holder);
    if (pool.held || pool.expecting) return { kind: 'recalling' };
    if (leasedUnits(pool) > 0) {
      this.recallOthers(pool, key, false);
      return { kind: 'recalling' };
    }
    if (pool.seeking) return { kind: 'recalling' };
    // The report that emptied the last lease is news for those who wait.
    if (sold.length > 0) this.tellThirsty(pool, key);
    return { kind: 'exhausted' };
  }

  /** The holder reports sales and gives units back. A past epoch is refused whole: false. */
  giveBack(
    ref: PoolRef,
    holder: Holder,
    epoch: number,
    sold: readonly SerialRange[],
    unsold: readonly SerialRange[],
  ): boolean {
    const pool = this.pools.get(poolKey(ref));
    const lease = pool?.leases.get(holderKey(holder));
    if (pool === undefined || lease === undefined || lease.epoch !== epoch) return false;
    for (const range of sold) lease.serials.remove(range);
    for (const range of unsold) {
      lease.serials.remove(range);
      pool.free.add(range);
    }
    lease.recalled = false;
    if (!pool.held && (pool.free.size > 0 || isDrained(pool))) this.tellThirsty(pool, null);
    return true;
  }

  /**
   * Ends all leases of an owner that is gone: what it sold durably stays sold, which `onSold` is told, the rest is free
   * again.
   */
  reclaim(
    owner: number,
    isClaimed: (templateId: number, serial: number) => boolean,
    onSold: (ref: PoolRef, range: SerialRange) => void = () => {},
  ): void {
    for (const pool of this.pools.values()) {
      for (const [key, lease] of pool.leases) {
        if (lease.holder.owner !== owner) continue;
        pool.leases.delete(key);
        pool.thirsty.delete(key);
        for (const range of lease.serials.list()) {
          for (let serial = range.from; serial < range.to; serial++) {
            const unit = { from: serial, to: serial + 1 };
            if (isClaimed(pool.ref.templateId, serial)) onSold(pool.ref, unit);
            else pool.free.add(unit);
          }
        }
        if (!pool.held) this.tellThirsty(pool, null);
      }
    }
  }

  /** Adds new or returned units to an open pool. */
  add(ref: PoolRef, ranges: readonly SerialRange[]): void {
    const pool = this.mustGet(ref);
    for (const range of ranges) pool.free.add(range);
    if (!pool.held) this.tellThirsty(pool, null);
  }

  /** Takes exactly `units` free units out of a pool, or none. */
  take(ref: PoolRef, units: number): SerialRange[] | null {
    const pool = this.mustGet(ref);
    return pool.free.size < units ? null : pool.free.take(units);
  }

  /** Stops granting and asks every holder for everything, or goes back to granting. */
  hold(ref: PoolRef, held: boolean): void {
    const pool = this.mustGet(ref);
    pool.held = held;
    if (held) this.recallOthers(pool, '', true);
    else this.tellThirsty(pool, null);
  }

  stock(ref: PoolRef): PoolStock & { readonly leased: number } {
    const pool = this.pools.get(poolKey(ref));
    if (pool === undefined) return { total: 0, free: 0, leased: 0 };
    const leased = leasedUnits(pool);
    return { total: pool.free.size + leased, free: pool.free.size, leased };
  }

  /** Nothing free, nothing on its way, and every unit that was leased is reported sold. */
  isExhausted(ref: PoolRef): boolean {
    const pool = this.pools.get(poolKey(ref));
    return pool !== undefined && isDrained(pool);
  }

  /** Whether more units are on their way into the pool. */
  expect(ref: PoolRef, expecting: boolean): void {
    const pool = this.mustGet(ref);
    // Only a change is news: who was told `exhausted` must not be sent asking again by every look at the pool. It is
    // news both ways: with units on their way `sold_out` is no longer true, and without them waiting is in vain.
    if (pool.expecting === expecting) return;
    const wasDrained = isDrained(pool);
    pool.expecting = expecting;
    if (wasDrained || isDrained(pool)) this.tellThirsty(pool, null);
  }

  /** Whether units may come from beyond this process; news when it was the only hope, or is one again. */
  seek(ref: PoolRef, seeking: boolean): void {
    const pool = this.mustGet(ref);
    if (pool.seeking === seeking) return;
    const wasDrained = isDrained(pool);
    pool.seeking = seeking;
    if (wasDrained || isDrained(pool)) this.tellThirsty(pool, null);
  }

  /** Asks every holder for what it can spare, or for all of it. */
  recall(ref: PoolRef, all: boolean): void {
    const pool = this.pools.get(poolKey(ref));
    if (pool !== undefined) this.recallOthers(pool, '', all);
  }

  isThirsty(ref: PoolRef): boolean {
    return (this.pools.get(poolKey(ref))?.thirsty.size ?? 0) > 0;
  }

  /** Takes everything out of a pool; its holders are fenced. */
  empty(ref: PoolRef): void {
    const pool = this.mustGet(ref);
    for (const { holder } of pool.leases.values()) pool.thirsty.set(holderKey(holder), holder);
    pool.leases.clear();
    pool.free.take(pool.free.size);
    this.tellThirsty(pool, null);
  }

  /** For the checker: every pool with its free serials and its leases. */
  snapshot(): {
    ref: PoolRef;
    free: SerialRange[];
    leases: { holder: Holder; epoch: number; serials: SerialRange[] }[];
  }[] {
    return [...this.pools.values()].map((pool) => ({
      ref: pool.ref,
      free: pool.free.list(),
      leases: [...pool.leases.values()].map(({ holder, epoch, serials }) => ({
        holder,
        epoch,
        serials: serials.list(),
      })),
    }));
  }

  private mustGet(ref: PoolRef): Pool {
    const pool = this.pools.get(poolKey(ref));
    assert(pool !== undefined, `pool ${poolKey(ref)} is not open`);
    return pool;
  }

  private recallOthers(pool: Pool, exceptKey: string, all: boolean): void {
    for (const [key, lease] of pool.leases) {
      if (key === exceptKey || lease.serials.size === 0 || (lease.recalled && !all)) continue;
      lease.recalled = true;
      this.signals.recall(pool.ref, lease.holder, all);
    }
  }

  private tellThirsty(pool: Pool, exceptKey: string | null): void {
    for (const [key, holder] of [...pool.thirsty]) {
      if (key === exceptKey) continue;
      pool.thirsty.delete(key);
      this.signals.replenished(pool.ref, holder);
    }
  }
}

function sliceSize(free: number, holders: number): number {
  const guided = Math.ceil(free / (2 * holders));
  return Math.min(free, Math.max(SLICE_UNITS_MIN, Math.min(SLICE_UNITS_MAX, guided)));
}

function leasedUnits(pool: Pool): number {
  let units = 0;
  for (const lease of pool.leases.values()) units += lease.serials.size;
  return units;
}

function isDrained(pool: Pool): boolean {
  const hopeless = !pool.expecting && !pool.seeking && !pool.held;
  return hopeless && pool.free.size === 0 && leasedUnits(pool) === 0;
}

/** What tells pools apart in the maps of those who keep something for each. */
export function poolKey(ref: PoolRef): string {
  return `${ref.templateId}/${ref.activityId}`;
}

function holderKey(holder: Holder): string {
  return `${holder.owner}/${holder.partition}`;
}
