/**
 * Keeps this node's pools supplied from the ledger it shares with others (Redis): asks for units before they run out,
 * reports what was sold, gives back what others need. The upper of the two levels of leases; the lower one, from here
 * to the owners, is the lease desk's.
 *
 * One call per pool is on its way at a time, with a sequence number. When its outcome is not known it is sent again
 * just as it was, until the ledger has told; slices in hand are sold meanwhile.
 */
import { type Clock, jittered } from '../cluster/clock.ts';
import type { PoolRef, SerialRange } from '../ports.ts';
import {
  type ShardLedger,
  type ShardNotice,
  type ShardSeat,
  type SupplyOutcome,
  shardOf,
} from '../ports-ledger.ts';
import type { ShardSeats } from './shard-seats.ts';
import { unitsIn } from './stock-figures.ts';

/** The most units asked for at once. */
const WANT_UNITS = 65_536;
/** Sold units are reported with the next call, or alone once there are so many. */
const REPORT_UNITS = 16_384;
const RETRY_MS_MIN = 50;
const RETRY_MS_MAX = 1_000;
/** Notices may get lost: a pool that waits for other nodes' units looks again this often. */
const LOOK_AGAIN_MS = 60;
/** Pools without units that are asked about again at each look: a notice that they have some may have been lost. */
const EXHAUSTED_AT_ONCE = 4;
/** Units given back because they are to be moved to another pool are not asked for again so soon, or they never could be. */
const REST_MS = 200;

/** The lower level, as this one sees it. */
export interface LocalStock {
  /** Units neither claimed nor in an owner's slice, those included whose codes are being made. */
  free(ref: PoolRef): number;
  /** Units in owners' slices, as far as their owners have reported. */
  leased(ref: PoolRef): number;
  /** Somebody waits for units. */
  isThirsty(ref: PoolRef): boolean;
  supply(ref: PoolRef, ranges: readonly SerialRange[]): void;
  /** Takes up to `units` free units out. */
  withdraw(ref: PoolRef, units: number): SerialRange[];
  /** Asks the owners for some of what they hold, or for all of it. */
  recall(ref: PoolRef, all: boolean): void;
  /** What is known of the pool beyond this node has changed. */
  newsOf(ref: PoolRef): void;
}

interface Call {
  readonly sold: readonly SerialRange[];
  readonly unsold: readonly SerialRange[];
  readonly want: number;
}

interface Pool {
  readonly ref: PoolRef;
  sequence: number;
  call: Call | null;
  sold: SerialRange[];
  soldUnits: number;
  state: 'open' | 'recalling' | 'exhausted' | 'closed';
  /** Of `exhausted`: all claims of the pool stand before this position of the shard's stream. */
  head: number;
  /** Something has changed since the ledger had nothing. */
  news: boolean;
  /** Ask for more below this many free units. */
  low: number;
  /** No units are asked for before. */
  restUntilMs: number;
  owes: 'nothing' | 'half' | 'all';
  /** It takes no more claims, ever. */
  ended: boolean;
}

export interface StockSupplyOptions {
  readonly ledger: ShardLedger;
  readonly seats: ShardSeats;
  readonly stock: LocalStock;
  readonly clock: Clock;
  /** Whether owners' reports must be passed on: in `cluster` each commit has told the ledger already. */
  readonly reportsSales: boolean;
  readonly onLost: (seat: ShardSeat, detail: string) => void;
  readonly onFenced: (seat: ShardSeat) => void;
}

export class StockSupply {
  private readonly options: StockSupplyOptions;
  private readonly pools = new Map<string, Pool>();
  private readonly waiting = new Set<Pool>();
  /** In turn, the one that was asked about longest ago first. */
  private readonly exhausted = new Set<Pool>();
  private stopped = false;

  constructor(options: StockSupplyOptions) {
    this.options = options;
    options.ledger.onNotice((notice) => this.notice(notice));
    void this.watch();
  }

  private async watch(): Promise<void> {
    const { clock, stock } = this.options;
    while (!this.stopped) {
      await clock.sleep(jittered(clock, LOOK_AGAIN_MS));
      for (const pool of this.waiting) {
        if (pool.call !== null || !stock.isThirsty(pool.ref)) continue;
        pool.news = true;
        this.pump(pool);
      }
      // It goes on being told that these are sold out until the ledger says otherwise.
      for (const pool of [...this.exhausted].slice(0, EXHAUSTED_AT_ONCE)) {
        this.exhausted.delete(pool);
        this.exhausted.add(pool);
        if (pool.call !== null || pool.ended) continue;
        pool.news = true;
        this.pump(pool);
      }
    }
  }

  /** The pool takes claims on this node from now on. */
  open(ref: PoolRef): void {
    const key = keyOf(ref);
    if (this.pools.has(key)) return;
    const pool: Pool = { ref, ...blank() };
    this.pools.set(key, pool);
    this.pump(pool);
  }

  /** The pool has ended: what this node has of it goes back. */
  close(ref: PoolRef): void {
    const pool = this.pools.get(keyOf(ref));
    if (pool === undefined) return;
    pool.ended = true;
    this.enter(pool, 'closed');
    this.owe(pool, true);
  }

  /** Units may be there again, or more of them: ask. */
  look(ref: PoolRef): void {
    const pool = this.pools.get(keyOf(ref));
    if (pool === undefined || pool.ended) return;
    if (pool.state !== 'recalling') this.enter(pool, 'open');
    pool.news = true;
    // Nobody is told `sold_out` any more until the ledger has said so again.
    this.options.stock.newsOf(ref);
    this.pump(pool);
  }

  /** Called whenever the pool's local figures have changed. */
  changed(ref: PoolRef): void {
    const pool = this.pools.get(keyOf(ref));
    if (pool !== undefined) this.pump(pool);
  }

  sold(ref: PoolRef, ranges: readonly SerialRange[]): void {
    if (!this.options.reportsSales) return;
    const pool = this.pools.get(keyOf(ref));
    if (pool === undefined) return;
    pool.sold.push(...ranges);
    pool.soldUnits += unitsIn(ranges);
    // It may be the last of what the ledger still counts as unsold.
    if (pool.state === 'recalling') pool.news = true;
  }

  /** More units may still come from elsewhere. */
  mayCome(ref: PoolRef): boolean {
    const state = this.pools.get(keyOf(ref))?.state ?? 'closed';
    return state === 'open' || state === 'recalling';
  }

  /** Of a pool without units anywhere: the stream's position before which all its claims stand. */
  exhaustedAt(ref: PoolRef): number {
    return this.pools.get(keyOf(ref))?.head ?? 0;
  }

  /** The shard's ledger is about to be written anew: what was sold before this moment is no lease of this node there. */
  planned(shard: number): void {
    for (const pool of this.pools.values()) {
      if (shardOf(pool.ref.templateId) !== shard) continue;
      pool.sold = [];
      pool.soldUnits = 0;
    }
  }

  /** The shard has a new seat: nothing that was asked under an older one counts. What was on its way is in nobody's hands. */
  reseated(shard: number): void {
    for (const pool of this.pools.values()) {
      if (shardOf(pool.ref.templateId) !== shard) continue;
      const { ended, sold, soldUnits } = pool;
      // What was sold meanwhile is still to be told.
      const fresh = ended ? { state: 'closed', owes: 'all' } : { state: 'open' };
      Object.assign(pool, blank(), fresh, { ended, sold, soldUnits });
      this.waiting.delete(pool);
      this.exhausted.delete(pool);
      this.options.stock.newsOf(pool.ref);
      this.pump(pool);
    }
  }

  /** Gives everything that is free back; resolves when the ledger has it all, or does not take it. */
  async giveAllBack(): Promise<void> {
    this.stopped = true;
    const { ledger, seats, stock } = this.options;
    await Promise.allSettled(
      [...this.pools.values()].map(async (pool) => {
        const seat = seats.of(pool.ref.templateId);
        if (seat === null || pool.call !== null) return;
        const unsold = stock.withdraw(pool.ref, stock.free(pool.ref));
        if (unsold.length === 0 && pool.sold.length === 0) return;
        await ledger.giveBack(seat, pool.ref, ++pool.sequence, pool.sold, unsold);
      }),
    );
  }

  stop(): void {
    this.stopped = true;
  }

  private notice(notice: ShardNotice): void {
    if (notice.kind === 'head') return;
    const pool = this.pools.get(keyOf(notice.ref));
    if (pool === undefined) return;
    if (notice.kind === 'stock') this.look(notice.ref);
    // Also of a pool that waits for units itself: its owners ask ahead of need, and may still have some.
    else this.owe(pool, notice.all);
  }

  private owe(pool: Pool, all: boolean): void {
    if (pool.owes !== 'all') pool.owes = all ? 'all' : 'half';
    const { stock } = this.options;
    // Who gives asks for more only when owners find nothing: the last units would go round between idle nodes.
    if (stock.free(pool.ref) + stock.leased(pool.ref) > 0) pool.low = 0;
    if (all && !pool.ended) void this.rest(pool);
    stock.recall(pool.ref, all);
    this.pump(pool);
  }

  private async rest(pool: Pool): Promise<void> {
    const { clock } = this.options;
    pool.restUntilMs = clock.nowMs() + REST_MS;
    await clock.sleep(REST_MS);
    this.pump(pool);
  }

  private pump(pool: Pool): void {
    const { seats, stock, clock } = this.options;
    if (pool.call !== null || seats.of(pool.ref.templateId) === null) return;
    const free = stock.free(pool.ref);
    let unsold: SerialRange[] = [];
    if (pool.owes !== 'nothing') {
      unsold = stock.withdraw(pool.ref, pool.owes === 'all' ? free : Math.ceil(free / 2));
      if (
        pool.owes === 'half'
          ? unsold.length > 0 || stock.leased(pool.ref) === 0
          : stock.leased(pool.ref) === 0
      )
        pool.owes = 'nothing';
    }
    const mayAsk =
      (pool.state === 'open' || (pool.state !== 'closed' && pool.news)) && clock.nowMs() >= pool.restUntilMs;
    const isLow = free < pool.low || (free === 0 && stock.isThirsty(pool.ref));
    const want = unsold.length === 0 && mayAsk && isLow ? WANT_UNITS : 0;
    if (want === 0 && unsold.length === 0 && pool.soldUnits < REPORT_UNITS) return;
    pool.call = { sold: pool.sold, unsold, want };
    pool.sold = [];
    pool.soldUnits = 0;
    pool.news = false;
    pool.sequence++;
    void this.send(pool, pool.call, RETRY_MS_MIN);
  }

  /** Sends the pool's call, again and again until its outcome is known or its seat is gone. */
  private async send(pool: Pool, call: Call, retryMs: number): Promise<void> {
    const { ledger, seats, clock } = this.options;
    const seat = seats.of(pool.ref.templateId);
    if (pool.call !== call || seat === null) return;
    let outcome: SupplyOutcome | Awaited<ReturnType<ShardLedger['giveBack']>>;
    try {
      outcome =
        call.want > 0
          ? await ledger.lease(seat, pool.ref, pool.sequence, call.sold, call.unsold, call.want)
          : await ledger.giveBack(seat, pool.ref, pool.sequence, call.sold, call.unsold);
    } catch {
      // Unknown whether it happened. The ledger knows the sequence and tells what became of it.
      await clock.sleep(jittered(clock, retryMs));
      void this.send(pool, call, Math.min(retryMs * 2, RETRY_MS_MAX));
      return;
    }
    if (pool.call !== call || !seats.isCurrent(seat)) return;
    if ('version' in outcome) seats.saw(seat, outcome.version);
    this.settle(pool, seat, outcome);
  }

  private settle(pool: Pool, seat: ShardSeat, outcome: SupplyOutcome | { readonly kind: 'done' }): void {
    const { stock, onLost, onFenced } = this.options;
    if (outcome.kind === 'lost' || outcome.kind === 'fenced') {
      // The call stays: a new seat clears it.
      if (outcome.kind === 'lost') onLost(seat, outcome.detail);
      else onFenced(seat);
      return;
    }
    pool.call = null;
    switch (outcome.kind) {
      case 'granted': {
        pool.low = Math.max(1, unitsIn(outcome.ranges) >>> 1);
        this.enter(pool, 'open');
        stock.supply(pool.ref, outcome.ranges);
        break;
      }
      case 'recalling':
        this.enter(pool, 'recalling');
        stock.recall(pool.ref, false);
        break;
      case 'exhausted':
        pool.head = outcome.head;
        this.enter(pool, 'exhausted');
        break;
      case 'closed':
        this.enter(pool, 'closed');
        break;
      case 'late':
        throw new Error(`the ledger knows a later call for pool ${keyOf(pool.ref)} than this node has made`);
      case 'done':
        break;
    }
    stock.newsOf(pool.ref);
    this.pump(pool);
  }

  private enter(pool: Pool, state: Pool['state']): void {
    pool.state = state;
    if (state === 'recalling') this.waiting.add(pool);
    else this.waiting.delete(pool);
    if (state !== 'exhausted') this.exhausted.delete(pool);
    else this.exhausted.add(pool);
  }
}

function blank(): Omit<Pool, 'ref'> {
  return {
    sequence: 0,
    call: null,
    sold: [],
    soldUnits: 0,
    state: 'open',
    head: 0,
    news: false,
    low: 1,
    restUntilMs: 0,
    owes: 'nothing',
    ended: false,
  };
}

function keyOf(ref: PoolRef): string {
  return `${ref.templateId}/${ref.activityId}`;
}
