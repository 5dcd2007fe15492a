import { expect, test } from 'vitest';
import { returnRequest } from '../../src/operations/return-request.ts';

const ASKED = { returnId: 'r', items: [{ line: 0, quantity: 1 }] };

test('a return that does not say is held to what is usual here', () => {
  for (const usual of [true, false]) {
    expect(returnRequest(1, ASKED, usual)).toMatchObject({
      redemptionId: 1,
      recheck: usual,
      shipping: false,
      restoreCoupons: false,
      dryRun: false,
    });
    expect(returnRequest(1, { ...ASKED, recheck: !usual }, usual).recheck).toBe(!usual);
  }
});

test('it is another one by what it gives back; asking what it would be is the same one', () => {
  const print = (changes: object) => returnRequest(1, { ...ASKED, ...changes }, true).fingerprint;
  expect(print({ dryRun: true, recheck: true })).toBe(print({}));
  const others = [{}, { recheck: false }, { shipping: true }, { restoreCoupons: true }, { items: [] }];
  expect(new Set(others.map(print)).size).toBe(others.length);
});
