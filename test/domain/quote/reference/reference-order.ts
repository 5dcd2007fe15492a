/**
 * What a quote is asked with, as plain values, and what the reference answers. The shapes asked with are those of
 * src/domain/quote, written down once more so that the reference shares no line with what it judges.
 */
import type { Scope, Stacking } from '../../../../src/domain/template.ts';

export type { Scope, Stacking };

export type Discount =
  | {
      readonly kind: 'threshold';
      readonly tiers: readonly { readonly spend: number; readonly off: number }[];
      readonly repeat?: boolean;
      /** Only with `repeat`. */
      readonly maxOff?: number;
    }
  | { readonly kind: 'percent'; readonly rate: number; readonly minSpend?: number; readonly maxOff?: number }
  | { readonly kind: 'instant'; readonly off: number; readonly minSpend?: number }
  | { readonly kind: 'shipping'; readonly minSpend?: number; readonly maxOff?: number };

export interface OrderLine {
  readonly goodsId: string;
  readonly categoryIds: readonly string[];
  readonly price: number;
  readonly quantity: number;
}

export interface Order {
  readonly currency: string | null;
  readonly lines: readonly OrderLine[];
  readonly shippingFee: number;
}

export interface CouponRule {
  readonly currency: string;
  readonly discount: Discount;
  readonly scope: Scope;
  readonly stacking: Stacking | null;
  readonly measure: 'remaining' | 'initial';
}

export interface QuoteCoupon {
  readonly couponId: number;
  readonly templateId: number;
  readonly state: 'usable' | 'locked' | 'used' | 'voided' | 'expired';
  readonly isSuspended: boolean;
  readonly validFromMs: number;
  readonly validUntilMs: number;
  readonly rule: CouponRule;
}

export interface UnknownCoupon {
  readonly couponId: number;
  readonly state: 'not_found';
}

export type AskedCoupon = QuoteCoupon | UnknownCoupon;

/** What became of one coupon: it took `off`, or `reason` says why it took nothing. */
export interface CouponOutcome {
  readonly couponId: number;
  readonly off: bigint;
  /** What a threshold or instant coupon would have taken had enough remained; `off` itself for the others. */
  readonly nominal: bigint;
  /** Per line of the order; all zero for a shipping coupon. */
  readonly lineOffs: readonly bigint[];
  readonly reason: string | null;
  readonly missing?: bigint;
  readonly excludedBy?: number;
}

export interface ReferenceQuote {
  readonly kind: 'quoted';
  readonly currency: string | null;
  readonly original: bigint;
  readonly discount: bigint;
  readonly shippingDiscount: bigint;
  readonly payable: bigint;
  readonly goodsPayable: bigint;
  readonly shippingPayable: bigint;
  /** In the order asked. */
  readonly coupons: readonly CouponOutcome[];
  readonly lines: readonly {
    readonly payable: bigint;
    readonly units: readonly { readonly count: bigint; readonly price: bigint }[];
  }[];
}

export type RefusalCode = 'invalid_request' | 'duplicate_coupon' | 'amount_too_large';

/** Every code that a fault of the request calls for: which of several faults is told first is not laid down. */
export interface ReferenceRefusal {
  readonly kind: 'refused';
  readonly codes: readonly RefusalCode[];
}
