/**
 * The best set by looking at every set there is, with nothing but the quote: slow, and plain enough to be believed.
 * Ties are told apart by a key that is sorted as a whole, unlike the search.
 */
import type { Order, OrderLine, QuoteCoupon } from '../../../src/domain/quote/order.ts';
import type { Quote } from '../../../src/domain/quote/quote.ts';
import { quoted } from './orders.ts';

const SET_MAX = 5;

export function bestOfAll(
  order: Order,
  wallet: readonly QuoteCoupon[],
  nowMs: number,
): { couponIds: number[]; quote: Quote } {
  const usable = wallet
    .filter((c) => c.state === 'usable' && !c.isSuspended && c.validFromMs <= nowMs && nowMs < c.validUntilMs)
    .sort((a, b) => a.validUntilMs - b.validUntilMs || a.couponId - b.couponId)
    .filter((c, i, all) => all.findIndex(({ templateId }) => templateId === c.templateId) === i);
  let least: { key: bigint[]; couponIds: number[] } | null = null;
  for (const set of subsets(usable)) {
    const quote = quoted(order, set, nowMs);
    if (quote.coupons.some(({ reason }) => reason !== null)) continue;
    const couponIds = numbers(set.map(({ couponId }) => couponId));
    const key = [
      BigInt(quote.payable),
      BigInt(set.length),
      set.reduce((sum, one) => sum + unused(order, one, set, quote), 0n),
      ...numbers(set.map(({ validUntilMs }) => validUntilMs)).map(BigInt),
      ...couponIds.map(BigInt),
    ];
    if (least === null || isLess(key, least.key)) least = { key, couponIds };
  }
  const ids = least!.couponIds;
  const inOrder = ids.map((id) => usable.find(({ couponId }) => couponId === id)!);
  return { couponIds: ids, quote: quoted(order, inOrder, nowMs) };
}

function subsets(coupons: readonly QuoteCoupon[]): QuoteCoupon[][] {
  let sets: QuoteCoupon[][] = [[]];
  for (const one of coupons) {
    sets = [...sets, ...sets.filter((set) => set.length < SET_MAX).map((set) => [...set, one])];
  }
  return sets;
}

/** Worked out from the quote's own shares: what each line still cost when this coupon's turn came. */
function unused(order: Order, coupon: QuoteCoupon, set: readonly QuoteCoupon[], quote: Quote): bigint {
  const { discount, measure } = coupon.rule;
  const off = (of: QuoteCoupon) => quote.coupons.find(({ couponId }) => couponId === of.couponId)!;
  if (discount.kind === 'instant') return BigInt(discount.off) - BigInt(off(coupon).off);
  if (discount.kind !== 'threshold') return 0n;
  const before = set.filter(
    (other) => other.rule.discount.kind === 'threshold' && other.couponId < coupon.couponId,
  );
  let measured = 0n;
  for (const [i, one] of order.lines.entries()) {
    if (!sees(coupon, one)) continue;
    measured += BigInt(one.price) * BigInt(one.quantity);
    if (measure === 'remaining') for (const other of before) measured -= BigInt(off(other).lineOffs[i]!);
  }
  const tier = discount.tiers.findLast(({ spend }) => BigInt(spend) <= measured)!;
  const nominal = BigInt(tier.off) * (discount.repeat ? measured / BigInt(tier.spend) : 1n);
  const most = BigInt(discount.maxOff ?? nominal);
  return (nominal < most ? nominal : most) - BigInt(off(coupon).off);
}

function sees({ rule }: QuoteCoupon, { goodsId, categoryIds }: OrderLine): boolean {
  const { scope } = rule;
  const isIn = (list: readonly string[] | undefined) =>
    categoryIds.some((one) => list?.includes(one) === true);
  if (scope.excludeGoods?.includes(goodsId) || isIn(scope.excludeCategories)) return false;
  return 'all' in scope || scope.goods?.includes(goodsId) === true || isIn(scope.categories);
}

function numbers(values: readonly number[]): number[] {
  return values.toSorted((a, b) => a - b);
}

/** Compared in turn; sets of different sizes differ before their sizes do. */
function isLess(a: readonly bigint[], b: readonly bigint[]): boolean {
  for (const [i, value] of a.entries()) if (value !== b[i]) return value < b[i]!;
  return false;
}
