/**
 * What a coupon is (template) and a timed sale of part of its units (activity), as plain values.
 * Times are milliseconds since the epoch, money integers in minor units; `null` means "not set".
 */

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

export type Scope =
  | {
      readonly all: true;
      readonly excludeGoods?: readonly string[];
      readonly excludeCategories?: readonly string[];
    }
  | {
      readonly goods?: readonly string[];
      readonly categories?: readonly string[];
      readonly excludeGoods?: readonly string[];
      readonly excludeCategories?: readonly string[];
    };

export type Stacking = { readonly exclusive: true } | { readonly group: string };

export type Validity =
  | { readonly fromMs: number; readonly untilMs: number }
  | { readonly daysAfterClaim: number };

/** `#` places of the pattern are filled from the charset; at least 10^6 possibilities. */
export interface CodePattern {
  readonly pattern: string;
  readonly charset: string;
}

/** Stored states. `ended` is not stored: it is `published` seen after `claimUntilMs`. */
export type TemplateStatus = 'draft' | 'published' | 'disabled' | 'deleted';
export type Distribution = 'claim' | 'grant' | 'both';
/** all: every coupon a user ever had. usable: one that is used, expired or voided makes room for another. */
export type LimitCounts = 'all' | 'usable';

export interface Template {
  readonly id: number;
  readonly name: string;
  readonly intro: string | null;
  readonly logo: string | null;
  readonly productLine: number;
  readonly codeKind: number;
  readonly currency: string;
  readonly discount: Discount;
  readonly scope: Scope;
  readonly stacking: Stacking | null;
  readonly measure: 'remaining' | 'initial';
  readonly validity: Validity;
  readonly claimFromMs: number | null;
  readonly claimUntilMs: number | null;
  /** Units in all, serials 0 … total - 1. */
  readonly total: number;
  readonly perUserLimit: number;
  /** What the limits of it and of its activities count; left out: all. */
  readonly limitCounts?: LimitCounts;
  readonly distribution: Distribution;
  readonly partitions: number;
  readonly code: CodePattern | null;
  /** Only these users may claim; null: everybody. User ids as decimal strings. */
  readonly audience: { readonly userIds: readonly string[] } | null;
  readonly status: TemplateStatus;
  /** A stop switch: no new locks of its coupons; live ones finish. */
  readonly useSuspended?: boolean;
  readonly createdAtMs: number;
  readonly publishedAtMs: number | null;
  /** Names the last addition to its stock: of two that made the same total at once, one must still be made. */
  readonly lastAddition?: string;
  /** Raised by every change; later versions win wherever two meet. */
  readonly version: number;
}

export interface Activity {
  readonly id: number;
  readonly templateId: number;
  readonly name: string;
  /** Units set aside for it. After `stopped` its unsold units are the template's again. */
  readonly stock: number;
  /**
   * Units that somebody is about to make it, or has made it already: stored before any of them is moved, and gone with
   * the save that follows, so that one who dies in between leaves word of it (catalog/activity-saving.ts).
   */
  readonly askedStock?: number;
  readonly startsAtMs: number;
  readonly endsAtMs: number;
  readonly perUserLimit: number;
  /** unopened: it never got its units, and nobody is shown it. */
  readonly status: 'unopened' | 'active' | 'stopped';
  readonly createdAtMs: number;
  readonly version: number;
}

/** A reserved run of a code space: code place `offset + i` belongs to serial `firstSerial + i`, 0 ≤ i < length. */
export interface CodeExtent {
  readonly templateId: number;
  readonly firstSerial: number;
  readonly length: number;
  /** Names the space: the first ten digits, or `pattern|charset`. */
  readonly space: string;
  readonly offset: number;
}

export function validityOf(template: Template, claimedAtMs: number): { fromMs: number; untilMs: number } {
  const { validity } = template;
  if ('daysAfterClaim' in validity) {
    return { fromMs: claimedAtMs, untilMs: claimedAtMs + validity.daysAfterClaim * 86_400_000 };
  }
  return validity;
}

/** The code kind a template gets when it names none: one number per discount kind. */
export function defaultCodeKind(discount: Discount): number {
  switch (discount.kind) {
    case 'threshold':
      return 1;
    case 'percent':
      return 2;
    case 'instant':
      return 3;
    case 'shipping':
      return 4;
  }
}
