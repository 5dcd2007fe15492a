/**
 * What a coordinator of distributed transactions asks for. It goes by the status alone, and comes again for ever after
 * any that is neither success nor refusal; so whatever the store has decided against is a refusal with status 409 here,
 * also what other callers are told as 400 or 404.
 */
import { fingerprint } from '../catalog/fingerprint.ts';
import type { Order } from '../domain/quote/order.ts';
import type {
  CouponStore,
  LockRefusal,
  LockRequest,
  MoveRefusal,
  Redemption,
  SagaCall,
} from '../ports-coupons.ts';
import { PROBLEMS, type Problem, problem, type Result } from '../problems.ts';
import { lockMs } from './lock-order.ts';
import { lockProblem, moveProblem } from './redemptions.ts';
import type { UnstoredClaims } from './unstored-claims.ts';

export interface SagasOptions {
  readonly store: Pick<CouponStore, 'saga'>;
  readonly unstored: UnstoredClaims;
}

export class Sagas {
  private readonly options: SagasOptions;

  constructor(options: SagasOptions) {
    this.options = options;
  }

  /** → what this saga has made for this order last; null: nothing, and there was nothing to do. */
  async run(call: SagaCall): Promise<Result<Redemption | null>> {
    const { store, unstored } = this.options;
    const outcome = await unstored.awaited(call.userId, () => store.saga(call));
    if (outcome.kind !== 'done') return { ok: false, problem: refusalOf(outcome) };
    return { ok: true, value: outcome.redemptions.at(-1) ?? null };
  }
}

export interface AskedSagaLock {
  readonly userId: string;
  readonly orderId: string;
  readonly couponIds: readonly number[];
  readonly order: Order;
  /** Null: as long as locks last here. */
  readonly lockSeconds: number | null;
}

/** The lock of a distributed transaction, which is a service's. */
export function sagaLock(gid: string, asked: AskedSagaLock, lockTtlMs: number): LockRequest {
  const { userId, orderId, couponIds, order, lockSeconds } = asked;
  return {
    userId,
    orderId,
    couponIds,
    order,
    lockMs: lockMs(lockSeconds, lockTtlMs),
    expectPayable: null,
    replace: false,
    use: false,
    isOfService: true,
    key: null,
    fingerprint: fingerprint({ order, couponIds }),
    gid,
  };
}

function refusalOf(
  outcome: { readonly kind: 'missing'; readonly couponIds: readonly number[] } | LockRefusal | MoveRefusal,
): Problem {
  if (outcome.kind === 'missing') {
    const why = outcome.couponIds.map((couponId) => `coupon ${couponId}: not_found`);
    return problem('not_applicable', `Not every coupon would take something: ${why.join('; ')}.`);
  }
  const { code, detail } = problemOf(outcome);
  if (code === 'not_found') return problem('not_locked', 'This saga has locked nothing for this order.');
  // Without the quote: a body in which the caller's own words stand might say ONGOING, which is "come again".
  return problem(PROBLEMS[code].status === 409 ? code : 'not_applicable', detail);
}

function problemOf(refusal: LockRefusal | MoveRefusal): Problem {
  switch (refusal.code) {
    case 'not_found':
    case 'forbidden':
    case 'items_required':
    case 'lock_expired':
    case 'released':
    case 'reverted':
    case 'already_used':
    case 'not_used':
      return moveProblem(refusal);
    case 'order_changed':
      return problem(refusal.code, `This order has redemption ${refusal.redemption.redemptionId} already.`);
    default:
      return lockProblem(refusal);
  }
}
