/**
 * What a checkout does with coupons, over plain values: who calls, what is asked, what came of it. The store decides in
 * one transaction each; here is what surrounds it: which coupons are the best, claims that are not stored yet, and how a
 * refusal is told.
 */
import type { Order } from '../domain/quote/order.ts';
import type {
  CouponStore,
  LockOutcome,
  LockRefusal,
  LockRequest,
  MoveOutcome,
  MoveRefusal,
  Redemption,
  ReturnReceipt,
  ReturnRequest,
} from '../ports-coupons.ts';
import { type Problem, problem, type Result } from '../problems.ts';
import { type AskedIds, type Quotes, quoteProblem } from './quotes.ts';
import type { UnstoredClaims } from './unstored-claims.ts';

/** What is the best may be taken by another order meanwhile; it is looked for again so often. */
const BEST_TRIES = 4;

/** Who asks: a user for himself, or a service for one. */
export interface Asker {
  readonly userId: string;
  readonly isService: boolean;
}

export interface LockOrder {
  readonly orderId: string;
  readonly couponIds: AskedIds;
  readonly order: Order;
  readonly lockMs: number;
  readonly expectPayable: number | null;
  readonly replace: boolean;
  readonly use: boolean;
  readonly key: string | null;
  /** Of all that was asked for. */
  readonly fingerprint: string;
}

export interface RedemptionsOptions {
  /** Whose answers come once nobody reads what was before (wallet/announced-coupons.ts). */
  readonly store: CouponStore;
  readonly unstored: UnstoredClaims;
  readonly quotes: Quotes;
  readonly now: () => number;
}

export interface Moved {
  readonly redemption: Redemption;
  readonly isRepeat: boolean;
}

export class Redemptions {
  private readonly options: RedemptionsOptions;

  constructor(options: RedemptionsOptions) {
    this.options = options;
  }

  async lock(asker: Asker, asked: LockOrder): Promise<Result<Moved>> {
    for (let tries = 1; ; tries++) {
      const couponIds = await this.idsOf(asker.userId, asked);
      // Also where nobody can say any more what is the best, the same lock again is the same redemption.
      const outcome = await this.tryLock(asker, asked, couponIds.ok ? couponIds.value : []);
      if (outcome.kind === 'locked') {
        const { redemption, isRepeat } = outcome;
        return { ok: true, value: { redemption, isRepeat } };
      }
      if (!couponIds.ok) {
        const isSaid = outcome.kind === 'refused' && outcome.code !== 'no_coupon';
        return isSaid ? { ok: false, problem: lockProblem(outcome) } : couponIds;
      }
      if (outcome.kind === 'missing')
        return { ok: false, problem: await this.missing(asker, asked, outcome.couponIds) };
      const isOutdated = outcome.code === 'coupon_locked' || outcome.code === 'not_applicable';
      if (asked.couponIds !== 'best' || !isOutdated || tries === BEST_TRIES)
        return { ok: false, problem: lockProblem(outcome) };
      // The wallet that was read was behind the store; the refusal has ended it, and it is read anew.
    }
  }

  async use(redemptionId: number, order: Order | null, paidAtMs: number | null): Promise<Result<Moved>> {
    return this.moved(this.options.store.use({ redemptionId, order, paidAtMs }));
  }

  async release(userId: string | null, redemptionId: number): Promise<Result<Moved>> {
    return this.moved(this.options.store.release({ redemptionId, userId }));
  }

  async extend(redemptionId: number, lockMs: number): Promise<Result<Moved>> {
    return this.moved(this.options.store.extend({ redemptionId, lockMs }));
  }

  async revert(redemptionId: number): Promise<Result<Moved & { readonly refund: number }>> {
    const outcome = await this.options.store.revert(redemptionId);
    if (outcome.kind === 'refused') return { ok: false, problem: moveProblem(outcome) };
    const { redemption, isRepeat, refund } = outcome;
    return { ok: true, value: { redemption, isRepeat, refund } };
  }

  async returnItems(
    request: ReturnRequest,
  ): Promise<
    Result<{ readonly redemption: Redemption; readonly receipt: ReturnReceipt; readonly isRepeat: boolean }>
  > {
    const outcome = await this.options.store.returnItems(request);
    switch (outcome.kind) {
      case 'moved': {
        const { redemption, receipt, isRepeat } = outcome;
        return { ok: true, value: { redemption, receipt, isRepeat } };
      }
      case 'reckoned':
        return {
          ok: true,
          value: { redemption: outcome.redemption, receipt: outcome.receipt, isRepeat: false },
        };
      case 'refused':
        if (outcome.code === 'invalid_return')
          return { ok: false, problem: problem(outcome.code, outcome.detail, { field: outcome.field }) };
        if (outcome.code === 'idempotency_conflict')
          return {
            ok: false,
            problem: problem(outcome.code, `returnId ${request.returnId} was used for another return.`),
          };
        return { ok: false, problem: moveProblem(outcome) };
    }
  }

  /** `userId` null: whoever's. */
  async one(redemptionId: number, userId: string | null): Promise<Redemption | null> {
    const found = await this.options.store.redemption(redemptionId);
    return found === null || (userId !== null && found.userId !== userId) ? null : found;
  }

  async ofOrder(orderId: string, userId: string | null): Promise<Redemption[]> {
    return this.options.store.redemptionsOfOrder(orderId, userId);
  }

  private async idsOf(userId: string, { couponIds, order }: LockOrder): Promise<Result<readonly number[]>> {
    if (couponIds !== 'best') return { ok: true, value: couponIds };
    const best = await this.options.quotes.best(userId, order, this.options.now());
    return best.ok ? { ok: true, value: best.value.couponIds } : best;
  }

  private tryLock(asker: Asker, asked: LockOrder, couponIds: readonly number[]): Promise<LockOutcome> {
    const { store, unstored } = this.options;
    const { orderId, order, lockMs, expectPayable, replace, use, key, fingerprint } = asked;
    const request: LockRequest = {
      userId: asker.userId,
      isOfService: asker.isService,
      couponIds,
      orderId,
      order,
      lockMs,
      expectPayable,
      replace,
      use,
      key,
      fingerprint,
      gid: null,
    };
    return unstored.awaited(asker.userId, () => store.lock(request));
  }

  /** Told as a quote tells it: with the reason of each coupon. */
  private async missing(asker: Asker, asked: LockOrder, couponIds: readonly number[]): Promise<Problem> {
    const ids = asked.couponIds === 'best' ? couponIds : asked.couponIds;
    const quoted = await this.options.quotes.quote(asker.userId, asked.order, ids, this.options.now());
    if (!quoted.ok) return quoted.problem;
    return lockProblem({ kind: 'refused', code: 'not_applicable', quote: quoted.value.quote });
  }

  private async moved(move: Promise<MoveOutcome>): Promise<Result<Moved>> {
    const outcome = await move;
    if (outcome.kind === 'refused') return { ok: false, problem: moveProblem(outcome) };
    const { redemption, isRepeat } = outcome;
    return { ok: true, value: { redemption, isRepeat } };
  }
}

export const NO_REDEMPTION = problem('not_found', 'There is no such redemption.');

export function lockProblem(refusal: LockRefusal): Problem {
  switch (refusal.code) {
    case 'order_changed': {
      const { redemptionId, state } = refusal.redemption;
      return problem(refusal.code, `This order has redemption ${redemptionId}, made for another body.`, {
        redemptionId: String(redemptionId),
        state,
      });
    }
    case 'idempotency_conflict':
      return problem(refusal.code, 'This Idempotency-Key was used for another lock.');
    case 'no_coupon':
      return problem(refusal.code, 'There is no coupon to lock.');
    case 'coupon_locked':
      return problem(refusal.code, `Coupon ${refusal.couponIds.join(', ')} is locked by another order.`, {
        couponIds: refusal.couponIds.map(String),
      });
    case 'not_applicable': {
      const { coupons } = refusal.quote;
      const why = coupons.filter(({ reason }) => reason !== null);
      const detail = why.map(({ couponId, reason }) => `coupon ${couponId}: ${reason}`).join('; ');
      return problem(refusal.code, `Not every coupon would take something: ${detail}.`, {
        quote: refusal.quote,
      });
    }
    case 'quote_changed':
      return problem(refusal.code, `The order comes to ${refusal.quote.payable}.`, { quote: refusal.quote });
    default:
      return quoteProblem(refusal);
  }
}

export function moveProblem(refusal: MoveRefusal): Problem {
  switch (refusal.code) {
    case 'not_found':
      return NO_REDEMPTION;
    case 'forbidden':
      return problem('forbidden', 'A lock made by a service is released by services only.');
    case 'items_required':
      return problem(
        'invalid_request',
        'items and shippingFee: are missing (the prices of a lock made by a user are what the client said; allowed: those of the order)',
        { state: refusal.redemption.state },
      );
    case 'lock_expired': {
      const { redemption, taken } = refusal;
      return problem(refusal.code, 'The lock has lapsed.', {
        state: redemption.state,
        lockedUntil: new Date(redemption.lockedUntilMs).toISOString(),
        coupons: taken.map(({ couponId, state, redemptionId }) => ({
          couponId: String(couponId),
          status: state,
          ...(redemptionId === null || redemptionId === 0 ? {} : { redemptionId: String(redemptionId) }),
        })),
      });
    }
    default:
      return problem(refusal.code, MOVE_DETAILS[refusal.code], { state: refusal.redemption.state });
  }
}

const MOVE_DETAILS = {
  released: 'The redemption was released.',
  reverted: 'The redemption was reverted.',
  already_used: 'The redemption is used; revert it, or return its items.',
  not_used: 'The redemption is not used.',
  order_changed: 'The items or the shipping fee are not those that were locked.',
} as const;
