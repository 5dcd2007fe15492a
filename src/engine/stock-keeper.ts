/**
 * Feeds the ledger: a unit becomes leasable only once its code is made, and codes are made some way ahead of the crowd
 * rather than for the whole stock at once. Per pool, what is neither leased nor claimed is therefore either free in the
 * ledger (code made) or waiting here (no code yet).
 */

import { setTimeout as pause } from 'node:timers/promises';
import { type MemoryLedger, poolKey } from '../ledger/memory-ledger.ts';
import { SerialSet } from '../ledger/serial-set.ts';
import type { PoolRef, SerialRange } from '../ports.ts';

/** Below half of this many leasable units more codes are made. */
const AHEAD_UNITS = 262_144;
/**
 * Codes made in one task: the first ones few, so that of many pools opened together each can soon be claimed from; later
 * ones as many as no other pool waits long for.
 */
const TASK_UNITS_FIRST = 1024;
const TASK_UNITS_MAX = 16_384;
/** Before codes that could not be made are tried again. */
const RETRY_MS = 1_000;

export interface UnitRuns {
  readonly coded: readonly SerialRange[];
  readonly bare: readonly SerialRange[];
}

interface Waiting {
  readonly bare: SerialSet;
  filling: boolean;
  /** Taken out of `bare` because their codes are being made. */
  making: readonly SerialRange[];
}

export class StockKeeper {
  private readonly ledger: MemoryLedger;
  private readonly makeCodes: (templateId: number, range: SerialRange) => Promise<void>;
  private readonly onFailure: (error: unknown) => void;
  /** A pool got units, or its making of codes ended. */
  private readonly onFilled: (ref: PoolRef) => void;
  private readonly pools = new Map<string, Waiting>();

  constructor(
    ledger: MemoryLedger,
    makeCodes: (templateId: number, range: SerialRange) => Promise<void>,
    onFailure: (error: unknown) => void,
    onFilled: (ref: PoolRef) => void,
  ) {
    this.ledger = ledger;
    this.makeCodes = makeCodes;
    this.onFailure = onFailure;
    this.onFilled = onFilled;
  }

  open(ref: PoolRef, runs: UnitRuns): void {
    this.ledger.open(ref, runs.coded);
    this.pools.set(poolKey(ref), { bare: new SerialSet(runs.bare), filling: false, making: [] });
    this.poke(ref);
  }

  /** Everything in the pool is gone, also what is in the making and in holders' hands. */
  empty(ref: PoolRef): void {
    if (!this.pools.has(poolKey(ref))) return;
    this.pools.set(poolKey(ref), { bare: new SerialSet(), filling: false, making: [] });
    this.ledger.expect(ref, false);
    this.ledger.empty(ref);
  }

  /** Closes a pool without leased units; what it had left. */
  close(ref: PoolRef): UnitRuns {
    const bare = this.pools.get(poolKey(ref))?.bare.list() ?? [];
    this.pools.delete(poolKey(ref));
    return { coded: this.ledger.close(ref), bare };
  }

  add(ref: PoolRef, runs: UnitRuns): void {
    const waiting = this.mustGet(ref);
    for (const range of runs.bare) waiting.bare.add(range);
    if (runs.coded.length > 0) this.ledger.add(ref, runs.coded);
    this.poke(ref);
  }

  /** Units neither leased nor claimed. */
  free(ref: PoolRef): number {
    return this.ledger.stock(ref).free + (this.pools.get(poolKey(ref))?.bare.size ?? 0);
  }

  /** The same and those whose codes are being made right now, which cannot be taken at the moment. */
  unleased(ref: PoolRef): number {
    const making = this.pools.get(poolKey(ref))?.making ?? [];
    return this.free(ref) + making.reduce((sum, { from, to }) => sum + to - from, 0);
  }

  /** Units whose codes are still to be made, for the checker. */
  bare(ref: PoolRef): SerialRange[] {
    const waiting = this.pools.get(poolKey(ref));
    return waiting === undefined ? [] : [...waiting.bare.list(), ...waiting.making];
  }

  /** Takes exactly `units` out of a pool, those without codes first, or none. */
  take(ref: PoolRef, units: number): UnitRuns | null {
    if (this.free(ref) < units) return null;
    const waiting = this.mustGet(ref);
    const bare = waiting.bare.take(units);
    const left = units - bare.reduce((sum, { from, to }) => sum + to - from, 0);
    const coded = left === 0 ? [] : this.ledger.take(ref, left)!;
    this.poke(ref);
    return { coded, bare };
  }

  /** Makes more codes when the pool runs low. Cheap when there is nothing to do. */
  poke(ref: PoolRef): void {
    const waiting = this.pools.get(poolKey(ref));
    if (waiting === undefined) return;
    if (!waiting.filling) {
      this.ledger.expect(ref, waiting.bare.size > 0);
      if (waiting.bare.size > 0 && this.ledger.stock(ref).free < AHEAD_UNITS / 2)
        void this.fill(ref, waiting);
    }
  }

  private async fill(ref: PoolRef, waiting: Waiting): Promise<void> {
    waiting.filling = true;
    let units = TASK_UNITS_FIRST;
    try {
      for (;;) {
        const missing = AHEAD_UNITS - this.ledger.stock(ref).free;
        if (waiting.bare.size === 0 || missing <= 0) break;
        const ranges = waiting.bare.take(Math.min(units, missing));
        units = Math.min(units * 4, TASK_UNITS_MAX);
        waiting.making = ranges;
        try {
          for (const range of ranges) await this.makeCodes(ref.templateId, range);
        } catch (error) {
          for (const range of ranges) waiting.bare.add(range);
          throw error;
        } finally {
          waiting.making = [];
        }
        // A pool that was emptied meanwhile has no use for them. Whoever closes one waits until nothing is in the making.
        if (this.pools.get(poolKey(ref)) !== waiting) return;
        this.ledger.add(ref, ranges);
        this.onFilled(ref);
      }
    } catch (error) {
      this.onFailure(error);
      // Still counts as filling: whoever pokes meanwhile must not try again at once.
      await pause(RETRY_MS, undefined, { ref: false });
    } finally {
      waiting.filling = false;
      if (this.pools.get(poolKey(ref)) === waiting) this.ledger.expect(ref, waiting.bare.size > 0);
      this.onFilled(ref);
    }
  }

  /** Whether codes of this pool are being made right now: its units cannot be moved then. */
  isFilling(ref: PoolRef): boolean {
    return this.pools.get(poolKey(ref))?.filling ?? false;
  }

  private mustGet(ref: PoolRef): Waiting {
    const waiting = this.pools.get(poolKey(ref));
    if (waiting === undefined) throw new Error(`pool ${poolKey(ref)} is not open`);
    return waiting;
  }
}
