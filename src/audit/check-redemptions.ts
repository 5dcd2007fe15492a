/**
 * Each redemption with its usages and returns: it is in a state its times and its live order agree with, what it froze
 * adds up, there is one usage per coupon exactly when it was used, and its returns come to what it says came back.
 */
import { parseUserId } from '../domain/user-id.ts';
import type { CouponEventKind } from '../ports-coupons.ts';
import { STORED, type Stored } from '../records/redemptions/redemption-rows.ts';
import { faultsOfFrozen } from './check-frozen.ts';
import { type CheckedReturns, checkReturns } from './check-returns.ts';
import { checkUsages } from './check-usages.ts';
import { type ReadRedemption, readFrozen, readTotals } from './frozen-facts.ts';
import type { RedemptionFact, ReturnFact, UsageFact } from './life-facts.ts';
import type { RedemptionIndex } from './redemption-index.ts';
import type { Findings } from './report.ts';

/** What its times are in each state; `reverted` may have been used before or not. A late use keeps when it lapsed. */
const IS_USED: Readonly<Record<Stored, boolean | null>> = {
  locked: false,
  used: true,
  released: false,
  reverted: null,
  lapsed: false,
};
const HAS_ENDED: Readonly<Record<Stored, boolean | null>> = {
  locked: false,
  used: null,
  released: true,
  reverted: true,
  lapsed: true,
};

export class RedemptionCheck {
  private readonly index: RedemptionIndex;
  private readonly redemptions: Findings;
  private readonly usages: Findings;
  private readonly returns: Findings;
  private readonly user = new Uint32Array(2);

  constructor(index: RedemptionIndex, redemptions: Findings, usages: Findings, returns: Findings) {
    this.index = index;
    this.redemptions = redemptions;
    this.usages = usages;
    this.returns = returns;
  }

  /** In the order of their ids, each with all that names it. */
  add(fact: RedemptionFact, usages: readonly UsageFact[], returns: readonly ReturnFact[]): void {
    this.redemptions.checked++;
    this.usages.checked += usages.length;
    this.returns.checked += returns.length;
    const frozen = readFrozen(fact.frozen);
    const stored = STORED[fact.state];
    const totals = readTotals(fact.returned);
    const faults = [...faultsOfTimes(fact, stored), ...(frozen === null ? [] : faultsOfFrozen(frozen))];
    if (frozen === null) faults.push('frozen is not what a lock freezes');
    if (totals === null) faults.push('returned is not what returns come to');
    if (faults.length > 0)
      this.redemptions.problem(() => `redemption ${fact.redemptionId}: ${faults.join('; ')}`);
    if (frozen === null || stored === undefined) {
      // Its coupons are then found to be of a redemption that does not name them.
      this.index.add({ ...this.indexed(fact, [], NO_RETURNS), couponIds: [] });
      return;
    }
    const read = { fact, stored, frozen };
    const checked = totals === null ? NO_RETURNS : checkReturns(read, totals, returns, this.returns);
    const revertedAtMs = revertedAt(read, checked);
    checkUsages(read, revertedAtMs, usages, this.usages);
    this.index.add({
      ...this.indexed(fact, returns, checked),
      ends: endsOf(read, checked),
      revertedAtMs,
      couponIds: frozen.coupons.map(({ couponId }) => couponId),
    });
  }

  /** A row of a redemption that is not there. */
  strayUsage({ redemptionId, couponId }: UsageFact): void {
    this.usages.checked++;
    this.usages.problem(
      () => `coupon ${couponId}: a usage by redemption ${redemptionId}, which is not there`,
    );
  }

  strayReturn({ redemptionId, returnId }: ReturnFact): void {
    this.returns.checked++;
    this.returns.problem(() => `return ${returnId} is of redemption ${redemptionId}, which is not there`);
  }

  private indexed(fact: RedemptionFact, returns: readonly ReturnFact[], { restoredAtMs }: CheckedReturns) {
    const { redemptionId, state, userId, lockedAtMs, usedAtMs, endedAtMs } = fact;
    const { user } = this;
    user.fill(0);
    parseUserId(userId, user);
    return {
      redemptionId,
      stored: state,
      userLo: user[0]!,
      userHi: user[1]!,
      lockedAtMs,
      usedAtMs,
      endedAtMs,
      revertedAtMs: restoredAtMs,
      ends: [] as CouponEventKind[],
      returns: returns.map(({ returnId, returnedAtMs }) => ({ returnId, atMs: returnedAtMs })),
    };
  }
}

const NO_RETURNS: CheckedReturns = { restoredAtMs: null };

function faultsOfTimes(fact: RedemptionFact, stored: Stored | undefined): string[] {
  if (stored === undefined) return [`is in state ${fact.state}, which is none`];
  const faults: string[] = [];
  const { orderId, liveOrder, lockedAtMs, lockedUntilMs, usedAtMs, endedAtMs } = fact;
  const live = stored === 'locked' || stored === 'used' ? orderId : null;
  if (liveOrder !== live)
    faults.push(`is ${stored} of order ${orderId}, its live order is ${liveOrder ?? 'none'}`);
  if (lockedUntilMs <= lockedAtMs) faults.push('ends before it begins');
  if (IS_USED[stored] !== null && IS_USED[stored] !== (usedAtMs !== null))
    faults.push(`is ${stored}, and ${usedAtMs === null ? 'has no' : 'has a'} time of use`);
  if (HAS_ENDED[stored] !== null && HAS_ENDED[stored] !== (endedAtMs !== null))
    faults.push(`is ${stored}, and ${endedAtMs === null ? 'has no' : 'has a'} time of its end`);
  if (usedAtMs !== null && !fact.isVerified) faults.push('was used, and nobody has vouched for its prices');
  return faults;
}

/** When its coupons were given back by a revert or a return; null where they were not. */
function revertedAt({ fact, stored }: ReadRedemption, { restoredAtMs }: CheckedReturns): number | null {
  return restoredAtMs ?? (stored === 'reverted' ? fact.endedAtMs : null);
}

/** What the last event of its coupons may be. */
function endsOf({ fact, stored }: ReadRedemption, { restoredAtMs }: CheckedReturns): CouponEventKind[] {
  switch (stored) {
    case 'locked':
      return ['locked'];
    case 'used':
      return restoredAtMs === null ? ['used', 'returned'] : ['reverted'];
    case 'reverted':
      return fact.usedAtMs === null ? ['released', 'reverted'] : ['reverted'];
    default:
      return ['released'];
  }
}
