/**
 * The record store's part in a coupon's life after the claim: locked by an order, used, released, reverted, returned,
 * expired, voided. Each call is one transaction there; many coupons move together or not at all, and every call may be
 * made again: it answers what it answered the first time. SQLite and MySQL stand behind it with the same statements.
 */
import type { Order, QuoteCoupon } from './domain/quote/order.ts';
import type { Quote } from './domain/quote/quote.ts';
import type { ReturnedItem } from './domain/quote/returns.ts';

/** As stored; a usable one past its time is expired for every reader, and a lock past its time has lapsed. */
export type CouponState = 'usable' | 'locked' | 'used' | 'expired' | 'voided';
export type RedemptionState = 'locked' | 'lapsed' | 'released' | 'used' | 'reverted';

/** What a lock freezes: the order, the coupons with their rules as of then, and what it comes to with them. */
export interface Frozen {
  readonly order: Order;
  readonly coupons: readonly QuoteCoupon[];
  readonly quote: Quote;
}

/** What has come back of an order. */
export interface ReturnTotals {
  /** Units per line. */
  readonly units: readonly number[];
  /** For goods. */
  readonly refunded: number;
  readonly shippingRefunded: number;
}

export interface Redemption {
  readonly redemptionId: number;
  readonly userId: string;
  readonly orderId: string;
  /** Decided by the store's clock at the read. */
  readonly state: RedemptionState;
  readonly lockedAtMs: number;
  /** Half open: at this moment the lock has lapsed. */
  readonly lockedUntilMs: number;
  readonly usedAtMs: number | null;
  /** Released or reverted. */
  readonly endedAtMs: number | null;
  /** A service has vouched for the prices. */
  readonly isVerified: boolean;
  /** The lock was made by a service, and only one may release it. */
  readonly isOfService: boolean;
  readonly frozen: Frozen;
  readonly returned: ReturnTotals;
}

export interface LockRequest {
  readonly userId: string;
  readonly orderId: string;
  /** Each once, none unknown to be somebody else's. */
  readonly couponIds: readonly number[];
  readonly order: Order;
  readonly lockMs: number;
  readonly expectPayable: number | null;
  /** Whether a live lock of the same order gives way. */
  readonly replace: boolean;
  /** Used in the same step. */
  readonly use: boolean;
  readonly isOfService: boolean;
  readonly key: string | null;
  /** Of all that was asked for: the same again is a repeat. */
  readonly fingerprint: string;
  /** Of the saga that asks; null: none does. */
  readonly gid: string | null;
}

export type LockRefusal =
  | { readonly kind: 'refused'; readonly code: 'order_changed'; readonly redemption: Redemption }
  | { readonly kind: 'refused'; readonly code: 'idempotency_conflict' }
  | { readonly kind: 'refused'; readonly code: 'no_coupon' }
  | { readonly kind: 'refused'; readonly code: 'coupon_locked'; readonly couponIds: readonly number[] }
  | {
      readonly kind: 'refused';
      readonly code: 'not_applicable' | 'quote_changed';
      readonly quote: Quote;
    }
  | {
      readonly kind: 'refused';
      readonly code: 'invalid_request' | 'duplicate_coupon' | 'amount_too_large';
      readonly detail: string;
      readonly field?: string;
    };

export type LockOutcome =
  | { readonly kind: 'locked'; readonly redemption: Redemption; readonly isRepeat: boolean }
  /** There are no rows of these coupons; they may be claimed and not stored yet. Nothing was changed. */
  | { readonly kind: 'missing'; readonly couponIds: readonly number[] }
  | LockRefusal;

export interface UseRequest {
  readonly redemptionId: number;
  /** As the order system knows it; null where it did not say. */
  readonly order: Order | null;
  readonly paidAtMs: number | null;
}

/** What stands in the way of a coupon of a lapsed lock. */
export interface Taken {
  readonly couponId: number;
  readonly state: CouponState;
  /** Of another redemption that has touched it since. */
  readonly redemptionId: number | null;
}

export type MoveRefusal =
  | { readonly kind: 'refused'; readonly code: 'not_found' }
  | {
      readonly kind: 'refused';
      readonly code:
        | 'released'
        | 'reverted'
        | 'already_used'
        | 'not_used'
        | 'order_changed'
        | 'items_required';
      readonly redemption: Redemption;
    }
  /** Only a service may. */
  | { readonly kind: 'refused'; readonly code: 'forbidden' }
  | {
      readonly kind: 'refused';
      readonly code: 'lock_expired';
      readonly redemption: Redemption;
      readonly taken: readonly Taken[];
    };

/** `isRepeat`: it had been done before, and nothing was changed now. */
export type MoveOutcome =
  | { readonly kind: 'moved'; readonly redemption: Redemption; readonly isRepeat: boolean }
  | MoveRefusal;

export interface ReleaseRequest {
  readonly redemptionId: number;
  /** null: a service asks. Otherwise only this user's own is found. */
  readonly userId: string | null;
}

export interface ExtendRequest {
  readonly redemptionId: number;
  /** From now on; a lock never gets shorter. */
  readonly lockMs: number;
}

/** `refund`: of what was paid, all that has not come back before; a repeat is told the same. */
export type RevertOutcome =
  | {
      readonly kind: 'moved';
      readonly redemption: Redemption;
      readonly isRepeat: boolean;
      readonly refund: number;
    }
  | MoveRefusal;

export interface ReturnRequest {
  readonly redemptionId: number;
  readonly returnId: string;
  readonly items: readonly ReturnedItem[];
  readonly recheck: boolean;
  readonly shipping: boolean;
  readonly restoreCoupons: boolean;
  readonly dryRun: boolean;
  readonly fingerprint: string;
}

/** What one return gave back: kept, and answered again. */
export interface ReturnReceipt {
  readonly refund: number;
  readonly shippingRefund: number;
  readonly exact: number;
  readonly recheck: number | null;
  readonly shortfall: number;
  readonly leavesNothing: boolean;
  readonly couponsRestored: boolean;
}

export type ReturnOutcome =
  | {
      readonly kind: 'moved';
      readonly redemption: Redemption;
      readonly receipt: ReturnReceipt;
      readonly isRepeat: boolean;
    }
  /** Asked only what it would be. */
  | { readonly kind: 'reckoned'; readonly redemption: Redemption; readonly receipt: ReturnReceipt }
  | { readonly kind: 'refused'; readonly code: 'idempotency_conflict' }
  | {
      readonly kind: 'refused';
      readonly code: 'invalid_return';
      readonly detail: string;
      readonly field: string;
    }
  | MoveRefusal;

/** As DTM names them: of sagas, of TCC, of workflows. */
export type SagaAction = 'action' | 'try' | 'confirm';
export type SagaCompensation = 'compensate' | 'cancel' | 'rollback';

/** One call of a distributed transaction's branch. */
export interface SagaBranch {
  readonly transType: string;
  readonly gid: string;
  readonly branchId: string;
}

export type SagaCall = SagaBranch & { readonly userId: string; readonly orderId: string } & (
    | { readonly call: 'lock'; readonly op: SagaAction; readonly lock: LockRequest }
    | { readonly call: 'use'; readonly op: SagaAction }
    | { readonly call: 'release' | 'revert'; readonly op: SagaCompensation }
  );

/**
 * done: also where there was nothing to do, because it was done before, its compensation was there first, or there is
 * nothing to compensate. `redemptions`: what this saga made for this order, as it is now, the oldest first.
 */
export type SagaOutcome =
  | { readonly kind: 'done'; readonly redemptions: readonly Redemption[]; readonly isSkipped: boolean }
  | Extract<LockOutcome, { readonly kind: 'missing' }>
  | LockRefusal
  | MoveRefusal;

export interface VoidCounts {
  readonly voided: number;
  readonly locked: number;
  readonly used: number;
  readonly expired: number;
}

export type VoidOutcome =
  | { readonly kind: 'voided'; readonly isRepeat: boolean }
  | { readonly kind: 'refused'; readonly code: 'not_found' }
  | { readonly kind: 'refused'; readonly code: 'locked' | 'used' | 'expired' };

export type CouponEventKind =
  | 'claimed'
  | 'locked'
  | 'released'
  | 'used'
  | 'returned'
  | 'reverted'
  | 'expired'
  | 'voided';

/** `sequence` counts a coupon's events: 1 is its claim, of which its row is the record. */
export interface CouponEvent {
  readonly eventId: number;
  readonly couponId: number;
  readonly sequence: number;
  readonly kind: CouponEventKind;
  readonly atMs: number;
  readonly redemptionId: number | null;
  /** A reason, where one was given. */
  readonly detail: string | null;
}

export interface Usage {
  readonly redemptionId: number;
  readonly couponId: number;
  readonly userId: string;
  readonly templateId: number;
  readonly orderId: string;
  /** Of the order, before all discounts; what this coupon took; what was to be paid. */
  readonly original: number;
  readonly discount: number;
  readonly final: number;
  readonly usedAtMs: number;
  readonly revertedAtMs: number | null;
}

export interface UsageQuery {
  readonly userId: string | null;
  readonly orderId: string | null;
  readonly templateId: number | null;
  readonly fromMs: number | null;
  readonly untilMs: number | null;
  /** Newest first: the last row seen. */
  readonly after: {
    readonly usedAtMs: number;
    readonly redemptionId: number;
    readonly couponId: number;
  } | null;
  readonly limit: number;
}

export interface CouponOf {
  readonly couponId: number;
  readonly userId: string;
}

/** Users and coupons whose rows a sweep has changed. */
export interface Swept {
  readonly coupons: readonly CouponOf[];
  /** Between the moment the oldest of them was due and now. */
  readonly lateMs: number;
}

export interface CouponStore {
  lock(request: LockRequest): Promise<LockOutcome>;
  use(request: UseRequest): Promise<MoveOutcome>;
  release(request: ReleaseRequest): Promise<MoveOutcome>;
  extend(request: ExtendRequest): Promise<MoveOutcome>;
  revert(redemptionId: number): Promise<RevertOutcome>;
  returnItems(request: ReturnRequest): Promise<ReturnOutcome>;
  /** The barrier and what it lets through, in one transaction. Compensations are never refused. */
  saga(call: SagaCall): Promise<SagaOutcome>;

  redemption(redemptionId: number): Promise<Redemption | null>;
  /** All of a user's redemptions of an order, the latest first. `userId` null: of all users. */
  redemptionsOfOrder(orderId: string, userId: string | null): Promise<Redemption[]>;
  usages(query: UsageQuery): Promise<Usage[]>;
  /** Coupons of a template that are used now. */
  used(templateId: number): Promise<number>;
  /** Without the claim itself, in their order. */
  history(couponId: number): Promise<CouponEvent[]>;

  voidCoupon(couponId: number, reason: string): Promise<VoidOutcome>;
  /** The usable ones among the next `limit` rows of a template after `afterCouponId`; `last` null at the end. */
  voidSome(
    templateId: number,
    afterCouponId: number,
    limit: number,
    reason: string,
  ): Promise<{
    readonly counts: VoidCounts;
    readonly last: number | null;
    readonly voided: readonly CouponOf[];
  }>;

  /** Marks what has expired, the oldest first, `limit` at most. */
  expireSome(limit: number): Promise<Swept>;
  /** Releases locks that have lapsed, the oldest first, `limit` at most. */
  lapseSome(limit: number): Promise<Swept>;
}
