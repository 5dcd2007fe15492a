/** What a line comes to, told unit by unit: the first ones pay what does not divide evenly. */

export interface UnitRun {
  readonly count: number;
  readonly price: number;
}

/** Rounded down, the first (payable mod quantity) units one minor unit more. Runs differ in price. */
export function unitRuns(payable: number, quantity: number): UnitRun[] {
  const dearer = payable % quantity;
  const price = (payable - dearer) / quantity;
  if (dearer === 0) return [{ count: quantity, price }];
  return [
    { count: dearer, price: price + 1 },
    { count: quantity - dearer, price },
  ];
}

/** Σ prices of the first `units` of them. */
export function priceOfFirst(runs: readonly UnitRun[], units: number): number {
  let left = units;
  let sum = 0;
  for (const { count, price } of runs) {
    const taken = Math.min(left, count);
    sum += taken * price;
    left -= taken;
  }
  return sum;
}
