import { describe, expect, test } from 'vitest';
import { readDiscount } from '../../src/cli/replay/discount-notation.ts';
import { shareMillionths, shareOf } from '../../src/cli/replay/share.ts';

describe('discounts as receipts write them', () => {
  test.each([
    ['150:20', 15_000, 2_000],
    ['5:1', 500, 100],
    ['12.29:0.07', 1_229, 7],
    ['12.5:1', 1_250, 100],
  ])('%s is an amount to spend and an amount off', (text, spend, off) => {
    expect(readDiscount(text)).toEqual({ kind: 'threshold', tiers: [{ spend, off }] });
  });

  test.each([
    ['0.95', 9_500],
    ['0.5', 5_000],
    ['.8', 8_000],
    ['0.8888', 8_888],
    ['0.0001', 1],
  ])('%s is the rate that is paid', (text, rate) => {
    expect(readDiscount(text)).toEqual({ kind: 'percent', rate });
  });

  test.each([
    'fixed',
    '',
    'null',
    '0',
    '1',
    '0.0',
    '1.0',
    '1.5',
    '95%',
    '0.95555',
    '150:0',
    '0:20',
    '150:',
    ':20',
    '150:20:10',
    '150：20',
    '-150:20',
    '1e3:20',
    '150.555:20',
    ' 150:20',
    '9999999999:1',
  ])('%j is not guessed', (text) => {
    expect(readDiscount(text)).toBeNull();
  });
});

describe('a share of a stock', () => {
  test('is exact and rounded down', () => {
    for (const [text, units, share] of [
      ['0.5', 1, 0],
      ['0.5', 11_611, 5_805],
      ['0.29', 100, 29],
      ['.1', 30, 3],
      ['1', 7, 7],
      ['1.0', 7, 7],
      ['0', 7, 0],
      ['0.333333', 3, 0],
    ] as const) {
      expect([text, units, shareOf(units, shareMillionths(text)!)]).toEqual([text, units, share]);
    }
  });

  test.each(['', '1.1', '2', '-0.5', '50%', '0.1234567', 'half'])('%j is none', (text) => {
    expect(shareMillionths(text)).toBeNull();
  });
});
