/**
 * The ledger's counter: owners' lease messages in, outcomes and recalls out, and the pools' sold-out marks kept in step.
 * Also moves units between a template's general pool and its activities, which may take recalls and so some time.
 */
import type { PoolView, TemplateView } from '../claims/template-view.ts';
import { MemoryLedger } from '../ledger/memory-ledger.ts';
import type { Holder, LeaseOutcome, PoolRef, SerialRange } from '../ports.ts';
import type { ToOwner } from '../workers/owner-messages.ts';
import { StockKeeper, type UnitRuns } from './stock-keeper.ts';
import type { LocalStock } from './stock-supply.ts';

/** Longest to wait for units that others hold, before a change of pools is given up. */
const GATHER_MS = 5_000;

export interface LeaseDeskOptions {
  readonly send: (owner: number, message: ToOwner) => void;
  readonly template: (templateId: number) => TemplateView | undefined;
  readonly makeCodes: (templateId: number, range: SerialRange) => Promise<void>;
  readonly onFailure: (error: unknown) => void;
}

/** Where units come from and go to beyond this process. */
export interface Upstream {
  mayCome(ref: PoolRef): boolean;
  sold(ref: PoolRef, ranges: readonly SerialRange[]): void;
  changed(ref: PoolRef): void;
  exhaustedAt(ref: PoolRef): number;
}

export class LeaseDesk implements LocalStock {
  readonly ledger: MemoryLedger;
  readonly keeper: StockKeeper;
  /** null: all units are here. */
  upstream: Upstream | null = null;
  /** Of a pool without units: whether everybody who claimed one is known in this process. */
  isSettled: (ref: PoolRef) => boolean = () => true;
  private readonly unsettled = new Map<PoolView, PoolRef>();
  private readonly options: LeaseDeskOptions;
  private waiters: (() => void)[] = [];

  constructor(options: LeaseDeskOptions) {
    this.options = options;
    this.ledger = new MemoryLedger({
      recall: (ref, { owner, partition }, all) =>
        options.send(owner, { kind: 'recall', ref, partition, all }),
      replenished: (ref, { owner, partition }) =>
        options.send(owner, { kind: 'replenished', ref, partition }),
    });
    this.keeper = new StockKeeper(this.ledger, options.makeCodes, options.onFailure, (ref) =>
      this.changed(ref),
    );
  }

  lease(ref: PoolRef, holder: Holder, epoch: number, sold: readonly SerialRange[]): void {
    const outcome: LeaseOutcome = this.ledger.lease(ref, holder, epoch, sold);
    if (outcome.kind !== 'fenced') this.upstream?.sold(ref, sold);
    const told: LeaseOutcome =
      outcome.kind === 'exhausted' && this.upstream !== null
        ? { kind: 'exhausted', head: this.upstream.exhaustedAt(ref) }
        : outcome;
    this.options.send(holder.owner, { kind: 'lease', ref, partition: holder.partition, outcome: told });
    this.changed(ref);
  }

  giveBack(
    ref: PoolRef,
    holder: Holder,
    epoch: number,
    sold: readonly SerialRange[],
    unsold: readonly SerialRange[],
  ): void {
    // A past epoch is refused whole; whoever held it is gone or will learn it from its next lease.
    if (this.ledger.giveBack(ref, holder, epoch, sold, unsold)) this.upstream?.sold(ref, sold);
    this.changed(ref);
  }

  /** The owner is gone and its log is sealed: what it had not sold is free again. */
  reclaim(owner: number): void {
    this.ledger.reclaim(
      owner,
      (templateId, serial) => this.options.template(templateId)!.units.isClaimed(serial),
      (ref, unit) => this.upstream?.sold(ref, [unit]),
    );
    for (const { ref } of this.ledger.snapshot()) this.changed(ref);
  }

  open(ref: PoolRef, runs: UnitRuns): void {
    this.keeper.open(ref, runs);
    this.changed(ref);
  }

  add(ref: PoolRef, runs: UnitRuns): void {
    this.keeper.add(ref, runs);
    this.changed(ref);
  }

  // ------------------------------------------------------------ what stock-supply.ts sees

  free(ref: PoolRef): number {
    return this.keeper.unleased(ref);
  }

  leased(ref: PoolRef): number {
    return this.ledger.stock(ref).leased;
  }

  isThirsty(ref: PoolRef): boolean {
    return this.ledger.isThirsty(ref);
  }

  supply(ref: PoolRef, ranges: readonly SerialRange[]): void {
    this.add(ref, { coded: [], bare: ranges });
  }

  withdraw(ref: PoolRef, units: number): SerialRange[] {
    const n = Math.min(units, this.keeper.free(ref));
    if (n === 0) return [];
    const { coded, bare } = this.keeper.take(ref, n)!;
    return [...bare, ...coded];
  }

  recall(ref: PoolRef, all: boolean): void {
    this.ledger.recall(ref, all);
  }

  /** To be called every now and then: pools whose last claims have come in meanwhile can be answered for here. */
  settle(): void {
    for (const [pool, ref] of this.unsettled) {
      if (!this.isSettled(ref)) continue;
      pool.settled = pool.soldOut;
      this.unsettled.delete(pool);
    }
  }

  /** What is known here of who claimed what has become less. */
  unsettle(): void {
    for (const { ref } of this.ledger.snapshot()) {
      const pool = this.view(ref);
      if (pool?.soldOut) this.judge(pool, ref);
    }
  }

  newsOf(ref: PoolRef): void {
    this.changed(ref);
  }

  /** Everything of the pool in this process is somebody else's from now on. */
  empty(ref: PoolRef): void {
    this.keeper.empty(ref);
    this.changed(ref);
  }

  // ------------------------------------------------------------ between pools of this process

  /** Units of a pool that are not claimed: free or in slices. */
  unclaimed(ref: PoolRef): number {
    return this.keeper.free(ref) + this.ledger.stock(ref).leased;
  }

  /**
   * Takes `units` out of a pool, recalling leases when the free ones do not suffice. Null when there are not so many,
   * or their holders did not give them back in time.
   */
  async gather(ref: PoolRef, units: number): Promise<UnitRuns | null> {
    if (this.keeper.free(ref) < units || this.keeper.isFilling(ref)) {
      const all = units >= this.unclaimed(ref) || this.keeper.free(ref) < units;
      if (all) this.ledger.hold(ref, true);
      await this.until(
        () =>
          !this.keeper.isFilling(ref) &&
          (this.keeper.free(ref) >= units || this.ledger.stock(ref).leased === 0),
      );
    }
    const runs = this.keeper.isFilling(ref) ? null : this.keeper.take(ref, units);
    this.ledger.hold(ref, false);
    this.changed(ref);
    return runs;
  }

  /** Closes a pool once all its leases have come back; what it had left. Rejects when they do not. */
  async shut(ref: PoolRef): Promise<UnitRuns> {
    if (!this.ledger.isOpen(ref)) return { coded: [], bare: [] };
    this.ledger.hold(ref, true);
    const came = await this.until(() => !this.keeper.isFilling(ref) && this.ledger.stock(ref).leased === 0);
    if (!came) {
      this.ledger.hold(ref, false);
      throw new Error(`units of template ${ref.templateId} activity ${ref.activityId} are still held`);
    }
    return this.keeper.close(ref);
  }

  /** Waits for a condition on the ledger; false when it did not come in time. */
  private until(condition: () => boolean): Promise<boolean> {
    if (condition()) return Promise.resolve(true);
    return new Promise((resolve) => {
      const timer = setTimeout(() => {
        this.waiters = this.waiters.filter((waiter) => waiter !== check);
        resolve(false);
      }, GATHER_MS);
      const check = (): void => {
        if (!condition()) return;
        clearTimeout(timer);
        this.waiters = this.waiters.filter((waiter) => waiter !== check);
        resolve(true);
      };
      this.waiters.push(check);
    });
  }

  private changed(ref: PoolRef): void {
    this.keeper.poke(ref);
    if (this.upstream !== null && this.ledger.isOpen(ref)) {
      this.ledger.seek(ref, this.upstream.mayCome(ref));
      this.upstream.changed(ref);
    }
    const pool = this.view(ref);
    if (pool !== undefined) {
      pool.soldOut = this.ledger.isExhausted(ref);
      this.judge(pool, ref);
    }
    for (const check of [...this.waiters]) check();
  }

  private view(ref: PoolRef): PoolView | undefined {
    return this.options.template(ref.templateId)?.pools.get(ref.activityId);
  }

  private judge(pool: PoolView, ref: PoolRef): void {
    pool.settled = pool.soldOut && this.isSettled(ref);
    if (pool.soldOut && !pool.settled) this.unsettled.set(pool, ref);
    else this.unsettled.delete(pool);
  }
}
