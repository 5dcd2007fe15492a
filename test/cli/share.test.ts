import { describe, expect, test } from 'vitest';
import { shareMillionths, shareOf } from '../../src/cli/replay/share.ts';

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
