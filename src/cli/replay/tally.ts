/** What came of the receipts, and whether each repeat got the coupon of the first time. */

/** Answers that a sale gives rightly; any other refusal is a fault of the run. */
const EXPECTED = new Set(['sold_out', 'limit_reached', 'not_started', 'ended', 'not_active', 'not_eligible']);
/** Faults told in words; the rest is only counted. */
const TOLD_MAX = 20;

export class Tally {
  claimed = 0;
  alreadyClaimed = 0;
  faultCount = 0;
  readonly faults: string[] = [];
  readonly refused = new Map<string, number>();
  /** Template id → user id → the coupon answered first, "id code". */
  private readonly coupons = new Map<string, Map<string, string>>();
  /** The same of those that were answered as newly claimed. */
  private readonly won = new Set<string>();

  get answered(): number {
    let refused = 0;
    for (const n of this.refused.values()) refused += n;
    return this.claimed + this.alreadyClaimed + refused;
  }

  /** `coupon`: "id code" of a claimed one. Answers may come in another order than the receipts. */
  put(templateId: string, userId: string, status: string, coupon: string | null): void {
    const isNew = status === 'claimed';
    if (!isNew && status !== 'already_claimed') {
      this.refused.set(status, (this.refused.get(status) ?? 0) + 1);
      if (!EXPECTED.has(status)) this.fault(`user ${userId}, template ${templateId}: ${status}`);
      return;
    }
    if (isNew) this.claimed++;
    else this.alreadyClaimed++;
    if (coupon === null)
      return this.fault(`user ${userId}, template ${templateId}: ${status} without a coupon`);
    let users = this.coupons.get(templateId);
    if (users === undefined) {
      users = new Map();
      this.coupons.set(templateId, users);
    }
    const first = users.get(userId);
    if (first === undefined) users.set(userId, coupon);
    else if (first !== coupon)
      this.fault(`user ${userId}, template ${templateId}: coupon ${coupon}, but another time ${first}`);
    if (!isNew) return;
    if (this.won.has(coupon))
      this.fault(`user ${userId}, template ${templateId}: coupon ${coupon} claimed twice`);
    this.won.add(coupon);
  }

  fault(text: string): void {
    if (this.faultCount++ < TOLD_MAX) this.faults.push(text);
  }
}
