/**
 * What became of each coupon, by its events: they count on from its claim without a gap, are a way through the one table
 * of moves (coupons/states.ts), and end in what its row says. Each stretch of them that a redemption has had the coupon
 * is held against that redemption.
 */
import { COUPON_MOVES, COUPON_STATES, EVENT_KINDS } from '../coupons/states.ts';
import { serialOfCoupon, templateOfCoupon } from '../domain/coupon-id.ts';
import { parseUserId } from '../domain/user-id.ts';
import type { CouponEventKind, CouponState } from '../ports-coupons.ts';
import { STORED } from '../records/redemptions/redemption-rows.ts';
import { couponName } from './claim-list.ts';
import type { RowFact } from './facts.ts';
import type { EventFact } from './life-facts.ts';
import { addReturn, type RedemptionIndex } from './redemption-index.ts';
import type { Findings } from './report.ts';

const NONE = -1;

/** Takes coupons in the order of their ids: `begin`, its events by their sequence, `end`. */
export class StateCheck {
  private readonly index: RedemptionIndex;
  private readonly states: Findings;
  private readonly redemptions: Findings;
  private readonly returns: Findings;
  private readonly user = new Uint32Array(2);

  private couponId = 0;
  private row: RowFact | null = null;
  private faults: string[] = [];
  private sequence = 1;
  /** null: not to be known, because events are missing or none. */
  private state: CouponState | null = 'usable';
  private lastRedemption = 0;

  /** The redemption that has the coupon, or had it last; by its place in the index. */
  private holderId = 0;
  private holder = NONE;
  private last: CouponEventKind = 'claimed';
  private returnCount = 0;
  private returnSum = 0;

  constructor(index: RedemptionIndex, states: Findings, redemptions: Findings, returns: Findings) {
    this.index = index;
    this.states = states;
    this.redemptions = redemptions;
    this.returns = returns;
  }

  /** A coupon without events. */
  plain(row: RowFact): void {
    if ((row.state ?? 0) === 0 && (row.sequence ?? 1) === 1 && (row.redemptionId ?? 0) === 0) return;
    this.begin(row.couponId, row);
    this.end();
  }

  /** `row` null: there is none. */
  begin(couponId: number, row: RowFact | null): void {
    this.couponId = couponId;
    this.row = row;
    this.faults = row === null ? ['has events and no row'] : [];
    this.sequence = 1;
    this.state = 'usable';
    this.lastRedemption = 0;
    this.holderId = 0;
    this.holder = NONE;
  }

  event(event: EventFact): void {
    this.states.checked++;
    const { faults } = this;
    const { sequence, atMs, redemptionId } = event;
    if (sequence <= this.sequence) {
      faults.push(
        sequence < 2
          ? `has an event numbered ${sequence}, events begin at 2`
          : `event ${sequence} is doubled`,
      );
      return;
    }
    const isNext = sequence === this.sequence + 1;
    if (!isNext) {
      faults.push(
        sequence === this.sequence + 2
          ? `event ${sequence - 1} is missing`
          : `events ${this.sequence + 1} to ${sequence - 1} are missing`,
      );
      this.state = null;
    }
    this.sequence = sequence;
    const kind = EVENT_KINDS[event.kind];
    if (kind === undefined || kind === 'claimed') {
      faults.push(`event ${sequence} is of kind ${event.kind}, which is none`);
      this.state = null;
      return;
    }
    const { from, to } = COUPON_MOVES[kind];
    if (this.state !== null && !from.includes(this.state))
      faults.push(`event ${sequence}, ${kind}, cannot be: it was ${this.state} then`);
    this.state = to;
    if (kind === 'expired' || kind === 'voided') {
      if (redemptionId !== null)
        faults.push(`event ${sequence}, ${kind}, is of redemption ${redemptionId}, and should be of none`);
      if (kind === 'expired' && atMs < (this.row?.validUntilMs ?? 0))
        faults.push(`event ${sequence}, ${kind}, is of a time at which it was valid`);
      return;
    }
    if (redemptionId === null) {
      faults.push(`event ${sequence}, ${kind}, is of no redemption`);
      return;
    }
    if (kind === 'locked' || (!isNext && redemptionId !== this.holderId)) {
      this.closeHolder();
      this.openHolder(event, redemptionId, kind);
    } else if (redemptionId !== this.holderId) {
      const by = this.holderId === 0 ? 'none had locked it' : `it was locked by ${this.holderId}`;
      faults.push(`event ${sequence}, ${kind}, is of redemption ${redemptionId}, ${by}`);
      return;
    }
    this.lastRedemption = redemptionId;
    this.last = kind;
    if (kind === 'returned') {
      this.returnCount++;
      this.returnSum = addReturn(this.returnSum, event.detail ?? '', atMs);
    }
    if (this.holder !== NONE && !this.isOfItsTime(kind, atMs))
      faults.push(`event ${sequence}, ${kind}, is not of the time redemption ${redemptionId} has for it`);
  }

  end(): void {
    this.closeHolder();
    const { faults, row, couponId } = this;
    if (row !== null) this.compare(row);
    if (faults.length === 0) return;
    this.states.problem(
      () => `${couponName(templateOfCoupon(couponId), serialOfCoupon(couponId))}: ${faults.join('; ')}`,
    );
  }

  /** After the last coupon: names what redemptions have and no event tells of. */
  finish(): void {
    this.index.forEachUnseen((redemptionId, couponId) => {
      this.redemptions.problem(
        () => `redemption ${redemptionId} names coupon ${couponId}, which has no event of being locked by it`,
      );
    });
  }

  private compare({ state, sequence, redemptionId }: RowFact): void {
    const { faults } = this;
    if (sequence !== undefined && sequence !== this.sequence)
      faults.push(
        `sequence is ${sequence}, its last event is ${this.sequence === 1 ? 'the claim, 1' : this.sequence}`,
      );
    const stored = state === undefined ? undefined : (COUPON_STATES[state] ?? `${state}, which is none`);
    if (stored !== undefined && this.state !== null && stored !== this.state)
      faults.push(`state is ${stored}, by its events ${this.state}`);
    if (redemptionId !== undefined && redemptionId !== this.lastRedemption)
      faults.push(`redemption is ${redemptionId}, by its events ${this.lastRedemption}`);
  }

  private openHolder({ sequence }: EventFact, redemptionId: number, kind: CouponEventKind): void {
    const { index, couponId } = this;
    this.holderId = redemptionId;
    this.holder = NONE;
    this.returnCount = 0;
    this.returnSum = 0;
    const at = index.find(redemptionId);
    if (at < 0) {
      this.redemptions.problem(
        () =>
          `redemption ${redemptionId} is not there: coupon ${couponId} was ${kind} by it (event ${sequence})`,
      );
      return;
    }
    const link = index.link(at, couponId);
    if (link < 0) {
      this.redemptions.problem(
        () =>
          `redemption ${redemptionId} does not name coupon ${couponId}, which was ${kind} by it (event ${sequence})`,
      );
      return;
    }
    if (!index.see(link))
      this.faults.push(`event ${sequence}: ${kind} by redemption ${redemptionId} once more`);
    this.holder = at;
  }

  private isOfItsTime(kind: CouponEventKind, atMs: number): boolean {
    const { index, holder } = this;
    if (kind === 'locked') return index.wasLockedAt(holder, atMs);
    if (kind === 'used') return index.wasUsedAt(holder, atMs);
    if (kind === 'reverted') return index.wasRevertedAt(holder, atMs);
    // A redemption that is released or reverted after its lock had lapsed has the later time.
    const stored = STORED[index.stored(holder)];
    if (kind === 'released' && (stored === 'lapsed' || stored === 'used'))
      return index.hasEndedAt(holder, atMs);
    return true;
  }

  private closeHolder(): void {
    const { holder, holderId, index, couponId, last, row, user } = this;
    this.holder = NONE;
    if (holder === NONE) return;
    if (!index.mayEndWith(holder, last)) {
      const stored = STORED[index.stored(holder)] ?? 'in no state';
      this.redemptions.problem(
        () => `redemption ${holderId} is ${stored}, the last event of its coupon ${couponId} is ${last}`,
      );
    }
    if (row !== null && parseUserId(row.userId, user) && !index.isOf(holder, user[0]!, user[1]!)) {
      const { userId } = row;
      this.redemptions.problem(
        () => `redemption ${holderId} is of another user than its coupon ${couponId}, which is of ${userId}`,
      );
    }
    const { returnCount, returnSum } = this;
    const stored = index.returnCount(holder);
    if (returnCount !== stored) {
      this.returns.problem(
        () =>
          `redemption ${holderId}: ${stored} returns are kept, coupon ${couponId} has ${returnCount} events of such`,
      );
    } else if (returnSum !== index.returnSum(holder)) {
      this.returns.problem(
        () =>
          `redemption ${holderId}: the returns kept are not those of coupon ${couponId}'s events, by name or time`,
      );
    }
  }
}
