import { describe, expect, test } from 'vitest';
import { currencyDecimals } from '../../src/domain/currency.ts';
import { readDiscount } from '../../src/domain/discount-notation.ts';

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
    ['JPY', '150:20', 150, 20],
    ['KWD', '12.5:0.125', 12_500, 125],
    ['CLF', '1:0.0001', 10_000, 1],
    ['EUR', '12.29:0.07', 1_229, 7],
  ])('in %s, %s has the decimals of the currency', (currency, text, spend, off) => {
    expect(readDiscount(text, currencyDecimals(currency))).toEqual({
      kind: 'threshold',
      tiers: [{ spend, off }],
    });
  });

  test.each([
    ['JPY', '12.5:1', 'has a spend that has decimals, and its currency has none'],
    ['JPY', '150.0:20', 'has a spend that has decimals, and its currency has none'],
    ['KWD', '1.2345:1', 'has a spend that has more than the 3 decimals of its currency'],
  ])('in %s, %s has decimals that it does not have', (currency, text, problem) => {
    expect(readDiscount(text, currencyDecimals(currency))).toEqual({ kind: 'unreadable', problem });
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
    ['fixed', 'names neither amounts nor a rate'],
    ['', 'names neither amounts nor a rate'],
    ['null', 'names neither amounts nor a rate'],
    ['95%', 'names neither amounts nor a rate'],
    ['150：20', 'names neither amounts nor a rate'],
    ['0.', 'names neither amounts nor a rate'],
    ['-0.5', 'names neither amounts nor a rate'],
    ['0', 'is no rate between 0 and 1'],
    ['1', 'is no rate between 0 and 1'],
    ['0.0', 'is no rate between 0 and 1'],
    ['0.00000', 'is no rate between 0 and 1'],
    ['1.0', 'is no rate between 0 and 1'],
    ['1.5', 'is no rate between 0 and 1'],
    ['0.95555', 'is a rate of more than 4 decimals'],
    ['150:0', 'takes nothing off'],
    ['0:20', 'has an off that is not below its spend'],
    ['150:200', 'has an off that is not below its spend'],
    ['20:20', 'has an off that is not below its spend'],
    ['20:20.01', 'has an off that is not below its spend'],
    ['0.99:1', 'has an off that is not below its spend'],
    ['150:', 'has an off that is no amount'],
    [':20', 'has a spend that is no amount'],
    [' 150:20', 'has a spend that is no amount'],
    ['-150:20', 'has a spend that is no amount'],
    ['1e3:20', 'has a spend that is no amount'],
    ['150:20:10', 'has more than two parts'],
    ['150.555:20', 'has a spend that has more than the 2 decimals of its currency'],
    ['9999999999:1', 'has a spend that has more than 9 digits'],
  ])('%j is not guessed: it %s', (text, problem) => {
    expect(readDiscount(text)).toEqual({ kind: 'unreadable', problem });
  });
});
