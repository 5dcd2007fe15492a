/**
 * What the server has promised so far, kept by the crowd itself. Every answer is written down and compared with all
 * answers before it; what contradicts them is kept as a fault, which the check at the end reports.
 */
import { REFUSAL_COUPON_IDS_MAX } from '../../src/limits.ts';
import type { Answer } from './connection.ts';

export interface Sale {
  readonly templateId: string;
  /** Set for claims of an activity. */
  readonly activityId?: string;
  /** The lower of its own and, for an activity, the template's limit. */
  readonly perUserLimit: number;
}

export interface Claim {
  readonly sale: Sale;
  readonly userId: string;
  readonly key: string | null;
}

export interface Promised {
  readonly sale: Sale;
  readonly userId: string;
  readonly code: string;
  /** Somebody read that it was won, not only repeats of it. Answers overtake one another between connections. */
  won: boolean;
}

const FAULTS_MAX = 20;

export class ClaimsBook {
  /** By coupon id: what a client has read. */
  readonly coupons = new Map<string, Promised>();
  readonly users = new Set<string>();
  readonly faults: string[] = [];
  /** Answers by status or code. */
  readonly counts = new Map<string, number>();
  private readonly codes = new Map<string, string>();
  /** Coupon of a user's only claim, or of its claim with that key. */
  /** Limits of the activities that were seen, by template. */
  private readonly activityLimits = new Map<string, Map<string, number>>();
  private readonly repeats = new Map<string, string>();

  count(name: string): number {
    return this.counts.get(name) ?? 0;
  }

  fault(what: string): void {
    if (this.faults.length < FAULTS_MAX) this.faults.push(what);
  }

  /** Before it is sent: an answer that never came may still have been a claim. */
  sent({ userId, sale }: Claim): void {
    this.users.add(userId);
    let limits = this.activityLimits.get(sale.templateId);
    if (limits === undefined) {
      limits = new Map();
      this.activityLimits.set(sale.templateId, limits);
    }
    if (sale.activityId !== undefined) limits.set(sale.activityId, sale.perUserLimit);
  }

  answered(claim: Claim, answer: Answer): void {
    const { status, json } = answer;
    const name = status < 300 ? json?.status : json?.code;
    this.counts.set(name, this.count(name) + 1);
    if (status === 409 && json.couponIds !== undefined) this.shown(claim, json.couponIds);
    if (status === 201 && name === 'claimed') this.took(claim, json, true);
    else if (status === 200 && name === 'already_claimed') this.took(claim, json, false);
    else if (status === 409 && name === 'limit_reached') this.atLimit(claim, json.couponIds ?? []);
    else if (status === 503 && answer.headers['retry-after'] === undefined)
      this.fault(`503 without Retry-After: ${answer.text}`);
    else if (!(status === 409 && name === 'sold_out') && status !== 503)
      this.fault(`unexpected answer to ${show(claim)}: ${status} ${answer.text}`);
  }

  /** The members of a won or repeated claim, wherever they came from. */
  took(claim: Claim, json: { couponId: string; couponCode: string }, isNew: boolean): void {
    const { sale, userId } = claim;
    const { couponId, couponCode: code } = json;
    const known = this.coupons.get(couponId);
    if (known !== undefined) {
      if (isNew && known.won)
        this.fault(`coupon ${couponId} claimed twice: by ${known.userId} and by ${show(claim)}`);
      if (known.userId !== userId) this.fault(`coupon ${couponId} of ${known.userId} shown to ${userId}`);
      if (known.code !== code) this.fault(`coupon ${couponId}: code ${known.code}, later ${code}`);
      known.won ||= isNew;
    } else {
      const other = this.codes.get(code);
      if (other !== undefined) this.fault(`code ${code} is of coupons ${other} and ${couponId}`);
      this.coupons.set(couponId, { sale, userId, code, won: isNew });
      this.codes.set(code, couponId);
    }
    if (sale.perUserLimit > 1 && claim.key === null) return;
    // With a limit of one every claim is a repeat of the first, whatever its key.
    const key = sale.perUserLimit > 1 ? claim.key : '';
    const place = `${sale.templateId}/${sale.activityId ?? ''}/${userId}/${key}`;
    const before = this.repeats.get(place);
    if (before === undefined) this.repeats.set(place, couponId);
    else if (before !== couponId) this.fault(`${show(claim)} was given ${before}, later ${couponId}`);
  }

  private atLimit(claim: Claim, couponIds: readonly string[]): void {
    if (claim.sale.perUserLimit === 1 && claim.sale.activityId === undefined)
      this.fault(`limit_reached for ${show(claim)} whose coupon should have been shown`);
    // Nobody is told to be at a limit before all that counts towards it is theirs for good. An activity's coupons count
    // towards the template's limit, and are shown to those only who ask for the activity's.
    const elsewhere = [...this.activityLimits.get(claim.sale.templateId)!.values()];
    const least =
      claim.sale.activityId === undefined
        ? elsewhere.reduce((left, limit) => left - limit, claim.sale.perUserLimit)
        : 0;
    if (couponIds.length < Math.min(least, REFUSAL_COUPON_IDS_MAX))
      this.fault(`limit_reached for ${show(claim)} shows ${couponIds.length} coupons of ${least}`);
  }

  /** What a refusal shows is this user's, and of this pool. */
  private shown(claim: Claim, couponIds: readonly string[]): void {
    if (couponIds.length === 0 || new Set(couponIds).size < couponIds.length)
      this.fault(`a refusal of ${show(claim)} shows ${couponIds.join(' ')}`);
    for (const couponId of couponIds) {
      const known = this.coupons.get(couponId);
      if (known === undefined) continue;
      if (known.userId !== claim.userId)
        this.fault(`a refusal shows coupon ${couponId} of ${known.userId} to ${claim.userId}`);
      if (known.sale.activityId !== claim.sale.activityId)
        this.fault(`a refusal of ${show(claim)} shows coupon ${couponId} of another pool`);
    }
  }
}

function show({ sale, userId, key }: Claim): string {
  return `user ${userId}${key === null ? '' : ` key ${key}`} template ${sale.templateId} activity ${sale.activityId ?? '-'}`;
}
