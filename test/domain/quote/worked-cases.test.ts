import { describe, expect, test } from 'vitest';
import { quote } from '../../../src/domain/quote/quote.ts';
import { NOW_MS, order, quoted } from './orders.ts';
import { QUOTES, REFUSALS } from './worked-cases.ts';

describe('worked by hand', () => {
  test.each(QUOTES)('$title', (worked) => {
    const { lines, shippingFee, coupons, nowMs = NOW_MS } = worked;
    const result = quoted(order(lines, shippingFee), coupons, nowMs);
    expect(result.payable).toBe(worked.payable);
    expect(result.discount).toBe(worked.discount);
    expect(result.shippingDiscount).toBe(worked.shippingDiscount);
    expect(result.coupons.map(({ couponId }) => couponId)).toEqual(coupons.map(({ couponId }) => couponId));
    for (const outcome of worked.outcomes) {
      const expected =
        'reason' in outcome
          ? { off: 0, lineOffs: lines.map(() => 0), ...outcome }
          : { reason: null, ...outcome, lineOffs: lines.map((_, i) => outcome.lineOffs[i] ?? 0) };
      expect(result.coupons.find(({ couponId }) => couponId === outcome.couponId)).toEqual(expected);
    }
    if (worked.linePayable !== undefined)
      expect(result.lines.map(({ payable }) => payable)).toEqual(worked.linePayable);
    if (worked.units !== undefined) expect(result.lines.map(({ units }) => units)).toEqual(worked.units);
  });

  test.each(REFUSALS)('refused: $title', ({ lines, shippingFee, coupons, refused }) => {
    expect(quote(order(lines, shippingFee), coupons, NOW_MS)).toMatchObject({
      kind: 'refused',
      code: refused,
    });
  });
});
