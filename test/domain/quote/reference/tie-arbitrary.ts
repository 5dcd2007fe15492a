/**
 * Wallets in which several sets of as many coupons are worth the same without being made of the same: an order of six
 * pieces and coupons of one to five of them, which go together as 1 + 5, 2 + 4, 3 + 3. Only there does it show in
 * which order validUntils and ids are compared.
 */
import fc from 'fast-check';
import { NOW_MS } from './coupon-arbitrary.ts';
import type { Discount, QuoteCoupon } from './reference-order.ts';

const PIECES = 6;

const holdings = fc.record({
  serial: fc.integer({ min: 0, max: 400 }),
  pieces: fc.integer({ min: 1, max: PIECES - 1 }),
  isThreshold: fc.boolean(),
  validUntilMs: fc.constantFrom(1, 2, 3, 1_000).map((ms) => NOW_MS + ms),
});

export const tiedCases = fc
  .record({
    piece: fc.constantFrom(1, 100),
    shippingFee: fc.constantFrom(0, 5),
    held: fc.uniqueArray(holdings, { minLength: 4, maxLength: 8, selector: (holding) => holding.serial }),
    isOneTime: fc.boolean(),
  })
  .map(({ piece, shippingFee, held, isOneTime }) => {
    const lines = [{ goodsId: 'g1', categoryIds: [], price: piece, quantity: PIECES }];
    const coupons = held.map(({ serial, pieces, isThreshold, validUntilMs }, at): QuoteCoupon => {
      const off = pieces * piece;
      const discount: Discount = isThreshold
        ? { kind: 'threshold', tiers: [{ spend: 1, off }] }
        : { kind: 'instant', off };
      const stacking = { group: `group ${at}` };
      return {
        couponId: serial * 2 ** 32 + at,
        templateId: at + 1,
        state: 'usable',
        isSuspended: false,
        validFromMs: 0,
        validUntilMs: isOneTime ? NOW_MS + 1 : validUntilMs,
        rule: { currency: 'CNY', discount, scope: { all: true }, stacking, measure: 'remaining' },
      };
    });
    return { order: { currency: 'CNY', lines, shippingFee }, coupons, nowMs: NOW_MS };
  });
