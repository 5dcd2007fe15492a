/** Redemptions arrive as they were sent, wherever in an answer they stand; what a lock froze travels as text. */
import { expect, test } from 'vitest';
import type { Redemption } from '../../src/ports-coupons.ts';
import { frozenOf, textOf } from '../../src/records/redemptions/frozen-text.ts';
import { packAnswer, unpackAnswer } from '../../src/workers/redemption-answers.ts';

const TEXT = '{"order":{"currency":"CNY","lines":[],"shippingFee":0},"coupons":[],"quote":{"kind":"quoted"}}';

function redemption(redemptionId: number): Redemption {
  return {
    redemptionId,
    userId: '7',
    orderId: 'o-1',
    state: 'used',
    lockedAtMs: 1,
    lockedUntilMs: 2,
    usedAtMs: 3,
    endedAtMs: null,
    isVerified: true,
    isOfService: false,
    frozen: frozenOf(TEXT),
    returned: { units: [0], refunded: 0, shippingRefunded: 0 },
  };
}

test.each([
  ['one', redemption(1)],
  ['several', [redemption(1), redemption(2)]],
  ['an outcome', { kind: 'locked', redemption: redemption(1), isRepeat: false }],
  ['an outcome with several', { kind: 'done', redemptions: [redemption(1)], isSkipped: false }],
  ['a refusal without any', { kind: 'refused', code: 'not_found' }],
  ['rows of something else', [{ couponId: 1, sequence: 2 }]],
  ['none', null],
  ['a number', 5],
])('%s', (_, answer) => {
  const before = structuredClone(answer);
  const packed = packAnswer(answer);
  expect(answer).toEqual(before);
  expect(unpackAnswer(structuredClone(packed))).toEqual(before);
});

test('the text is the one that was read, and is made once of what was not', () => {
  const packed = packAnswer({ kind: 'moved', redemption: redemption(1) });
  expect(packed).toMatchObject({ redemption: { frozen: TEXT } });
  const { frozen } = redemption(1);
  const made = structuredClone(frozen);
  const text = textOf(made);
  expect(text).toBe(TEXT);
  (made.order as { shippingFee: number }).shippingFee = 9;
  expect(textOf(made)).toBe(TEXT);
});
