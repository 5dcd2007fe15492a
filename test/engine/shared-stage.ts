/** The pools of a template whose units are in a modelled ledger, above a real lease desk; the ledger's time stands still. */
import assert from 'node:assert/strict';
import pino from 'pino';
import { LeaseDesk } from '../../src/engine/lease-desk.ts';
import type { Pools } from '../../src/engine/pools.ts';
import { ShardSeats } from '../../src/engine/shard-seats.ts';
import { SharedPools } from '../../src/engine/shared-pools.ts';
import { StockSupply } from '../../src/engine/stock-supply.ts';
import type { PoolRef } from '../../src/ports.ts';
import { type ShardLedger, type ShardNotice, type ShardSeat, shardOf } from '../../src/ports-ledger.ts';
import type { ToOwner } from '../../src/workers/owner-messages.ts';
import { Shelf } from '../claims/views.ts';
import { ModelServer } from '../cluster/model-ledger.ts';
import { VirtualClock } from '../cluster/virtual-clock.ts';
import type { ShardModel } from '../ledger/model/shard-model.ts';
import { activity } from '../records/samples.ts';

export const TOTAL = 200;
export const GENERAL: PoolRef = { templateId: 3, activityId: 0 };
export const ACTIVITY: PoolRef = { templateId: 3, activityId: 12 };
export const HOLDER = { owner: 0, partition: 0 };
const SHARD = shardOf(GENERAL.templateId);

/** The incarnation that is open from the start, with a seat for node `a`, and another node's. */
export class SharedLedgerStage {
  readonly clock = new VirtualClock();
  readonly server = new ModelServer(this.clock);
  readonly model: ShardModel = this.server.of(SHARD);
  readonly seat: ShardSeat;
  readonly other: ShardSeat;
  readonly ledger: ShardLedger;
  readonly shelf = new Shelf({ total: TOTAL }, [activity({ id: 12, templateId: 3, stock: 50 })]);
  readonly sent: Exclude<ToOwner, number>[] = [];
  readonly leases: LeaseDesk;

  constructor() {
    this.model.open(1, [], []);
    [this.seat, this.other] = ['a', 'b'].map((nodeId) => this.join(nodeId));
    const real = this.server.ledger(() => false);
    const listeners: ((notice: ShardNotice) => void)[] = [];
    this.ledger = {
      ...real,
      // Holders are asked for what is missing, and hear of it at once.
      fund: async (stamp, ref, units) => {
        const outcome = await real.fund(stamp, ref, units);
        for (const notice of this.model.notices.splice(0)) for (const listener of listeners) listener(notice);
        return outcome;
      },
      onNotice: (listener) => listeners.push(listener),
    };
    this.leases = new LeaseDesk({
      send: (_owner, message) => this.sent.push(message as Exclude<ToOwner, number>),
      template: () => this.shelf.view,
      makeCodes: async () => {},
      onFailure: (error) => {
        throw error;
      },
    });
  }

  private join(nodeId: string): ShardSeat {
    const stamp = { shard: SHARD, incarnation: 1, version: 0 };
    const joined = this.model.join(stamp, nodeId, '1', 1_000_000_000);
    assert(joined.kind === 'joined');
    return { ...stamp, nodeId, epoch: joined.epoch };
  }

  get activity() {
    return this.shelf.view.activities[0];
  }

  /** What the ledger holds of a pool: units given to it, and the free ones. */
  there({ activityId }: PoolRef): { readonly units: number; readonly free: number } | null {
    const pool = this.model.pools(1).find(({ ref }) => ref.activityId === activityId);
    if (pool === undefined) return null;
    return { units: pool.units, free: pool.free.reduce((sum, { from, to }) => sum + to - from, 0) };
  }
}

export class SharedPoolsStage extends SharedLedgerStage {
  readonly seats = new ShardSeats();
  readonly lost: string[] = [];
  readonly supply: StockSupply;
  readonly pools: Pools & Pick<SharedPools, 'held'>;
  /** What was done around the pools. */
  readonly steps: string[] = [];

  constructor() {
    super();
    this.supply = new StockSupply({
      ledger: this.ledger,
      seats: this.seats,
      stock: this.leases,
      clock: this.clock,
      reportsSales: false,
      onLost: () => {},
      onFenced: () => {},
      logger: pino({ level: 'silent' }),
    });
    this.leases.upstream = this.supply;
    this.pools = new SharedPools({
      ledger: this.ledger,
      seats: this.seats,
      leases: this.leases,
      supply: this.supply,
      onLost: (_seat, detail) => this.lost.push(detail),
      sit: async () => {
        this.steps.push(`sits, open: ${[GENERAL, ACTIVITY].map((ref) => this.leases.ledger.isOpen(ref))}`);
        this.seats.open(this.seat);
        this.supply.reseated(SHARD);
      },
      leave: async () => {
        this.steps.push('leaves');
        this.supply.stop();
      },
    });
  }

  /** With the template's units in the ledger and the seat taken. */
  async start(): Promise<this> {
    this.model.raise(this.seat, GENERAL.templateId, TOTAL);
    await this.pools.start([this.shelf.view]);
    return this;
  }
}
