/**
 * Keeps this node's pools supplied from the ledger it shares with others (Redis): asks for units before they run out,
 * reports what was sold, gives back what others need. The upper of the two levels of leases; the lower one, from here
 * to the owners, is the lease desk's.
 *
 * One call per pool is on its way at a time, with a sequence number. When its outcome is not known it is sent again
 * just as it was, until the ledger has told; slices in hand are sold meanwhile.
 */
import { BackOff, type Clock, jittered } from '../cluster/clock.ts';
import { poolKey } from '../ledger/memory-ledger.ts';
import type { Logger } from '../logger.ts';
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
/** Longest pause before a seat is given up where that has not helped the last times. */
const RESEAT_MS_MAX = 30_000;
/** Notices may get lost: a pool that waits for other nodes' units looks again this often. */
const LOOK_AGAIN_MS = 60;
/** Pools without units that are asked about again at each look: a notice that they have some may have been lost. */
const EXHAUSTED_AT_ONCE = 4;
/** Units given back to be moved to another pool are not asked for again before they have been, at most for so long. */
const REST_MS = 200;
const NO_REST = 0;

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
  /** Of a pool that rests, which of its rests: no units are asked for until it has ended. */
  rest: number;
  owes: 'nothing' | 'half' | 'all';
  /** It takes no more claims, ever. */
  ended: boolean;
  /** Before its seat is given up once more, because something about it went wrong again. */
  readonly backOff: BackOff;
}

export interface StockSupplyOptions {
  readonly ledger: ShardLedger;
  readonly seats: ShardSeats;
  readonly stock: LocalStock;
  readonly clock: Clock;
  /** Whether owners' reports must be passed on: in `cluster` each commit has told the ledger already. */
  readonly reportsSales: boolean;
  readonly onLost: (seat: ShardSeat, detail: string) => void;
  /** The seat is not what this node takes it for. Whoever has to do with seats takes a new one. */
  readonly onFenced: (seat: ShardSeat) => void;
  readonly logger: Logger;
}

/** Stands in the place of a call where nothing may be asked before there is a new seat. */
const BARRED: Call = { sold: [], unsold: [], want: 0 };

export class StockSupply {
  private readonly options: StockSupplyOptions;
  private readonly pools = new Map<string, Pool>();
  private readonly waiting = new Set<Pool>();
  /** In turn, the one that was asked about longest ago first. */
  private readonly exhausted = new Set<Pool>();
  private stopped = false;
  private rests = NO_REST;
  /** Shards of which it was logged that the ledger does not answer. */
  private readonly silent = new Set<number>();

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
    const key = poolKey(ref);
    if (this.pools.has(key)) return;
    const backOff = new BackOff(this.options.clock, RETRY_MS_MIN, RESEAT_MS_MAX);
    const pool: Pool = { ref, ...blank(), backOff };
    this.pools.set(key, pool);
    this.pump(pool);
  }

  /** The pool has ended: what this node has of it goes back. */
  close(ref: PoolRef): void {
    const pool = this.pools.get(poolKey(ref));
    if (pool === undefined) return;
    pool.ended = true;
    this.enter(pool, 'closed');
    this.owe(pool, true);
  }

  /** Units may be there again, or more of them: ask. */
  look(ref: PoolRef): void {
    const pool = this.pools.get(poolKey(ref));
    if (pool === undefined || pool.ended) return;
    if (pool.state !== 'recalling') this.enter(pool, 'open');
    pool.news = true;
    // Nobody is told `sold_out` any more until the ledger has said so again.
    this.options.stock.newsOf(ref);
    this.pump(pool);
  }

  /** Called whenever the pool's local figures have changed. */
  changed(ref: PoolRef): void {
    const pool = this.pools.get(poolKey(ref));
    if (pool !== undefined) this.pump(pool);
  }

  sold(ref: PoolRef, ranges: readonly SerialRange[]): void {
    if (!this.options.reportsSales) return;
    const pool = this.pools.get(poolKey(ref));
    if (pool === undefined) return;
    pool.sold.push(...ranges);
    pool.soldUnits += unitsIn(ranges);
    // It may be the last of what the ledger still counts as unsold.
    if (pool.state === 'recalling') pool.news = true;
  }

  /** More units may still come from elsewhere. */
  mayCome(ref: PoolRef): boolean {
    const state = this.pools.get(poolKey(ref))?.state ?? 'closed';
    return state === 'open' || state === 'recalling';
  }

  /** Of a pool without units anywhere: the stream's position before which all its claims stand. */
  exhaustedAt(ref: PoolRef): number {
    return this.pools.get(poolKey(ref))?.head ?? 0;
  }

  /** The shard's ledger is about to be written anew: what was sold before this moment is no lease of this node there. */
  planned(shard: number): void {
    for (const pool of this.pools.values()) {
      if (shardOf(pool.ref.templateId) !== shard) continue;
      pool.sold = [];
      pool.soldUnits = 0;
    }
  }

  isAsking(ref: PoolRef): boolean {
    const call = this.pools.get(poolKey(ref))?.call ?? null;
    return call !== null && call.want > 0;
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
    const pool = this.pools.get(poolKey(notice.ref));
    if (pool === undefined) return;
    if (notice.kind === 'stock') this.look(notice.ref);
    else if (notice.kind === 'moved') this.endRest(pool);
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
    this.rests++;
    const rest = this.rests;
    pool.rest = rest;
    await this.options.clock.sleep(REST_MS);
    // Not by the clock: a timer may be early by it, and nobody would look again.
    if (pool.rest === rest) this.endRest(pool);
  }

  private endRest(pool: Pool): void {
    pool.rest = NO_REST;
    this.pump(pool);
  }

  /** Does what there is to do now. What goes wrong in that does not reach whoever happened to call. */
  private pump(pool: Pool): void {
    try {
      this.askOrTell(pool);
    } catch (error) {
      const seat = this.options.seats.of(pool.ref.templateId);
      if (seat !== null) void this.wentWrong(pool, seat, error);
    }
  }

  private askOrTell(pool: Pool): void {
    const { seats, stock } = this.options;
    if (pool.call !== null || seats.of(pool.ref.templateId) === null) return;
    const free = stock.free(pool.ref);
    let unsold: SerialRange[] = [];
    const wasAsked = pool.owes !== 'nothing';
    if (wasAsked) {
      unsold = stock.withdraw(pool.ref, pool.owes === 'all' ? free : Math.ceil(free / 2));
      // Who owes all owes also those whose codes are being made, and which cannot be withdrawn before they are.
      const isInHand = stock.leased(pool.ref) === 0;
      const isDone =
        pool.owes === 'half' ? unsold.length > 0 || isInHand : isInHand && unitsIn(unsold) === free;
      if (isDone) pool.owes = 'nothing';
    }
    const mayAsk = pool.rest === NO_REST && (pool.state === 'open' || (pool.state !== 'closed' && pool.news));
    const isLow = free < pool.low || (free === 0 && stock.isThirsty(pool.ref));
    const want = unsold.length === 0 && mayAsk && isLow ? WANT_UNITS : 0;
    // Whoever asks for units waits for those that cannot come as well, until they are known to be sold.
    const mustReport = pool.soldUnits >= (wasAsked ? 1 : REPORT_UNITS);
    if (want === 0 && unsold.length === 0 && !mustReport) return;
    pool.call = { sold: pool.sold, unsold, want };
    pool.sold = [];
    pool.soldUnits = 0;
    pool.news = false;
    pool.sequence++;
    void this.send(pool, pool.call, RETRY_MS_MIN);
  }

  /** Sends the pool's call, again and again until its outcome is known or its seat is gone. */
  private async send(pool: Pool, call: Call, retryMs: number): Promise<void> {
    const { ledger, seats, clock, logger } = this.options;
    const seat = seats.of(pool.ref.templateId);
    if (pool.call !== call || seat === null) return;
    let outcome: SupplyOutcome | Awaited<ReturnType<ShardLedger['giveBack']>>;
    try {
      outcome =
        call.want > 0
          ? await ledger.lease(seat, pool.ref, pool.sequence, call.sold, call.unsold, call.want)
          : await ledger.giveBack(seat, pool.ref, pool.sequence, call.sold, call.unsold);
    } catch (error) {
      // Unknown whether it happened. The ledger knows the sequence and tells what became of it.
      if (retryMs === RETRY_MS_MAX && !this.silent.has(seat.shard)) {
        this.silent.add(seat.shard);
        logger.warn(
          { err: error, shard: seat.shard },
          'the ledger does not answer; units in hand are sold meanwhile',
        );
      }
      await clock.sleep(jittered(clock, retryMs));
      void this.send(pool, call, Math.min(retryMs * 2, RETRY_MS_MAX));
      return;
    }
    if (this.silent.delete(seat.shard)) logger.info({ shard: seat.shard }, 'the ledger answers again');
    if (pool.call !== call || !seats.isCurrent(seat)) return;
    try {
      if ('version' in outcome) seats.saw(seat, outcome.version);
      this.settle(pool, seat, outcome);
    } catch (error) {
      await this.wentWrong(pool, seat, error);
    }
  }

  /**
   * What this node holds of the pool and what the ledger says do not go together. Nothing more is asked under this seat;
   * under the next one both begin anew. Where that does not help, seats are given up more and more rarely.
   */
  private async wentWrong(pool: Pool, seat: ShardSeat, error: unknown): Promise<void> {
    const { seats, clock, onFenced, logger } = this.options;
    pool.call = BARRED;
    logger.error(
      { err: error, templateId: pool.ref.templateId, activityId: pool.ref.activityId },
      'the units of a pool are not what the ledger has; its shard is taken anew',
    );
    await clock.sleep(pool.backOff.failed());
    if (!this.stopped && seats.isCurrent(seat)) onFenced(seat);
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
        throw new Error(
          `the ledger knows a later call for pool ${poolKey(pool.ref)} than this node has made`,
        );
      case 'done':
        break;
    }
    stock.newsOf(pool.ref);
    this.pump(pool);
    if (pool.call !== BARRED) pool.backOff.reset();
  }

  private enter(pool: Pool, state: Pool['state']): void {
    pool.state = state;
    if (state === 'recalling') this.waiting.add(pool);
    else this.waiting.delete(pool);
    if (state !== 'exhausted') this.exhausted.delete(pool);
    else this.exhausted.add(pool);
  }
}

function blank(): Omit<Pool, 'ref' | 'backOff'> {
  return {
    sequence: 0,
    call: null,
    sold: [],
    soldUnits: 0,
    state: 'open',
    head: 0,
    news: false,
    low: 1,
    rest: NO_REST,
    owes: 'nothing',
    ended: false,
  };
}
