/**
 * Codes as people type them: with a blank behind, in small letters, with a dash of another kind or none. What of that
 * matters depends on the space a code is of, so a text is judged beside a space:
 *
 * - outer blanks, invisible characters and the full width of East Asian keyboards never matter;
 * - letter case matters only where the charset has both cases;
 * - a dash is a dash whichever it is, and matters only where the charset has one: elsewhere it stands between the
 *   characters of a code and can be left out.
 *
 * So the codes of one space stay apart, however they are typed. Those of two might not, which is why such spaces count
 * as overlapping (`spacesConfusable`) and are not published side by side.
 */

const INVISIBLE = /\p{Default_Ignorable_Code_Point}/gu;
/** All that Unicode calls a dash, and what is taken for one: hyphen bullet, modifier minus, box lines, the kana's long mark. */
const DASH = /[\p{Dash}\u2043\u02d7\u2500\u2501\u30fc\uff70]/gu;
const FULL_WIDTH = /[\uff01-\uff5e]/g;
const FULL_WIDTH_AHEAD = 0xfee0;
const PRINTABLE = /^[\x21-\x7e]+$/;
const SMALL = /[a-z]/;
const CAPITAL = /[A-Z]/;

/** A pattern and its charset, reduced to what matters in what is typed. */
export interface TypedShape {
  readonly pattern: string;
  readonly charset: string;
  readonly caseMatters: boolean;
  readonly dashesMatter: boolean;
}

export function typedShape(pattern: string, charset: string): TypedShape {
  const caseMatters = SMALL.test(charset) && CAPITAL.test(charset);
  const dashesMatter = charset.includes('-');
  const reduced = { caseMatters, dashesMatter };
  return {
    pattern: reduce(pattern, reduced),
    charset: caseMatters ? charset : capitals(charset),
    ...reduced,
  };
}

/** What was typed as printable ASCII with "-" for every dash; null when no code can be meant. */
export function readTyped(text: string): string | null {
  const plain = text
    .replace(INVISIBLE, '')
    .trim()
    .replace(DASH, '-')
    .replace(FULL_WIDTH, (char) => String.fromCharCode(char.charCodeAt(0) - FULL_WIDTH_AHEAD));
  return PRINTABLE.test(plain) ? plain : null;
}

/** A text of `readTyped` as it is compared with a shape. */
export function reduce(
  typed: string,
  { caseMatters, dashesMatter }: Pick<TypedShape, 'caseMatters' | 'dashesMatter'>,
): string {
  const kept = dashesMatter ? typed : typed.replaceAll('-', '');
  return caseMatters ? kept : capitals(kept);
}

/** Of ASCII. */
export function capitals(text: string): string {
  return text.toUpperCase();
}

/** True if something can be typed that is a code of both. */
export function shapesConfusable(a: TypedShape, b: TypedShape): boolean {
  const caseMatters = a.caseMatters && b.caseMatters;
  if (a.dashesMatter === b.dashesMatter) {
    if (a.pattern.length !== b.pattern.length) return false;
    for (let i = 0; i < a.pattern.length; i++)
      if (!meet(charsAt(a, i), charsAt(b, i), caseMatters)) return false;
    return true;
  }
  return a.dashesMatter ? confusableByDashes(b, a, caseMatters) : confusableByDashes(a, b, caseMatters);
}

/**
 * As above, where the dashes of `dashed` matter and those of `bare` are gone: any dash of `dashed`, and any of its
 * places that can be one, may stand between two characters of `bare`. By the ends that can be reached together.
 */
function confusableByDashes(bare: TypedShape, dashed: TypedShape, caseMatters: boolean): boolean {
  let reached = new Set([0]);
  for (let i = 0; i < dashed.pattern.length; i++) {
    const chars = charsAt(dashed, i);
    const next = new Set<number>();
    for (const at of reached) {
      if (chars.includes('-')) next.add(at);
      if (at < bare.pattern.length && meet(charsAt(bare, at), chars, caseMatters)) next.add(at + 1);
    }
    reached = next;
  }
  return reached.has(bare.pattern.length);
}

function charsAt({ pattern, charset }: TypedShape, i: number): string {
  return pattern[i] === '#' ? charset : pattern[i]!;
}

function meet(a: string, b: string, caseMatters: boolean): boolean {
  const [x, y] = caseMatters ? [a, b] : [capitals(a), capitals(b)];
  for (const char of x) if (y.includes(char)) return true;
  return false;
}
