/**
 * The pools of the profiles `single` and `cluster`: their units are in the shared ledger, this node has some of them.
 * Changes of pools are made there, each in one step that may be made again; a call that fails rejects, and the catalog
 * tells it again.
 */
import { setTimeout as pause } from 'node:timers/promises';
import type { PoolFact } from '../audit/facts.ts';
import type { TakenUnits } from '../catalog/engine-port.ts';
import type { TemplateView } from '../claims/template-view.ts';
import type { Activity } from '../domain/template.ts';
import { POOLS_PATIENCE_MS } from '../limits.ts';
import type { PoolRef } from '../ports.ts';
import { type PoolState, SHARDS, type ShardLedger, type ShardSeat, shardOf } from '../ports-ledger.ts';
import { Unavailable } from '../problems.ts';
import type { LeaseDesk } from './lease-desk.ts';
import type { Pools } from './pools.ts';
import type { ShardSeats } from './shard-seats.ts';
import { type StockFigures, sharedPoolFacts, sharedStockFigures, unitsIn } from './stock-figures.ts';
import type { StockSupply } from './stock-supply.ts';

const LOOK_AGAIN_MS = 50;

export interface SharedPoolsOptions {
  readonly ledger: ShardLedger;
  readonly seats: ShardSeats;
  readonly leases: LeaseDesk;
  readonly supply: StockSupply;
  readonly onLost: (seat: ShardSeat, detail: string) => void;
  /** Takes the seats before the pools can be supplied. */
  readonly sit: () => Promise<void>;
  readonly leave: () => Promise<void>;
}

export class SharedPools implements Pools {
  private readonly options: SharedPoolsOptions;

  constructor(options: SharedPoolsOptions) {
    this.options = options;
  }

  async start(views: Iterable<TemplateView>): Promise<void> {
    for (const view of views) this.openHere(view);
    await this.options.sit();
  }

  async templateChanged(view: TemplateView): Promise<void> {
    const { id: templateId, total } = view.template;
    for (const { id, status } of view.activities) {
      if (status === 'stopped') this.closeHere({ templateId, activityId: id });
    }
    // Whoever hears of new units first tells the ledger of them, and at every change again: raising is repeatable, and a
    // raise that failed would otherwise be forgotten. A pool must be known there before it is asked.
    await this.step(templateId, (seat) => this.options.ledger.raise(seat, templateId, total));
    this.openHere(view);
    this.options.supply.look({ templateId, activityId: 0 });
  }

  async resizeActivity(activity: Activity): Promise<TakenUnits> {
    const { templateId, stock } = activity;
    const ref: PoolRef = { templateId, activityId: activity.id };
    const deadlineMs = Date.now() + POOLS_PATIENCE_MS;
    for (;;) {
      const outcome = await this.step(templateId, (seat) => this.options.ledger.fund(seat, ref, stock));
      if (outcome.kind === 'done') break;
      const { unclaimed, asked } = outcome;
      if (unclaimed < asked) return { ok: false, available: unclaimed };
      // They are there, or sold and not reported: who holds them has not said which.
      if (Date.now() > deadlineMs)
        throw new Unavailable(`Units of template ${templateId} did not come in time.`);
      await pause(LOOK_AGAIN_MS);
    }
    this.open(ref);
    this.options.supply.look(ref);
    return { ok: true };
  }

  async closeActivity(activity: Activity): Promise<void> {
    const { templateId } = activity;
    const ref: PoolRef = { templateId, activityId: activity.id };
    this.closeHere(ref);
    await this.step(templateId, (seat) => this.options.ledger.closePool(seat, ref));
    this.options.supply.look({ templateId, activityId: 0 });
  }

  /** Of a template, with the ledger's own figures. `allStored`: no claim of it waits to be stored. */
  async stockOf(view: TemplateView, allStored: boolean): Promise<StockFigures> {
    const pools = await this.held(view.template.id);
    const free = pools.reduce((sum, pool) => sum + unitsIn(pool.free), 0);
    return sharedStockFigures(view, free, allStored);
  }

  /** For the checker. */
  async facts(): Promise<PoolFact[]> {
    return sharedPoolFacts(await this.held(null));
  }

  /** What the ledger holds of one template's pools, or of all of them. Rejects when it cannot tell. */
  async held(templateId: number | null): Promise<PoolState[]> {
    const { ledger, seats } = this.options;
    const shards =
      templateId === null ? Array.from({ length: SHARDS }, (_, shard) => shard) : [shardOf(templateId)];
    const pools = await Promise.all(
      shards.map((shard) => {
        const seat = seats.get(shard);
        if (seat === null) throw new Unavailable(`Shard ${shard} is closed at the moment.`);
        return ledger.pools(shard, seat.incarnation);
      }),
    );
    return pools.flat().filter(({ ref }) => templateId === null || ref.templateId === templateId);
  }

  async stop(): Promise<void> {
    await this.options.supply.giveAllBack();
    await this.options.leave();
  }

  private openHere({ template, activities }: TemplateView): void {
    const { id: templateId } = template;
    this.open({ templateId, activityId: 0 });
    for (const { id, status } of activities)
      if (status === 'active') this.open({ templateId, activityId: id });
  }

  private open(ref: PoolRef): void {
    const { leases, supply } = this.options;
    // In this order: a pool that nothing could come to would be sold out until the first units are here.
    supply.open(ref);
    if (!leases.ledger.isOpen(ref)) leases.open(ref, { coded: [], bare: [] });
  }

  private closeHere(ref: PoolRef): void {
    const { leases, supply } = this.options;
    if (leases.ledger.isOpen(ref)) leases.ledger.hold(ref, true);
    supply.close(ref);
  }

  /** One change at the ledger, under the seat of then. */
  private async step<T extends { readonly kind: string; readonly version: number }>(
    templateId: number,
    change: (seat: ShardSeat) => Promise<T | Lost>,
  ): Promise<T> {
    const { seats, onLost } = this.options;
    const seat = await seats.whenOpen(templateId, POOLS_PATIENCE_MS);
    if (seat === null) throw new Unavailable('The ledger cannot be used at the moment.');
    const outcome = await change(seat);
    if (isLost(outcome)) {
      onLost(seat, outcome.detail);
      throw new Unavailable(`The ledger has lost data: ${outcome.detail}`);
    }
    seats.saw(seat, outcome.version);
    return outcome;
  }
}

interface Lost {
  readonly kind: 'lost';
  readonly detail: string;
}

function isLost(outcome: { readonly kind: string }): outcome is Lost {
  return outcome.kind === 'lost';
}
