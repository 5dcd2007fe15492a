/**
 * What a discount takes off, by the product's rules for discounts. A discount is brought into one flat shape first,
 * because the search for the best coupons asks thousands of times.
 *
 * `measure` is what minimum and tiers are compared with; `base` is what there is to take from: what remains of the
 * lines in scope, or of the shipping fee. Both below 2^53, and so is every result unless it says otherwise.
 */
import type { Discount } from '../template.ts';

const BASIS_POINTS = 10_000;

/** Kinds, numbered in the order in which coupons are applied. */
export const THRESHOLD = 0;
export const INSTANT = 1;
export const PERCENT = 2;
export const SHIPPING = 3;
const RANKS = { threshold: THRESHOLD, instant: INSTANT, percent: PERCENT, shipping: SHIPPING } as const;

export function kindRank({ kind }: Discount): number {
  return RANKS[kind];
}

export interface OffRule {
  /** One of the numbers above. */
  readonly kind: number;
  /** The lowest measure at which it applies. */
  readonly minimum: number;
  /** Of a threshold, rising; empty otherwise. */
  readonly spends: readonly number[];
  /** Of those tiers; of an instant its one off. */
  readonly offs: readonly number[];
  readonly repeats: boolean;
  /** Basis points taken, of a percent. */
  readonly cut: number;
  /** Infinity: none. */
  readonly maxOff: number;
}

export function offRule(discount: Discount): OffRule {
  const rule = {
    kind: kindRank(discount),
    minimum: 0,
    spends: [],
    offs: [],
    repeats: false,
    cut: 0,
    maxOff: Number.POSITIVE_INFINITY,
  };
  switch (discount.kind) {
    case 'threshold': {
      const { tiers, repeat = false, maxOff = rule.maxOff } = discount;
      return {
        ...rule,
        minimum: tiers[0]!.spend,
        spends: tiers.map(({ spend }) => spend),
        offs: tiers.map(({ off }) => off),
        repeats: repeat,
        maxOff,
      };
    }
    case 'instant':
      return { ...rule, minimum: discount.minSpend ?? 0, offs: [discount.off] };
    case 'percent':
      return {
        ...rule,
        minimum: discount.minSpend ?? 0,
        cut: BASIS_POINTS - discount.rate,
        maxOff: discount.maxOff ?? rule.maxOff,
      };
    case 'shipping':
      return { ...rule, minimum: discount.minSpend ?? 0, maxOff: discount.maxOff ?? rule.maxOff };
  }
}

/**
 * What it takes. Never more when measure or base are less, which is what the search for the best coupons builds on:
 * tiers rise, and rounding half up keeps the order of what it rounds.
 */
export function offTaken(rule: OffRule, measure: number, base: number): number {
  if (measure < rule.minimum) return 0;
  switch (rule.kind) {
    case THRESHOLD:
      return Math.min(thresholdOff(rule, measure), base);
    case INSTANT:
      return Math.min(rule.offs[0]!, base);
    case PERCENT:
      return Math.min(shareHalfUp(base, rule.cut), rule.maxOff);
    default:
      return Math.min(base, rule.maxOff);
  }
}

/**
 * What a threshold or an instant could have taken beyond `off`: its nominal off less that. The nominal off of a
 * threshold is that of the tier reached, times how often it is held, at most maxOff, and before it is limited to what
 * remains. Other kinds have no worth to leave unused. A BigInt, for sums of these may pass 2^53.
 */
export function unusedWorth(rule: OffRule, measure: number, off: number): bigint {
  if (rule.kind === INSTANT) return BigInt(rule.offs[0]!) - BigInt(off);
  if (rule.kind !== THRESHOLD) return 0n;
  const nominal = BigInt(tierOff(rule, measure)) * BigInt(timesHeld(rule, measure));
  const capped = nominal > rule.maxOff ? BigInt(rule.maxOff) : nominal;
  return capped - BigInt(off);
}

/** Rounded when it passes 2^53, and then more than any base or maxOff all the same. */
function thresholdOff(rule: OffRule, measure: number): number {
  return Math.min(tierOff(rule, measure) * timesHeld(rule, measure), rule.maxOff);
}

function tierOff({ spends, offs }: OffRule, measure: number): number {
  let tier = spends.length - 1;
  while (tier > 0 && spends[tier]! > measure) tier--;
  return offs[tier]!;
}

function timesHeld({ repeats, spends }: OffRule, measure: number): number {
  return repeats ? (measure - (measure % spends[0]!)) / spends[0]! : 1;
}

/** amount × cut / 10000, half up. In two parts, so that no product passes 2^53. */
function shareHalfUp(amount: number, cut: number): number {
  const rest = amount % BASIS_POINTS;
  const whole = (amount - rest) / BASIS_POINTS;
  return whole * cut + Math.floor((rest * cut + BASIS_POINTS / 2) / BASIS_POINTS);
}
