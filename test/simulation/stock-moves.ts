/** Moves units between a template's general pool and its activities, waiting for recalled leases: see lease-desk.ts. */
import type { SerialRange } from '../../src/ports.ts';
import type { SimActivity, SimTemplate } from './catalog.ts';
import { type DeskPool, unitsIn } from './desk-pool.ts';
import type { Process } from './process.ts';
import type { StockDesk } from './stock-desk.ts';

const GATHER_US = 5_000_000;

interface Waiting {
  readonly condition: () => boolean;
  readonly then: (came: boolean) => void;
  over: boolean;
}

export class StockMoves {
  private readonly desk: StockDesk;
  private readonly process: Process;
  private waiting: Waiting[] = [];
  /** Templates with a move under way: one at a time. */
  private readonly busy = new Set<number>();

  constructor(desk: StockDesk, process: Process) {
    this.desk = desk;
    this.process = process;
  }

  check(): void {
    if (this.waiting.length === 0) return;
    for (const waiting of [...this.waiting]) {
      if (!waiting.over && waiting.condition()) this.finish(waiting, true);
    }
  }

  isBusy(template: SimTemplate): boolean {
    return this.busy.has(template.id);
  }

  private until(condition: () => boolean, then: (came: boolean) => void): void {
    if (condition()) {
      then(true);
      return;
    }
    const waiting = { condition, then, over: false };
    this.waiting.push(waiting);
    this.process.later(GATHER_US, () => {
      if (!waiting.over) this.finish(waiting, false);
    });
  }

  private finish(waiting: Waiting, came: boolean): void {
    waiting.over = true;
    this.waiting = this.waiting.filter((other) => other !== waiting);
    waiting.then(came);
  }

  /** Takes units of the general pool for an activity that is new or grows; `then` hears whether it got them. */
  enlarge(template: SimTemplate, activity: SimActivity, units: number, then: (ok: boolean) => void): void {
    const { ledger } = this.desk;
    const general = this.desk.pool({ templateId: template.id, activityId: 0 })!;
    const ref = { templateId: template.id, activityId: activity.id };
    this.busy.add(template.id);
    const took = (runs: { bare: SerialRange[]; coded: SerialRange[] } | null): void => {
      this.busy.delete(template.id);
      if (runs !== null) {
        if (ledger.isOpen(ref)) this.desk.add(ref, runs.bare, runs.coded);
        else this.desk.openPool(ref, runs.bare, runs.coded, 0);
      }
      then(runs !== null);
    };
    if (this.desk.free(general) >= units && general.filling.length === 0) {
      took(this.take(general, units));
      return;
    }
    ledger.hold(general.ref, true);
    this.until(
      () =>
        general.filling.length === 0 &&
        (this.desk.free(general) >= units || ledger.stock(general.ref).leased === 0),
      () => {
        const runs = general.filling.length > 0 ? null : this.take(general, units);
        ledger.hold(general.ref, false);
        took(runs);
      },
    );
  }

  private take(pool: DeskPool, units: number): { bare: SerialRange[]; coded: SerialRange[] } | null {
    if (this.desk.free(pool) < units) return null;
    const bare = pool.bare.take(units);
    const left = units - unitsIn(bare);
    const coded = left === 0 ? [] : this.desk.ledger.take(pool.ref, left)!;
    pool.capacity -= units;
    this.desk.changed(pool);
    return { bare, coded };
  }

  /** Closes a stopped activity's pool once all its leases have come back; its units are the template's again. */
  shut(template: SimTemplate, activity: SimActivity, then: (ok: boolean) => void): void {
    const { ledger } = this.desk;
    const ref = { templateId: template.id, activityId: activity.id };
    const pool = this.desk.pool(ref);
    if (pool === undefined || !pool.open) {
      then(true);
      return;
    }
    this.busy.add(template.id);
    ledger.hold(ref, true);
    this.until(
      () => pool.filling.length === 0 && ledger.stock(ref).leased === 0,
      (came) => {
        this.busy.delete(template.id);
        if (!came) {
          ledger.hold(ref, false);
          then(false);
          return;
        }
        const bare = pool.bare.take(pool.bare.size);
        const coded = ledger.close(ref);
        pool.open = false;
        pool.capacity -= unitsIn(bare) + unitsIn(coded);
        this.desk.add({ templateId: template.id, activityId: 0 }, bare, coded);
        then(true);
      },
    );
  }
}
