/**
 * An off split over the lines it is taken from, in proportion to what remains of each: rounded down, then one minor
 * unit more to those with the largest fractions, of equal ones to the earlier line.
 */

const MAX = Number.MAX_SAFE_INTEGER;

let shares = new Float64Array(64);
let fractions = new Float64Array(64);
let sorted = new Float64Array(64);

/**
 * Takes `off` from `remaining` (by line) where `lines` point; 0 ≤ off ≤ Σ remaining of these = `sum`, sum > 0. Exact:
 * doubles hold what stays below 2^53, and a product that passes it is made of BigInts.
 */
export function takeOff(remaining: Float64Array, lines: ArrayLike<number>, sum: number, off: number): void {
  const count = lines.length;
  if (shares.length < count) grow(count);
  let left = off;
  for (let i = 0; i < count; i++) {
    const part = remaining[lines[i]!]!;
    const product = part * off;
    let share: number;
    let fraction: number;
    if (product <= MAX) {
      // The quotient of integers below 2^53 never rounds up to the next integer.
      share = Math.floor(product / sum);
      fraction = product - share * sum;
    } else {
      const exact = BigInt(part) * BigInt(off);
      const divisor = BigInt(sum);
      share = Number(exact / divisor);
      fraction = Number(exact % divisor);
    }
    shares[i] = share;
    fractions[i] = fraction;
    left -= share;
  }
  if (left > 0) spread(count, left);
  for (let i = 0; i < count; i++) remaining[lines[i]!]! -= shares[i]!;
}

/** One more for each of the `left` largest fractions. Their sum is `left` times the divisor, so none of them is 0. */
function spread(count: number, left: number): void {
  const order = sorted.subarray(0, count);
  order.set(fractions.subarray(0, count));
  order.sort();
  const least = order[count - left]!;
  let equal = left;
  for (let i = count - 1; i >= 0 && order[i]! > least; i--) equal--;
  for (let i = 0; i < count; i++) {
    if (fractions[i]! > least) shares[i]!++;
    else if (fractions[i] === least && equal > 0) {
      shares[i]!++;
      equal--;
    }
  }
}

function grow(count: number): void {
  shares = new Float64Array(count);
  fractions = new Float64Array(count);
  sorted = new Float64Array(count);
}
