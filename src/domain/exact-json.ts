/**
 * JSON whose numbers are the ones that were written.
 *
 * Every number of this API is an integer, and JSON.parse makes an integer of a fraction with enough digits:
 * 9007199254740990.6 becomes 9007199254740991, which is another user, another amount, another stock. What it was is
 * gone by then, so it is looked for in the text. A fraction that would become an integer is read as Infinity instead,
 * which nothing takes for a number of its own. Other fractions stay fractions, and integers beyond 2^53 - 1 are known
 * by their size: both are refused by whoever wants an integer.
 */

const STRING_OR_NUMBER = /"(?:[^"\\]|\\.)*"|-?\d+(?:\.\d+)?(?:[eE][+-]?\d+)?/g;
/** The beginning of a number that may be a fraction, or a text that looks like one. */
const FRACTION = /(?:^|[\s:,[])-?\d+(?:\.|[eE]-)/;
const NUMBER = /^-?(\d+)(?:\.(\d+))?(?:[eE]([+-]?\d+))?$/;
const ZERO = 48;
/** In JSON too far for a double; JSON.parse makes it Infinity. */
const BEYOND_ALL = '1e999';

/** As JSON.parse, SyntaxError included, but for fractions that would become integers: those become Infinity. */
export function parseExactJson(text: string): unknown {
  const value: unknown = JSON.parse(text);
  // Nearly every message ends at the first of these, and one with dashes in its texts at the second.
  if (!text.includes('.') && !text.includes('-')) return value;
  if (!FRACTION.test(text)) return value;
  let rounded = 0;
  const marked = text.replace(STRING_OR_NUMBER, (token) => {
    if (token.startsWith('"') || !isRoundedToInteger(token)) return token;
    rounded++;
    return BEYOND_ALL;
  });
  return rounded === 0 ? value : JSON.parse(marked);
}

function isRoundedToInteger(literal: string): boolean {
  if (!Number.isInteger(Number(literal))) return false;
  const [, whole = '', fraction = '', exponent = '0'] = NUMBER.exec(literal)!;
  const digits = whole + fraction;
  let end = digits.length;
  while (end > 0 && digits.charCodeAt(end - 1) === ZERO) end--;
  // digits × 10^(exponent - fraction): an integer if the zeros at its end make up for the negative power.
  return end > 0 && digits.length - end < fraction.length - Number(exponent);
}
