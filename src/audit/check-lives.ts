/**
 * Coupons after their claims, in one pass over each table: redemptions with their usages and returns in the order of
 * redemptions, then rows with their events in the order of coupons. Between the two only the redemption index is kept.
 */
import { RedemptionCheck } from './check-redemptions.ts';
import { StateCheck } from './check-states.ts';
import type { UsableLimitCheck } from './check-usable-limits.ts';
import type { RowFact } from './facts.ts';
import type { EventFact, LifeFacts } from './life-facts.ts';
import { PageCursor } from './page-cursor.ts';
import { RedemptionIndex } from './redemption-index.ts';
import { type CheckReport, Findings } from './report.ts';

export class LifeCheck {
  private readonly states = new Findings('states');
  private readonly redemptions = new Findings('redemptions');
  private readonly usages = new Findings('usages');
  private readonly returns = new Findings('returns');
  private readonly index = new RedemptionIndex();
  private readonly stateCheck = new StateCheck(this.index, this.states, this.redemptions, this.returns);
  private readonly usable: UsableLimitCheck;
  private events: PageCursor<EventFact> | null = null;

  /** `usable` is told of all rows and events besides. */
  constructor(usable: UsableLimitCheck) {
    this.usable = usable;
  }

  /** Before any rows. */
  async open(lives: LifeFacts): Promise<void> {
    await this.checkRedemptions(lives);
    this.events = await new PageCursor(lives.events()).open();
  }

  /** Rows in the order of their ids. */
  async addRows(rows: readonly RowFact[]): Promise<void> {
    for (const row of rows) {
      this.usable.row(row);
      const head = this.events?.head ?? null;
      if (head === null || head.couponId > row.couponId) this.stateCheck.plain(row);
      else await this.addWithEvents(row);
    }
  }

  /** Rows of coupons that have no events: where there are no redemptions at all. */
  addPlain(row: RowFact): void {
    this.usable.row(row);
    this.stateCheck.plain(row);
  }

  async finish(): Promise<CheckReport[]> {
    while (this.events !== null && this.events.head !== null) await this.addEvents(this.events, null);
    return this.reports();
  }

  reports(): CheckReport[] {
    this.stateCheck.finish();
    return [this.states, this.redemptions, this.usages, this.returns].map((found) => found.report());
  }

  private async addWithEvents(row: RowFact): Promise<void> {
    const events = this.events!;
    while (events.head !== null && events.head.couponId < row.couponId) await this.addEvents(events, null);
    if (events.head?.couponId === row.couponId) await this.addEvents(events, row);
    else this.stateCheck.plain(row);
  }

  /** All events of the coupon under the cursor. */
  private async addEvents(events: PageCursor<EventFact>, row: RowFact | null): Promise<void> {
    const { couponId } = events.head!;
    this.stateCheck.begin(couponId, row);
    while (events.head?.couponId === couponId) {
      this.stateCheck.event(events.head);
      this.usable.event(events.head);
      if (!events.step()) await events.turn();
    }
    this.stateCheck.end();
  }

  private async checkRedemptions(lives: LifeFacts): Promise<void> {
    const check = new RedemptionCheck(this.index, this.redemptions, this.usages, this.returns);
    const usages = await new PageCursor(lives.usages()).open();
    const returns = await new PageCursor(lives.returns()).open();
    for await (const page of lives.redemptions()) {
      for (const redemption of page) {
        const { redemptionId } = redemption;
        await takeBelow(usages, redemptionId, (usage) => check.strayUsage(usage));
        await takeBelow(returns, redemptionId, (one) => check.strayReturn(one));
        check.add(redemption, await takeOf(usages, redemptionId), await takeOf(returns, redemptionId));
      }
    }
    await takeBelow(usages, Number.POSITIVE_INFINITY, (usage) => check.strayUsage(usage));
    await takeBelow(returns, Number.POSITIVE_INFINITY, (one) => check.strayReturn(one));
  }
}

interface OfRedemption {
  readonly redemptionId: number;
}

async function takeBelow<T extends OfRedemption>(
  cursor: PageCursor<T>,
  redemptionId: number,
  visit: (one: T) => void,
): Promise<void> {
  while (cursor.head !== null && cursor.head.redemptionId < redemptionId) {
    visit(cursor.head);
    if (!cursor.step()) await cursor.turn();
  }
}

async function takeOf<T extends OfRedemption>(cursor: PageCursor<T>, redemptionId: number): Promise<T[]> {
  const taken: T[] = [];
  while (cursor.head !== null && cursor.head.redemptionId === redemptionId) {
    taken.push(cursor.head);
    if (!cursor.step()) await cursor.turn();
  }
  return taken;
}
