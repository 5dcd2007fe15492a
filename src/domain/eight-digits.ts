/**
 * Decimal digits of numbers that the claim path writes by the million: coupon ids and codes. Two table look-ups for
 * eight digits; the engine's own conversion of numbers above 2^31 costs several times as much.
 */
const FOUR = Array.from({ length: 10_000 }, (_, n) => String(n).padStart(4, '0'));
const EIGHT = 100_000_000;

/** `value` below 10^8, with leading zeros. */
export function eightDigits(value: number): string {
  const high = (value / 10_000) | 0;
  return FOUR[high] + FOUR[value - high * 10_000];
}

/** Any safe integer from 0 on, without leading zeros. */
export function decimalText(value: number): string {
  if (value < EIGHT) return String(value);
  const high = Math.floor(value / EIGHT);
  return decimalText(high) + eightDigits(value - high * EIGHT);
}
