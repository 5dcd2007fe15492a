/**
 * User ids are unsigned 63-bit integers, 1 … 2^63 - 1: decimal strings on the wire, two 32-bit words (lo, hi)
 * wherever it is hot. No BigInt on the way: it allocates, and a claim must not.
 */

const WORD = 2 ** 32;
const HI_MAX = 2 ** 31 - 1;
/** Digits of 2^63 - 1. */
const DIGITS_MAX = 19;
/** So many digits are exact in a double. */
const HEAD_DIGITS = 15;
const POWERS = [1, 10, 100, 1000, 10_000] as const;
const MILLION = 1_000_000;

/**
 * Writes [lo, hi] and returns true for a canonical decimal user id (no sign, no leading zero, no space).
 * On false `out` is untouched.
 */
export function parseUserId(text: string, out: Uint32Array): boolean {
  const digits = text.length;
  if (digits === 0 || digits > DIGITS_MAX || text.charCodeAt(0) === 48) return false;
  const headDigits = digits < HEAD_DIGITS ? digits : HEAD_DIGITS;
  let head = 0;
  let tail = 0;
  for (let i = 0; i < digits; i++) {
    const digit = text.charCodeAt(i) - 48;
    if (digit < 0 || digit > 9) return false;
    if (i < headDigits) head = head * 10 + digit;
    else tail = tail * 10 + digit;
  }
  // value = head × 10^(tail digits) + tail, multiplied word by word: every intermediate stays below 2^53.
  const power = POWERS[digits - headDigits]!;
  const low = (head % WORD) * power + tail;
  const high = Math.floor(head / WORD) * power + Math.floor(low / WORD);
  if (high > HI_MAX) return false;
  out[0] = low % WORD;
  out[1] = high;
  return true;
}

export function userIdText(lo: number, hi: number): string {
  if (hi < 2 ** 21) return String(hi * WORD + lo);
  // Divided by 10^6 word by word, so that remainder and quotient both stay below 2^53.
  const rest = (hi % MILLION) * WORD + lo;
  const quotient = Math.floor(hi / MILLION) * WORD + Math.floor(rest / MILLION);
  return String(quotient) + String(rest % MILLION).padStart(6, '0');
}

const scratch = new Uint32Array(2);

/** A decimal string, or a number while it is a safe integer → the canonical string; null for anything else. */
export function userIdFromJson(value: unknown): string | null {
  if (typeof value === 'string') return parseUserId(value, scratch) ? value : null;
  return typeof value === 'number' && Number.isSafeInteger(value) && value > 0 ? String(value) : null;
}
