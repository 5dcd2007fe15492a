/**
 * The ledger's counter: owners' lease messages in, outcomes and recalls out, and the pools' sold-out marks kept in step.
 * Also moves units between a template's general pool and its activities, which may take recalls and so some time.
 */
import type { PoolView, TemplateView } from '../claims/template-view.ts';
import { MemoryLedger, poolKey } from '../ledger/memory-ledger.ts';
import { POOLS_PATIENCE_MS } from '../limits.ts';
import type { Holder, LeaseOutcome, PoolRef, SerialRange } from '../ports.ts';
import type { ToOwner } from '../workers/owner-messages.ts';
import { StockKeeper, type UnitRuns } from './stock-keeper.ts';
import type { LocalStock } from './stock-supply.ts';

export interface LeaseDeskOptions {
  readonly send: (owner: number, message: ToOwner) => void;
  readonly template: (templateId: number) => TemplateView | undefined;
  readonly makeCodes: (templateId: number, range: SerialRange) => Promise<void>;
  readonly onFailure: (error: unknown) => void;
}

/** What became of gathering units. */
export type Gathered =
  | { readonly kind: 'taken'; readonly runs: UnitRuns }
  /** The pool has no more than these, and nobody holds any of it. */
  | { readonly kind: 'short'; readonly unsold: number }
  /** Those who hold units of the pool, or make codes for it, did not answer in time: how many there are is not known. */
  | { readonly kind: 'late' };

/** Where units come from and go to beyond this process. */
export interface Upstream {
  mayCome(ref: PoolRef): boolean;
  sold(ref: PoolRef, ranges: readonly SerialRange[]): void;
  changed(ref: PoolRef): void;
  exhaustedAt(ref: PoolRef): number;
  /** It has not been told yet whether there are units for this process. */
  isAsking(ref: PoolRef): boolean;
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
  /** By pool, and called when that has changed: at a start every pool has one. */
  private readonly waiters = new Map<string, Set<() => void>>();

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
    // Of a closed pool it is a report that comes late: its sender's lease was ended, and what it had sold was told then.
    if (outcome.kind !== 'fenced' && outcome.kind !== 'closed') this.upstream?.sold(ref, sold);
    const told: LeaseOutcome =
      outcome.kind === 'exhausted' && this.upstream !== null
        ? { kind: 'exhausted', head: this.upstream.exhaustedAt(ref) }
        : outcome;
    // Before the owner is told: who is answered by it then may hear that nothing is left.
    const pool = this.view(ref);
    if (outcome.kind === 'exhausted' && pool !== undefined) this.judge(pool, ref, true);
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
      pool.mark(pool.soldOut, true);
      this.unsettled.delete(pool);
    }
  }

  /** Whether there is anything for `settle` to look at. */
  get isUnsettled(): boolean {
    return this.unsettled.size > 0;
  }

  /** What is known here of who claimed what has become less. */
  unsettle(): void {
    for (const { ref } of this.ledger.snapshot()) {
      const pool = this.view(ref);
      if (pool?.soldOut) this.judge(pool, ref, true);
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

  /**
   * Resolves when a claim of the pool need not wait for codes: units are free or in slices, or it is known that there
   * are none for this process now. False when that was not so in time.
   */
  async stocked(ref: PoolRef): Promise<boolean> {
    return (await this.until(ref, () => this.isStocked(ref) || null)) ?? false;
  }

  /** The same as of now. */
  isStocked(ref: PoolRef): boolean {
    const { free, leased } = this.ledger.stock(ref);
    if (free + leased > 0 || !this.ledger.isOpen(ref)) return true;
    return !this.keeper.isFilling(ref) && (this.upstream === null || !this.upstream.isAsking(ref));
  }

  /** Units with codes that nobody holds. */
  leasable(ref: PoolRef): number {
    return this.ledger.stock(ref).free;
  }

  // ------------------------------------------------------------ between pools of this process

  /**
   * Takes `units` out of a pool, or where there are not so many as many as there are, but no fewer than `least`. Recalls
   * leases when the free ones do not suffice.
   */
  async gather(ref: PoolRef, units: number, least = units): Promise<Gathered> {
    const { keeper, ledger } = this;
    let isHeld = false;
    const gathered = await this.until(ref, (): Gathered | null => {
      const free = keeper.free(ref);
      // Also later, when owners have leased meanwhile what was free at first.
      if (free < units && !isHeld) {
        isHeld = true;
        ledger.hold(ref, true);
      }
      if (keeper.isFilling(ref) || (free < units && ledger.stock(ref).leased > 0)) return null;
      if (free < least) return { kind: 'short', unsold: free };
      return { kind: 'taken', runs: keeper.take(ref, Math.min(units, free))! };
    });
    if (isHeld) ledger.hold(ref, false);
    this.changed(ref);
    return gathered ?? { kind: 'late' };
  }

  /** Closes a pool once all its leases have come back; what it had left. Rejects when they do not. */
  async shut(ref: PoolRef): Promise<UnitRuns> {
    if (!this.ledger.isOpen(ref)) return { coded: [], bare: [] };
    this.ledger.hold(ref, true);
    const left = await this.until(ref, () => {
      if (this.keeper.isFilling(ref) || this.ledger.stock(ref).leased > 0) return null;
      return this.keeper.close(ref);
    });
    if (left !== null) return left;
    this.ledger.hold(ref, false);
    throw new Error(`units of template ${ref.templateId} activity ${ref.activityId} are still held`);
  }

  /**
   * Attempts something now and at every change of the pool, until it is done; null when it was not in time. The attempt acts itself:
   * what it finds holds at that moment only, and whoever waits for the promise comes later.
   */
  private until<T>(ref: PoolRef, attempt: () => T | null): Promise<T | null> {
    const done = attempt();
    if (done !== null) return Promise.resolve(done);
    const key = poolKey(ref);
    const waiters = this.waiters.get(key) ?? new Set();
    this.waiters.set(key, waiters);
    return new Promise((resolve) => {
      const end = (outcome: T | null): void => {
        clearTimeout(timer);
        waiters.delete(check);
        if (waiters.size === 0 && this.waiters.get(key) === waiters) this.waiters.delete(key);
        resolve(outcome);
      };
      const timer = setTimeout(end, POOLS_PATIENCE_MS, null);
      const check = (): void => {
        const outcome = attempt();
        if (outcome !== null) end(outcome);
      };
      waiters.add(check);
    });
  }

  private changed(ref: PoolRef): void {
    this.keeper.poke(ref);
    if (this.upstream !== null && this.ledger.isOpen(ref)) {
      this.ledger.seek(ref, this.upstream.mayCome(ref));
      this.upstream.changed(ref);
    }
    const pool = this.view(ref);
    if (pool !== undefined) this.judge(pool, ref, this.ledger.isExhausted(ref));
    for (const check of [...(this.waiters.get(poolKey(ref)) ?? [])]) check();
  }

  private view(ref: PoolRef): PoolView | undefined {
    return this.options.template(ref.templateId)?.pools.get(ref.activityId);
  }

  private judge(pool: PoolView, ref: PoolRef, soldOut: boolean): void {
    const settled = soldOut && this.isSettled(ref);
    pool.mark(soldOut, settled);
    if (soldOut && !settled) this.unsettled.set(pool, ref);
    else this.unsettled.delete(pool);
  }
}
