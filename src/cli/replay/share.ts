/** A share of a stock, exact: 0.29 of 100 units is 29, though 0.29 * 100 is less. */
const SHARE = /^(?:0?\.(\d{1,6})|([01])(?:\.0{1,6})?)$/;
const MILLION = 1_000_000;

/** "0.5" → 500000 millionths; null unless 0 to 1 with at most six decimals. */
export function shareMillionths(text: string): number | null {
  const match = SHARE.exec(text);
  if (match === null) return null;
  return match[1] === undefined ? Number(match[2]) * MILLION : Number(match[1].padEnd(6, '0'));
}

/** Rounded down. */
export function shareOf(units: number, millionths: number): number {
  return Math.floor((units * millionths) / MILLION);
}
