/** Nodes that are supplied from a modelled ledger in virtual time; of owners they have only what they hold and sell. */
import assert from 'node:assert/strict';
import pino from 'pino';
import { ShardSeats } from '../../src/engine/shard-seats.ts';
import { type LocalStock, StockSupply } from '../../src/engine/stock-supply.ts';
import type { PoolRef, SerialRange } from '../../src/ports.ts';
import { type ShardLedger, type ShardNotice, type ShardSeat, shardOf } from '../../src/ports-ledger.ts';
import { ModelServer } from '../cluster/model-ledger.ts';
import { VirtualClock } from '../cluster/virtual-clock.ts';
import { rangesOf, serialsOf } from '../ledger/model/shard-data.ts';
import type { ShardModel } from '../ledger/model/shard-model.ts';

export const TEMPLATE = 5;
export const GENERAL: PoolRef = { templateId: TEMPLATE, activityId: 0 };
export const ACTIVITY: PoolRef = { templateId: TEMPLATE, activityId: 8 };
export const SHARD = shardOf(TEMPLATE);
const LONG_MS = 1_000_000_000;
/** One way to the ledger. */
const LATENCY_MS = 0.5;

export type Fault = 'none' | 'away' | 'answer lost';

/** Units of a pool in one process. */
interface Here {
  free: number[];
  /** Their codes are being made: free, and not to be withdrawn. */
  making: number[];
  /** In owners' slices. */
  held: number[];
  thirsty: boolean;
}

export class SupplyNode implements LocalStock {
  readonly seats = new ShardSeats();
  readonly upper: StockSupply;
  /** What the ledger was asked: pool, sequence, units wanted. */
  readonly calls: { readonly activityId: number; readonly sequence: number; readonly want: number }[] = [];
  readonly recalls: boolean[] = [];
  readonly lost: string[] = [];
  readonly said: string[] = [];
  fault: Fault = 'none';
  news = 0;
  private readonly name: string;
  private readonly market: SupplyMarket;
  private readonly pools = new Map<number, Here>();
  private joins = 0;

  constructor(market: SupplyMarket, name: string, reportsSales: boolean) {
    this.market = market;
    this.name = name;
    this.upper = new StockSupply({
      ledger: this.ledger(market.server.ledger(() => false)),
      seats: this.seats,
      stock: this,
      clock: market.clock,
      reportsSales,
      onLost: (_seat, detail) => this.lost.push(detail),
      onFenced: () => this.lost.push('fenced'),
      logger: pino(
        { level: 'info' },
        { write: (line) => this.said.push((JSON.parse(line) as { msg: string }).msg) },
      ),
    });
    this.sit();
  }

  /** Takes a seat, or a new one; what was here under the last one is somebody else's. */
  sit(): void {
    const stamp = { shard: SHARD, incarnation: 1, version: 0 };
    const joined = this.market.model.join(stamp, this.name, `${++this.joins}`, LONG_MS);
    assert(joined.kind === 'joined');
    this.pools.clear();
    this.seats.open({ ...stamp, nodeId: this.name, epoch: joined.epoch });
    this.upper.reseated(SHARD);
  }

  private ledger(real: ShardLedger): ShardLedger {
    const through = async <T>(call: () => Promise<T>): Promise<T> => {
      await this.market.clock.sleep(LATENCY_MS);
      if (this.fault === 'away') throw new Error('the ledger is away');
      const answer = await call();
      this.market.tell();
      await this.market.clock.sleep(LATENCY_MS);
      if (this.fault === 'answer lost') throw new Error('the connection was lost');
      return answer;
    };
    return {
      ...real,
      lease: (seat: ShardSeat, { activityId }: PoolRef, sequence, sold, unsold, want) => {
        this.calls.push({ activityId, sequence, want });
        return through(() =>
          real.lease(seat, { templateId: TEMPLATE, activityId }, sequence, sold, unsold, want),
        );
      },
      giveBack: (seat: ShardSeat, { activityId }: PoolRef, sequence, sold, unsold) => {
        this.calls.push({ activityId, sequence, want: 0 });
        return through(() =>
          real.giveBack(seat, { templateId: TEMPLATE, activityId }, sequence, sold, unsold),
        );
      },
      onNotice: (listener) => this.market.listeners.push(listener),
    };
  }

  here({ activityId }: PoolRef): Here {
    const here = this.pools.get(activityId) ?? { free: [], making: [], held: [], thirsty: false };
    this.pools.set(activityId, here);
    return here;
  }

  // ---- what owners do

  /** Owners take units, or wait for them. */
  take(ref: PoolRef, units: number): void {
    const here = this.here(ref);
    const taken = here.free.splice(0, units);
    here.held.push(...taken);
    here.thirsty = taken.length < units;
    this.upper.changed(ref);
  }

  /** Owners sell of what they hold. */
  sell(ref: PoolRef, units: number): void {
    const here = this.here(ref);
    const sold = rangesOf(here.held.splice(0, units));
    this.upper.sold(ref, sold);
    this.upper.changed(ref);
  }

  /** What is free waits for its codes, until the returned function is called. */
  makeCodes(ref: PoolRef): () => void {
    const here = this.here(ref);
    here.making.push(...here.free.splice(0));
    return () => {
      here.free.push(...here.making.splice(0));
      this.upper.changed(ref);
    };
  }

  /** Owners give all they hold back. */
  putBack(ref: PoolRef): void {
    const here = this.here(ref);
    here.free.push(...here.held.splice(0));
    this.upper.changed(ref);
  }

  // ---- LocalStock

  free(ref: PoolRef): number {
    const { free, making } = this.here(ref);
    return free.length + making.length;
  }

  leased(ref: PoolRef): number {
    return this.here(ref).held.length;
  }

  isThirsty(ref: PoolRef): boolean {
    return this.here(ref).thirsty;
  }

  supply(ref: PoolRef, ranges: readonly SerialRange[]): void {
    this.here(ref).free.push(...serialsOf(ranges));
  }

  withdraw(ref: PoolRef, units: number): SerialRange[] {
    return rangesOf(this.here(ref).free.splice(0, units));
  }

  recall(_ref: PoolRef, all: boolean): void {
    this.recalls.push(all);
  }

  newsOf(_ref: PoolRef): void {
    this.news++;
  }
}

export interface SupplyOptions {
  readonly ofActivity?: number;
  /** Units of the general pool that the first node's owners hold from the start. */
  readonly held?: number;
  readonly reportsSales?: boolean;
  readonly timersEarlyMs?: number;
}

export class SupplyMarket {
  readonly clock: VirtualClock;
  readonly server: ModelServer;
  readonly listeners: ((notice: ShardNotice) => void)[] = [];
  readonly nodes: SupplyNode[];
  readonly model: ShardModel;
  private isDeaf = false;

  constructor(
    names: readonly string[],
    units: number,
    { ofActivity = 0, held = 0, reportsSales = true, timersEarlyMs = 0 }: SupplyOptions = {},
  ) {
    this.clock = new VirtualClock(timersEarlyMs);
    this.server = new ModelServer(this.clock);
    this.model = this.server.of(SHARD);
    const general = units - ofActivity;
    const leased = held === 0 ? [] : [{ nodeId: names[0], ranges: run(0, held) }];
    this.model.open(
      1,
      [
        { ref: GENERAL, units, closed: false, free: run(held, general), leased },
        { ref: ACTIVITY, units: ofActivity, closed: false, free: run(general, units), leased: [] },
      ],
      [],
    );
    this.nodes = names.map((name) => new SupplyNode(this, name, reportsSales));
    this.nodes[0].here(GENERAL).held.push(...serialsOf(run(0, held)));
  }

  /** Lets time pass; `isDeaf`: what nodes are told meanwhile gets lost. */
  async pass(ms: number, isDeaf = false): Promise<void> {
    this.tell();
    this.isDeaf = isDeaf;
    await this.clock.pass(ms);
    this.isDeaf = false;
  }

  tell(): void {
    for (const notice of this.model.notices.splice(0)) {
      void this.clock.sleep(LATENCY_MS).then(() => {
        if (!this.isDeaf) for (const listener of this.listeners) listener(notice);
      });
    }
  }

  /** Serials that the ledger counts as a node's lease of a pool. */
  leased(name: string, ref: PoolRef): number[] {
    const pool = this.model.pools(1).find((one) => one.ref.activityId === ref.activityId);
    return serialsOf(pool?.leases.find(({ nodeId }) => nodeId === name)?.ranges ?? []);
  }

  free(ref: PoolRef): number {
    const pool = this.model.pools(1).find((one) => one.ref.activityId === ref.activityId);
    return serialsOf(pool?.free ?? []).length;
  }

  dispose(): void {
    for (const { upper } of this.nodes) upper.stop();
  }
}

function run(from: number, to: number): SerialRange[] {
  return from < to ? [{ from, to }] : [];
}
