/**
 * The coupons of a wallet that can take part in the best set, flattened for the search. What never takes part is left
 * out here: unusable ones, all but one of a template, other currencies, and whatever takes nothing from the untouched
 * order, for it takes nothing later either.
 */
import { compareApplication } from './application-order.ts';
import { type OffRule, offRule, offTaken, SHIPPING } from './off.ts';
import type { Order, QuoteCoupon } from './order.ts';
import { ScopeLines } from './scope-lines.ts';
import { groupOf, isExclusive } from './stacking.ts';

export interface Candidate {
  readonly coupon: QuoteCoupon;
  readonly rule: OffRule;
  /** Index of its group; of no meaning for an exclusive one. */
  readonly group: number;
  /** Index into `scopes`. */
  readonly scope: number;
  /** What it is measured by if that is the initial amounts; -1: what remains. */
  readonly initial: number;
}

export interface Field {
  readonly amounts: Float64Array;
  readonly shippingFee: number;
  /** Lines of each distinct scope. */
  readonly scopes: readonly Uint16Array[];
  readonly groups: number;
  /** In order of application, without the exclusive ones. */
  readonly stackable: readonly Candidate[];
  readonly exclusive: readonly Candidate[];
}

export function fieldOf(order: Order, usable: readonly QuoteCoupon[], currency: string | null): Field {
  const amounts = Float64Array.from(order.lines, ({ price, quantity }) => price * quantity);
  const scopeLines = new ScopeLines(order.lines);
  const scopes = new Distinct<Uint16Array>();
  const groups = new Distinct<string>();
  const exclusive: Candidate[] = [];
  const stackable: Candidate[] = [];
  for (const coupon of oneOfEachTemplate(usable).sort(compareApplication)) {
    if (coupon.rule.currency !== currency) continue;
    const lines = scopeLines.within(coupon.rule.scope);
    if (lines.length === 0) continue;
    let sum = 0;
    for (const line of lines) sum += amounts[line]!;
    const rule = offRule(coupon.rule.discount);
    if (offTaken(rule, sum, rule.kind === SHIPPING ? order.shippingFee : sum) === 0) continue;
    const group = groupOf(coupon.rule);
    (isExclusive(coupon.rule) ? exclusive : stackable).push({
      coupon,
      rule,
      group: groups.indexOf(group, group),
      scope: scopes.indexOf(String.fromCharCode.apply(null, lines as unknown as number[]), lines),
      initial: coupon.rule.measure === 'initial' ? sum : -1,
    });
  }
  return {
    amounts,
    shippingFee: order.shippingFee,
    scopes: scopes.values,
    groups: groups.values.length,
    stackable: withoutTwins(stackable),
    exclusive,
  };
}

/** True if the product's rules prefer `a` of two that are the same otherwise. */
export function endsFirst(a: QuoteCoupon, b: QuoteCoupon): boolean {
  return a.validUntilMs === b.validUntilMs ? a.couponId < b.couponId : a.validUntilMs < b.validUntilMs;
}

function oneOfEachTemplate(coupons: readonly QuoteCoupon[]): QuoteCoupon[] {
  const chosen = new Map<number, QuoteCoupon>();
  for (const coupon of coupons) {
    const other = chosen.get(coupon.templateId);
    if (other === undefined || endsFirst(coupon, other)) chosen.set(coupon.templateId, coupon);
  }
  return [...chosen.values()];
}

/**
 * Of coupons that do the same at the same turn, the one that wins every tie. The same turn: one group and kind, and
 * none of another group applied in between, or the others' offs could differ with the turn.
 */
function withoutTwins(candidates: readonly Candidate[]): Candidate[] {
  const kept: Candidate[] = [];
  const places = new Map<string, number>();
  let turn = 0;
  for (const [i, candidate] of candidates.entries()) {
    const { coupon, rule, group, scope, initial } = candidate;
    const before = candidates[i - 1];
    if (before?.group !== group || before.rule.kind !== rule.kind) turn++;
    const key = `${turn} ${scope} ${initial} ${JSON.stringify(coupon.rule.discount)}`;
    const place = places.get(key);
    if (place === undefined) places.set(key, kept.push(candidate) - 1);
    else if (endsFirst(coupon, kept[place]!.coupon)) kept[place] = candidate;
  }
  return kept;
}

/** Values numbered in the order in which their keys are first met. */
class Distinct<T> {
  readonly values: T[] = [];
  readonly #index = new Map<string, number>();

  indexOf(key: string, value: T): number {
    let index = this.#index.get(key);
    if (index === undefined) {
      index = this.values.push(value) - 1;
      this.#index.set(key, index);
    }
    return index;
  }
}
