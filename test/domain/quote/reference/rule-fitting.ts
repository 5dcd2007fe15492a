/** Makes rules of what was drawn, with minimums at, just below and just above what each coupon will meet. */
import type { CouponRule, Discount, Order, QuoteCoupon } from './reference-order.ts';
import { inOrderOfApplication, isInScope, referenceQuote } from './reference-quote.ts';
import type { AmountDraw, RuleDraw } from './rule-draw.ts';

export interface DrawnTemplate {
  readonly id: number;
  readonly rule: CouponRule;
}

function amountOf(draw: AmountDraw, measure: number): number {
  let amount: number;
  if (draw.how === 'flat') amount = draw.amount;
  else if (draw.how === 'share') amount = Math.floor((measure / 1_000) * draw.permille);
  else amount = Math.floor(measure / draw.times) + draw.shift;
  return Math.min(Math.max(amount, 1), Number.MAX_SAFE_INTEGER);
}

function rising(values: readonly number[]): number[] {
  return [...new Set(values)].sort((a, b) => a - b);
}

function discountOf(draw: RuleDraw, measure: number): Discount {
  const minSpend = draw.minimum === null ? {} : { minSpend: amountOf(draw.minimum, measure) };
  const maxOff = draw.maxOff === null ? {} : { maxOff: amountOf(draw.maxOff, measure) };
  const offs = draw.offs.map((off) => amountOf(off, measure));
  switch (draw.kind) {
    case 'threshold': {
      const anchor: AmountDraw = draw.minimum ?? { how: 'beside', times: 1, shift: 0 };
      const further = draw.repeat ? [] : draw.tiers;
      const spends = rising([anchor, ...further].map((tier) => amountOf(tier, measure)));
      // Both rise, so the smaller of the two rises as well.
      const risingOffs = [...offs].sort((a, b) => a - b).map((off, at) => off + at);
      const tiers = spends.map((spend, at) => {
        const off = risingOffs[at]!;
        return {
          spend,
          off: draw.isSensible ? Math.min(off, spend) : Math.min(off, Number.MAX_SAFE_INTEGER),
        };
      });
      return draw.repeat
        ? { kind: 'threshold', tiers, repeat: true, ...maxOff }
        : { kind: 'threshold', tiers };
    }
    case 'instant':
      return { kind: 'instant', off: offs[0]!, ...minSpend };
    case 'percent':
      return { kind: 'percent', rate: draw.rate, ...minSpend, ...maxOff };
    case 'shipping':
      return { kind: 'shipping', ...minSpend, ...maxOff };
  }
}

function doubled(rule: CouponRule): CouponRule {
  const { discount } = rule;
  const twice = (off: number): number => Math.min(2 * off, Number.MAX_SAFE_INTEGER);
  if (discount.kind === 'instant') return { ...rule, discount: { ...discount, off: twice(discount.off) } };
  if (discount.kind !== 'threshold') return rule;
  const tiers = discount.tiers.map((tier) => ({ ...tier, off: twice(tier.off) }));
  return { ...rule, discount: { ...discount, tiers } };
}

function unfitted(draw: RuleDraw): CouponRule {
  return {
    currency: draw.isForeign ? 'USD' : 'CNY',
    discount: discountOf(draw, 1_000),
    scope: draw.scope,
    stacking: draw.stacking,
    measure: draw.measure,
  };
}

/** A usable coupon of a template, to try its rule out with. */
function sample(id: number, rule: CouponRule): QuoteCoupon {
  const held = { couponId: id, templateId: id, state: 'usable' as const, isSuspended: false };
  return { ...held, validFromMs: 0, validUntilMs: 2, rule };
}

/** What the rule measures once the coupons before it have taken theirs. */
function measureOf(order: Order, rule: CouponRule, before: readonly QuoteCoupon[]): number {
  const quote = referenceQuote({ ...order, currency: 'CNY' }, before, 1);
  if (quote.kind === 'refused') return 1_000;
  let measure = 0;
  for (const [at, line] of order.lines.entries()) {
    if (!isInScope(line, rule.scope)) continue;
    measure += rule.measure === 'initial' ? line.price * line.quantity : Number(quote.lines[at]!.payable);
  }
  return measure;
}

export function fitted(order: Order, ids: readonly number[], draws: readonly RuleDraw[]): DrawnTemplate[] {
  const rules = draws.map(unfitted);
  const drawOf = new Map(ids.map((id, at) => [id, { draw: draws[at]!, at }]));
  const own = ids.filter((_, at) => draws[at]!.twin === null || at === 0);
  const before: QuoteCoupon[] = [];
  for (const { templateId } of inOrderOfApplication(own.map((id) => sample(id, rules[ids.indexOf(id)]!)))) {
    const { draw, at } = drawOf.get(templateId)!;
    const discount = discountOf(draw, measureOf(order, rules[at]!, before));
    rules[at] = { ...rules[at]!, discount };
    before.push(sample(templateId, rules[at]!));
  }
  for (const [at, { twin }] of draws.entries()) {
    if (at > 0 && twin !== null) rules[at] = twin === 'same' ? rules[at - 1]! : doubled(rules[at - 1]!);
  }
  return ids.map((id, at) => ({ id, rule: rules[at]! }));
}
