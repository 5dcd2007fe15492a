/** Rules of lists, with RULES=FILE (columns coupon_id, discount_rate) real ones: each at, just below and just above where it begins, to the cent. */
import fs from 'node:fs';
import { expect, test } from 'vitest';
import { readDiscount } from '../../../src/domain/discount-notation.ts';
import { quote } from '../../../src/domain/quote/quote.ts';

const FILE = process.env.RULES ?? '';
const NOW_MS = 1_790_000_000_000;

/** In cents, worked out of the text alone and with integers only. */
function expectedOff(rule: string, amount: bigint): bigint {
  const [spend, off] = rule.split(':');
  if (off !== undefined) return amount >= BigInt(spend!) * 100n ? BigInt(off) * 100n : 0n;
  const kept = BigInt(rule.split('.')[1]!.padEnd(4, '0'));
  const tenThousandths = amount * (10_000n - kept);
  return (2n * tenThousandths + 10_000n) / 20_000n;
}

/** → how many could not be read. */
function quoteAll(rules: readonly string[]): number {
  let unreadable = 0;
  for (const text of rules) {
    const read = readDiscount(text);
    if (read.kind === 'unreadable') {
      unreadable++;
      continue;
    }
    const threshold = text.includes(':') ? Number(text.split(':')[0]) * 100 : 10_000;
    for (const price of [threshold - 1, threshold, threshold + 1]) {
      const answer = quote(
        {
          currency: 'CNY',
          lines: [{ goodsId: '1', categoryIds: [], price, quantity: 1 }],
          shippingFee: 0,
        },
        [
          {
            couponId: 1,
            templateId: 1,
            state: 'usable',
            isSuspended: false,
            validFromMs: 0,
            validUntilMs: NOW_MS + 1,
            rule: {
              currency: 'CNY',
              discount: read,
              scope: { all: true },
              stacking: null,
              measure: 'remaining',
            },
          },
        ],
        NOW_MS,
      );
      if (answer.kind === 'refused') throw new Error(`${text}: ${answer.detail}`);
      expect({ text, price, off: BigInt(answer.discount) }).toEqual({
        text,
        price,
        off: expectedOff(text, BigInt(price)),
      });
    }
  }

  return unreadable;
}

test('rules as lists have them take exactly what they say', () => {
  expect(quoteAll(['20:1', '150:20', '5:4', '1000:999', '0.95', '0.5', '0.01', '0.9999', 'fixed'])).toBe(1);
});

if (FILE !== '') {
  test('every real rule takes exactly what it says', () => {
    const lines = fs.readFileSync(FILE, 'utf8').trim().split(/\r?\n/).slice(1);
    const unreadable = quoteAll(lines.map((line) => line.split(',')[1]!));
    expect(unreadable).toBe(1);
    console.log(`${lines.length - unreadable} rules quoted, ${unreadable} unreadable`);
  });
}
