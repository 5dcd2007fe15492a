/**
 * Code spaces: the sets of codes that a pattern with one charset can produce, numbered 0 … total - 1.
 *
 * A default code is 18 digits: two of the product line, two of the kind, the six digits of the publish date
 * (yyMMdd, UTC) in an order that differs from template to template, and eight that look random. Its space is named
 * by the first ten digits. A code after a pattern ("SUMMER-########") has its own charset in the `#` places; its
 * space is named `pattern|charset`. Neither part may contain `|`, so a name says everything about its space and
 * nothing else needs to be stored to read a code years later. A default space is the pattern "dddddddddd########"
 * over the digits, so that one description serves both.
 *
 * What makes codes unique is that a place of a space is given out once. Two different spaces must then have no code
 * in common: default spaces differ in their first ten digits, patterns that could look like a default code are
 * refused here, and `spacesOverlap` is for whoever publishes, to compare a new pattern with the spaces in use. In
 * common also means: as people type them (typed-code.ts), or somebody's coupon would be found for somebody else's.
 */

import { CODE_SPACE_SHARE_MAX } from '../limits.ts';
import { ok, type Result, refused } from '../problems.ts';
import { eightDigits } from './eight-digits.ts';
import type { CodePattern, Template } from './template.ts';
import { reduce, shapesConfusable, type TypedShape, typedShape } from './typed-code.ts';

const PATTERN_CHARS_MAX = 64;
const CHARSET_CHARS_MIN = 2;
const CHARSET_CHARS_MAX = 64;
/** The least that NIST SP 800-38G allows, and the most that ff1.ts serves. */
const POSSIBILITIES_MIN = 10 ** 6;
const POSSIBILITIES_MAX = 2 ** 48;

const DIGITS = '0123456789';
const DEFAULT_CODE_CHARS = 18;
const DEFAULT_PREFIX_CHARS = 10;
const DEFAULT_PLACES = '########';
const DEFAULT_CODES = typedShape('#'.repeat(DEFAULT_CODE_CHARS), DIGITS);
const DEFAULT_CODE = /^[0-9]{18}$/;
const DEFAULT_SPACE = /^[0-9]{10}$/;
/** Without the blank: a code must survive being typed and trimmed. */
const PRINTABLE = /^[\x21-\x7e]*$/;

/** A space something may be reserved in. */
export interface CodeSpace {
  readonly space: string;
  /** Places that may be given out: all possibilities × CODE_SPACE_SHARE_MAX. Extents lie in [0, size). */
  readonly size: number;
}

/** What the name of a space says, ready for use. */
export interface SpaceShape {
  readonly pattern: string;
  readonly charset: string;
  /** Indices of the `#` in the pattern. */
  readonly places: readonly number[];
  /** All possibilities, charset.length ^ places.length. */
  readonly total: number;
  /** What of it matters in what people type. */
  readonly typed: TypedShape;
  /** Bound into every permuted value, so that equal places of two spaces have nothing in common. */
  readonly tweak: Uint8Array;
}

/**
 * Where a template's default codes may lie, to be tried in this order: every distinct order of the date's digits,
 * beginning with one that depends on the template. RangeError when product line or kind has more than two digits.
 */
export function defaultSpaces(
  productLine: number,
  codeKind: number,
  publishedAtMs: number,
  templateId: number,
): CodeSpace[] {
  const head = twoDigits(productLine) + twoDigits(codeKind);
  const date = new Date(publishedAtMs).toISOString().slice(2, 10).replaceAll('-', '');
  const orders = distinctOrders(date);
  // Spread by a multiplicative hash: neighbouring ids do not get neighbouring orders.
  const start = (Math.imul(templateId, 0x9e3779b1) >>> 0) % orders.length;
  const size = mayBeGiven(possibilities(DIGITS.length, DEFAULT_PLACES.length));
  return orders.map((_, i) => ({ space: head + orders[(start + i) % orders.length]!, size }));
}

/** Where a template's codes may lie, to be tried in this order: in its pattern's space, or the default ones. */
export function spacesOf(
  { id, productLine, codeKind, code }: Pick<Template, 'id' | 'productLine' | 'codeKind' | 'code'>,
  publishedAtMs: number,
): CodeSpace[] {
  return code === null
    ? defaultSpaces(productLine, codeKind, publishedAtMs, id)
    : [acceptedPatternSpace(code)];
}

/** The space of a pattern, or `invalid_request` with what is wrong with it. */
export function patternSpace(code: CodePattern): Result<CodeSpace> {
  const { pattern, charset } = code;
  if (!PRINTABLE.test(pattern) || pattern.includes('|')) {
    return refused('invalid_request', 'code.pattern must be printable ASCII without blanks and without "|"');
  }
  if (pattern.length > PATTERN_CHARS_MAX) {
    return refused('invalid_request', `code.pattern must not be longer than ${PATTERN_CHARS_MAX} characters`);
  }
  if (!PRINTABLE.test(charset) || charset.includes('|') || charset.includes('#')) {
    return refused('invalid_request', 'code.charset must be printable ASCII without blanks, "#" and "|"');
  }
  if (charset.length < CHARSET_CHARS_MIN || charset.length > CHARSET_CHARS_MAX) {
    return refused(
      'invalid_request',
      `code.charset must have ${CHARSET_CHARS_MIN} to ${CHARSET_CHARS_MAX} characters`,
    );
  }
  if (new Set(charset).size !== charset.length) {
    return refused('invalid_request', 'code.charset must not contain a character twice');
  }
  const total = possibilities(charset.length, pattern.split('#').length - 1);
  if (total < POSSIBILITIES_MIN || total > POSSIBILITIES_MAX) {
    return refused(
      'invalid_request',
      'code.pattern must have "#" for at least 10^6 and at most 2^48 possibilities',
    );
  }
  if (shapesConfusable(typedShape(pattern, charset), DEFAULT_CODES)) {
    return refused(
      'invalid_request',
      `code.pattern must not produce ${DEFAULT_CODE_CHARS} digits, dashes aside: those are the default codes`,
    );
  }
  return ok(acceptedPatternSpace(code));
}

/** Of a pattern that was accepted once, by whatever rules there were then. */
export function acceptedPatternSpace({ pattern, charset }: CodePattern): CodeSpace {
  const total = possibilities(charset.length, pattern.split('#').length - 1);
  return { space: `${pattern}|${charset}`, size: mayBeGiven(total) };
}

/**
 * True if some code belongs to both of two different spaces, or something can be typed that is taken for a code of
 * both: their extents must not both be given out.
 */
export function spacesOverlap(a: string, b: string): boolean {
  return shapesConfusable(shapeOf(a).typed, shapeOf(b).typed);
}

/** The code that has `value` (0 … total - 1) written in the space's places. */
export function formatCode(space: string, value: number): string {
  // The names of other spaces contain `|` and are never this short.
  if (space.length === DEFAULT_PREFIX_CHARS && DEFAULT_SPACE.test(space)) return space + eightDigits(value);
  const { pattern, charset, places } = shapeOf(space);
  const radix = charset.length;
  let text = '';
  let end = pattern.length;
  for (let i = places.length - 1; i >= 0; i--) {
    const next = Math.floor(value / radix);
    text = charset[value - next * radix]! + pattern.slice(places[i]! + 1, end) + text;
    end = places[i]!;
    value = next;
  }
  return pattern.slice(0, end) + text;
}

/** The value in the places of a code of this space; null for any other text. */
export function matchCode(space: string, code: string): number | null {
  return valueIn(shapeOf(space), code);
}

/** The same for what was typed, as `readTyped` has read it. At most one code of a space is meant by any text. */
export function matchTypedCode(space: string, typed: string): number | null {
  const shape = shapeOf(space).typed;
  return valueIn(shape, reduce(typed, shape));
}

function valueIn({ pattern, charset }: CodePattern, code: string): number | null {
  if (code.length !== pattern.length) return null;
  let value = 0;
  for (let i = 0; i < pattern.length; i++) {
    if (pattern[i] === '#') {
      const digit = charset.indexOf(code[i]!);
      if (digit < 0) return null;
      value = value * charset.length + digit;
    } else if (pattern[i] !== code[i]) {
      return null;
    }
  }
  return value;
}

/** The space a default code names with its first ten digits; null if this is no default code. */
export function spaceOfDefaultCode(code: string): string | null {
  return DEFAULT_CODE.test(code) ? code.slice(0, DEFAULT_PREFIX_CHARS) : null;
}

const SHAPES_MAX = 1024;
const shapes = new Map<string, SpaceShape>();

/** Reads the name of a space. The shapes in use are kept; when there are too many, all are read anew. */
export function shapeOf(space: string): SpaceShape {
  let shape = shapes.get(space);
  if (shape === undefined) {
    shape = readShape(space);
    if (shapes.size >= SHAPES_MAX) shapes.clear();
    shapes.set(space, shape);
  }
  return shape;
}

function readShape(space: string): SpaceShape {
  const bar = space.indexOf('|');
  const byDefault = bar < 0 && DEFAULT_SPACE.test(space);
  if (bar < 0 && !byDefault) throw new Error(`no code space has the name "${space}"`);
  const pattern = byDefault ? space + DEFAULT_PLACES : space.slice(0, bar);
  const charset = byDefault ? DIGITS : space.slice(bar + 1);
  const places: number[] = [];
  for (let i = 0; i < pattern.length; i++) if (pattern[i] === '#') places.push(i);
  return {
    pattern,
    charset,
    places,
    total: possibilities(charset.length, places.length),
    typed: typedShape(pattern, charset),
    tweak: Buffer.from(byDefault ? space : pattern, 'utf8'),
  };
}

/** By multiplication, which is exact up to 2^53; `**` need not be. */
function possibilities(radix: number, places: number): number {
  let result = 1;
  for (let i = 0; i < places; i++) result *= radix;
  return result;
}

function mayBeGiven(total: number): number {
  return Math.floor(total * CODE_SPACE_SHARE_MAX);
}

function twoDigits(value: number): string {
  if (!Number.isInteger(value) || value < 0 || value > 99) {
    throw new RangeError('product line and code kind are two digits each');
  }
  return String(value).padStart(2, '0');
}

/** Every distinct order of the characters, sorted: at most 720 for six. */
function distinctOrders(text: string): string[] {
  if (text.length <= 1) return [text];
  const orders: string[] = [];
  for (const char of [...new Set(text)].sort()) {
    const at = text.indexOf(char);
    for (const rest of distinctOrders(text.slice(0, at) + text.slice(at + 1))) orders.push(char + rest);
  }
  return orders;
}
