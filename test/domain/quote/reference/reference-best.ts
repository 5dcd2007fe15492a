/** The best combination by trying every one: nothing is skipped, nothing bounded. */
import type { Order, QuoteCoupon, ReferenceQuote } from './reference-order.ts';
import { referenceQuote, refusalOfItself } from './reference-quote.ts';

const APPLIED_MAX = 5;

export interface ReferenceBest {
  /** Ascending. */
  readonly couponIds: readonly number[];
  readonly quote: ReferenceQuote;
  /** Which rule set it above the next best; null: there was no other. */
  readonly decidedBy: RuleName | null;
}

interface Candidate {
  readonly coupons: readonly QuoteCoupon[];
  readonly quote: ReferenceQuote;
}

/** The usable ones, and of one template only the coupon with the earliest validUntil, then the smaller id. */
export function admitted(
  coupons: readonly QuoteCoupon[],
  currency: string | null,
  nowMs: number,
): QuoteCoupon[] {
  const first = new Map<number, QuoteCoupon>();
  for (const coupon of coupons) {
    if (refusalOfItself(coupon, currency, nowMs) !== null) continue;
    const held = first.get(coupon.templateId);
    const isFirst =
      held === undefined ||
      coupon.validUntilMs < held.validUntilMs ||
      (coupon.validUntilMs === held.validUntilMs && coupon.couponId < held.couponId);
    if (isFirst) first.set(coupon.templateId, coupon);
  }
  return [...first.values()];
}

function* subsets(coupons: readonly QuoteCoupon[]): Generator<QuoteCoupon[]> {
  for (let bits = 0; bits < 2 ** coupons.length; bits++) {
    const subset = coupons.filter((_, at) => (bits & (1 << at)) !== 0);
    if (subset.length <= APPLIED_MAX) yield subset;
  }
}

function unusedWorth({ coupons, quote }: Candidate): bigint {
  let unused = 0n;
  for (const [at, outcome] of quote.coupons.entries()) {
    const { kind } = coupons[at]!.rule.discount;
    if (kind === 'threshold' || kind === 'instant') unused += outcome.nominal - outcome.off;
  }
  return unused;
}

function ascending(values: readonly number[]): number[] {
  return [...values].sort((a, b) => a - b);
}

/** Two lists of one length, compared in turn. */
function compareInTurn(a: readonly number[], b: readonly number[]): number {
  for (const [at, value] of a.entries()) if (value !== b[at]!) return value - b[at]!;
  return 0;
}

/** The tie rules in turn. Negative: `a` is the better one by this rule. */
const RULES = {
  payable: (a: Candidate, b: Candidate) => Number(a.quote.payable - b.quote.payable),
  fewer: (a: Candidate, b: Candidate) => a.coupons.length - b.coupons.length,
  unused: (a: Candidate, b: Candidate) => Number(unusedWorth(a) - unusedWorth(b)),
  untils: (a: Candidate, b: Candidate) =>
    compareInTurn(
      ascending(a.coupons.map((coupon) => coupon.validUntilMs)),
      ascending(b.coupons.map((coupon) => coupon.validUntilMs)),
    ),
  ids: (a: Candidate, b: Candidate) =>
    compareInTurn(
      ascending(a.coupons.map((coupon) => coupon.couponId)),
      ascending(b.coupons.map((coupon) => coupon.couponId)),
    ),
};
type RuleName = keyof typeof RULES;
const RULE_NAMES: readonly RuleName[] = ['payable', 'fewer', 'unused', 'untils', 'ids'];

/** The first rule that tells the two apart; null: they are one and the same. */
function decidingRule(a: Candidate, b: Candidate): RuleName | null {
  return RULE_NAMES.find((name) => RULES[name](a, b) !== 0) ?? null;
}

function compare(a: Candidate, b: Candidate): number {
  const rule = decidingRule(a, b);
  return rule === null ? 0 : RULES[rule](a, b);
}

/** For an order that is not refused, with its currency named. */
export function referenceBest(order: Order, coupons: readonly QuoteCoupon[], nowMs: number): ReferenceBest {
  const candidates: Candidate[] = [];
  for (const subset of subsets(admitted(coupons, order.currency, nowMs))) {
    const quote = referenceQuote(order, subset, nowMs);
    if (quote.kind === 'refused') throw new Error(`refused: ${quote.codes.join(', ')}`);
    if (quote.coupons.every((outcome) => outcome.reason === null))
      candidates.push({ coupons: subset, quote });
  }
  candidates.sort(compare);
  const [best, second] = candidates;
  return {
    couponIds: ascending(best!.coupons.map((coupon) => coupon.couponId)),
    quote: best!.quote,
    decidedBy: second === undefined ? null : decidingRule(best!, second),
  };
}
