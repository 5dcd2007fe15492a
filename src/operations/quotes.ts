/** What an order comes to with coupons, named or the best there are. Reads only. */
import type { Best } from '../domain/quote/best.ts';
import { type Order, type QuoteCoupon, type QuoteRefusal, refusalOfBest } from '../domain/quote/order.ts';
import { type Quote, quote } from '../domain/quote/quote.ts';
import { isUsable } from '../domain/quote/reasons.ts';
import { type Problem, problem, type Result } from '../problems.ts';
import { askedCoupons, type CouponsOptions, usableCoupons } from './asked-coupons.ts';

/** Looks for the best coupons; where that is heavy, on a thread of its own. */
export type FindBest = (order: Order, coupons: readonly QuoteCoupon[], nowMs: number) => Promise<Best>;

export interface QuotesOptions extends CouponsOptions {
  readonly findBest: FindBest;
}

export type AskedIds = readonly number[] | 'best';

export interface Quoted {
  readonly quote: Quote;
  /** Of "best". */
  readonly best: { readonly optimal: boolean; readonly lowerBound: number } | null;
}

export class Quotes {
  private readonly options: QuotesOptions;

  constructor(options: QuotesOptions) {
    this.options = options;
  }

  async quote(userId: string, order: Order, asked: AskedIds, nowMs: number): Promise<Result<Quoted>> {
    if (asked !== 'best') {
      const coupons = await askedCoupons(this.options, userId, asked, nowMs);
      const quoted = quote(order, coupons, nowMs);
      return quoted.kind === 'refused'
        ? { ok: false, problem: quoteProblem(quoted) }
        : { ok: true, value: { quote: quoted, best: null } };
    }
    const found = await this.best(userId, order, nowMs);
    if (!found.ok) return found;
    const { quote: quoted, optimal, lowerBound } = found.value;
    return { ok: true, value: { quote: quoted, best: { optimal, lowerBound } } };
  }

  async best(userId: string, order: Order, nowMs: number): Promise<Result<Best>> {
    const { coupons, isWhole } = await usableCoupons(this.options, userId, nowMs);
    const mine = coupons.filter(
      (coupon) =>
        isUsable(coupon, nowMs) && (order.currency === null || coupon.rule.currency === order.currency),
    );
    const refusal = refusalOfBest(order, mine);
    if (refusal !== null) return { ok: false, problem: quoteProblem(refusal) };
    const found = await this.options.findBest(order, mine, nowMs);
    return { ok: true, value: isWhole ? found : { ...found, optimal: false, lowerBound: 0 } };
  }

  /** What each usable coupon would take if it were the only one. */
  async each(userId: string, order: Order, nowMs: number): Promise<Result<readonly Quote[]>> {
    const { coupons } = await usableCoupons(this.options, userId, nowMs);
    const quotes: Quote[] = [];
    for (const coupon of coupons) {
      const alone = quote(order, [coupon], nowMs);
      if (alone.kind === 'refused') return { ok: false, problem: quoteProblem(alone) };
      quotes.push(alone);
    }
    return { ok: true, value: quotes };
  }
}

/** The refusal of a quote as every face tells it. */
export function quoteProblem({ code, detail, field }: Omit<QuoteRefusal, 'kind'>): Problem {
  return problem(code, detail, field === undefined ? undefined : { errors: [{ field, problem: detail }] });
}
