/** Requests that are refused whole, or stand just at the edge of it. */
import fc from 'fast-check';
import { NOW_MS } from './coupon-arbitrary.ts';
import type { AskedCoupon, Order, OrderLine } from './reference-order.ts';

interface Asked {
  readonly order: Order;
  readonly coupons: readonly AskedCoupon[];
}

function withFirstLine(asked: Asked, change: Partial<OrderLine>): Asked {
  const [first, ...rest] = asked.order.lines;
  if (first === undefined) return asked;
  return { ...asked, order: { ...asked.order, lines: [{ ...first, ...change }, ...rest] } };
}

function withLines(asked: Asked, count: number): Asked {
  const line = { goodsId: 'g1', categoryIds: ['c1'], price: 7, quantity: 1 };
  return { ...asked, order: { ...asked.order, lines: Array.from({ length: count }, () => line) } };
}

function withCoupons(asked: Asked, count: number): Asked {
  const coupons = [...asked.coupons];
  // Numbers that no drawn coupon has.
  for (let id = 1; coupons.length < count; id++) coupons.push({ couponId: id, state: 'not_found' });
  return { ...asked, coupons };
}

/** A second one with the first one's id, known or not. */
function withSecond(asked: Asked, isKnown: boolean): Asked {
  const [first] = asked.coupons;
  if (first === undefined) return asked;
  const second = isKnown ? first : { couponId: first.couponId, state: 'not_found' as const };
  return { ...asked, coupons: [...asked.coupons, second] };
}

/** The second coupon's currency is another one, and none is named. */
function withTwoCurrencies(asked: Asked): Asked {
  const coupons = asked.coupons.map((coupon, at) =>
    coupon.state === 'not_found'
      ? coupon
      : { ...coupon, rule: { ...coupon.rule, currency: at % 2 === 0 ? 'CNY' : 'JPY' } },
  );
  return { order: { ...asked.order, currency: null }, coupons };
}

/** Lines of 2^52 and 2^52 − 1 − fee: the largest total, or `above` it. */
function withTotal(asked: Asked, above: number): Asked {
  const { order } = asked;
  const line = { goodsId: 'g1', categoryIds: [], quantity: 1 };
  const lines = [
    { ...line, price: 2 ** 51, quantity: 2 },
    { ...line, price: 2 ** 52 - 1 - order.shippingFee + above },
  ];
  return { ...asked, order: { ...order, lines } };
}

const breaks: readonly ((asked: Asked) => Asked)[] = [
  ...[-1, 0.5, Number.NaN, Number.POSITIVE_INFINITY].flatMap((number) => [
    (asked: Asked) => withFirstLine(asked, { price: number }),
    (asked: Asked) => withFirstLine(asked, { quantity: number }),
    (asked: Asked) => ({ ...asked, order: { ...asked.order, shippingFee: number } }),
  ]),
  (asked) => withFirstLine(asked, { quantity: 0 }),
  (asked) => withFirstLine(asked, { price: 2 ** 40, quantity: 2 ** 14 }),
  (asked) => withLines(asked, 0),
  (asked) => withLines(asked, 500),
  (asked) => withLines(asked, 501),
  (asked) => withCoupons(asked, 50),
  (asked) => withCoupons(asked, 51),
  (asked) => withSecond(asked, true),
  (asked) => withSecond(asked, false),
  withTwoCurrencies,
  (asked) => withTotal(asked, 0),
  (asked) => withTotal(asked, 1),
];

export function broken(requests: fc.Arbitrary<Asked>) {
  return fc
    .tuple(requests, fc.array(fc.constantFrom(...breaks), { minLength: 1, maxLength: 2 }))
    .map(([asked, chosen]) => {
      let now = asked;
      for (const change of chosen) now = change(now);
      return { ...now, nowMs: NOW_MS };
    });
}
