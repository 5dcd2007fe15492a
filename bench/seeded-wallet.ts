/**
 * A large order and a large wallet, the same for the same seed: scopes that overlap, minimums that other coupons take
 * away, caps that bind, as a shop has them after some years of sales.
 */
import { couponId } from '../src/domain/coupon-id.ts';
import type { Order, OrderLine, QuoteCoupon } from '../src/domain/quote/order.ts';
import type { Discount, Scope, Stacking } from '../src/domain/template.ts';

export const WALLET_NOW_MS = Date.UTC(2026, 10, 11);
const DAY_MS = 86_400_000;
const CATEGORIES = 20;

type Random = () => number;

/** mulberry32: uniform in [0, 1). */
function randomOf(seed: number): Random {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}

const whole = (random: Random, from: number, to: number) => from + Math.floor(random() * (to - from + 1));
const ids = (random: Random, count: number, of: number) =>
  Array.from({ length: count }, () => String(whole(random, 1, of)));

/** `groups` 0: by kind, as when nothing is said; else so many named ones. One coupon in twenty is exclusive. */
export function seededWallet(
  seed: number,
  { coupons, lines, groups }: { coupons: number; lines: number; groups: number },
): { order: Order; wallet: QuoteCoupon[] } {
  const random = randomOf(seed);
  const orderLines: OrderLine[] = Array.from({ length: lines }, (_, i) => ({
    goodsId: String(i + 1),
    categoryIds: ids(random, whole(random, 1, 2), CATEGORIES),
    price: whole(random, 500, 30_000),
    quantity: whole(random, 1, 3),
  }));
  const total = orderLines.reduce((sum, { price, quantity }) => sum + price * quantity, 0);
  const order = { currency: 'CNY', lines: orderLines, shippingFee: whole(random, 500, 3_000) };
  const wallet = Array.from({ length: coupons }, (_, i): QuoteCoupon => {
    const templateId = i + 1;
    const scope = someScope(random, lines);
    return {
      couponId: couponId(templateId, whole(random, 0, 9_999)),
      templateId,
      state: 'usable',
      isSuspended: false,
      validFromMs: WALLET_NOW_MS - DAY_MS,
      validUntilMs: WALLET_NOW_MS + whole(random, 1, 60) * DAY_MS,
      rule: {
        currency: 'CNY',
        discount: someDiscount(random, 'all' in scope ? total : total / 5),
        scope,
        stacking: someStacking(random, groups),
        measure: random() < 0.1 ? 'initial' : 'remaining',
      },
    };
  });
  return { order, wallet };
}

function someScope(random: Random, lines: number): Scope {
  const kind = random();
  const out = random() < 0.2 ? { excludeGoods: ids(random, 3, lines) } : {};
  if (kind < 0.4) return { all: true, ...out };
  if (kind < 0.7) return { categories: ids(random, whole(random, 1, 5), CATEGORIES), ...out };
  return { goods: ids(random, whole(random, 5, 25), lines), ...out };
}

/** `sum`: about what its lines cost. */
function someDiscount(random: Random, sum: number): Discount {
  const part = (from: number, to: number) => Math.max(1, Math.round(sum * (from + random() * (to - from))));
  const minSpend = random() < 0.5 ? { minSpend: part(0.1, 1) } : {};
  switch (whole(random, 1, 4)) {
    case 1: {
      const spend = part(0.1, 0.6);
      const off = Math.max(1, Math.round(spend * (0.05 + random() * 0.15)));
      if (random() < 0.2)
        return { kind: 'threshold', tiers: [{ spend, off }], repeat: true, maxOff: 3 * off };
      const tiers = [1, 2, 3].map((n) => ({ spend: spend * n, off: Math.round(off * n * (1 + n / 20)) }));
      return { kind: 'threshold', tiers: tiers.slice(0, whole(random, 1, 3)) };
    }
    case 2:
      return { kind: 'instant', off: part(0.005, 0.08), ...minSpend };
    case 3: {
      const maxOff = random() < 0.5 ? { maxOff: part(0.02, 0.15) } : {};
      return { kind: 'percent', rate: whole(random, 75, 98) * 100, ...minSpend, ...maxOff };
    }
    default:
      return {
        kind: 'shipping',
        ...minSpend,
        ...(random() < 0.5 ? { maxOff: whole(random, 300, 2_000) } : {}),
      };
  }
}

function someStacking(random: Random, groups: number): Stacking | null {
  if (random() < 0.05) return { exclusive: true };
  return groups === 0 ? null : { group: `g${whole(random, 1, groups)}` };
}
