/** Which column of a file of rules is which: by the names in its first row, in any order, case and spelling. */
import { ok, type Result, refused } from '../problems.ts';

/** By their names here, all names they may have in a file; `coupon_id`, `Coupon-ID` and `couponid` are the same. */
const NAMES = {
  id: ['id', 'coupon_id'],
  rule: ['rule', 'discount_rate', 'discount'],
  name: ['name'],
  intro: ['intro'],
  currency: ['currency'],
  stock: ['stock'],
  perUserLimit: ['perUserLimit'],
  productLine: ['productLine'],
  daysAfterClaim: ['daysAfterClaim'],
} as const;

export type Column = keyof typeof NAMES;

const COLUMN_OF = new Map(
  Object.entries(NAMES).flatMap(([column, names]) =>
    names.map((name) => [keyOf(name), column as Column] as const),
  ),
);
const NEEDED: readonly Column[] = ['id', 'rule'];
const TITLE_CHARS_MAX = 60;
const PROBLEMS_MAX = 20;

export interface Columns {
  /** Fields of every row. */
  readonly count: number;
  readonly at: ReadonlyMap<Column, { readonly index: number; readonly title: string }>;
}

/** `ignored`: titles of columns that are left out. One that is not known is refused: it may be meant to say something. */
export function readColumns(
  titles: readonly string[],
  ignored: readonly string[],
  hasCurrency: boolean,
): Result<Columns> {
  const left = new Set(ignored.map(keyOf));
  const at = new Map<Column, { index: number; title: string }>();
  const errors: ColumnError[] = [];
  for (const [index, title] of titles.entries()) {
    const key = keyOf(title);
    if (left.has(key)) continue;
    const column = COLUMN_OF.get(key);
    const before = column && at.get(column);
    if (column === undefined)
      errors.push(told(shorten(title), 'is not a known column', `${KNOWN}; or name it in ignore`));
    else if (before !== undefined)
      errors.push(told(title, `says what ${before.title} says`, 'one of them; name the other in ignore'));
    else at.set(column, { index, title });
  }
  for (const column of NEEDED)
    if (!at.has(column)) errors.push(told(column, 'is no column of the first row', NAMES[column].join(', ')));
  if (!hasCurrency && !at.has('currency'))
    errors.push(
      told('currency', 'is missing', 'an ISO 4217 code like CNY, as a parameter or in a column currency'),
    );
  return errors.length > 0 ? wrong(errors) : ok({ count: titles.length, at });
}

const KNOWN = Object.values(NAMES).flat().join(', ');

interface ColumnError {
  readonly field: string;
  readonly problem: string;
  readonly allowed: string;
}

function told(field: string, problem: string, allowed: string): ColumnError {
  return { field, problem, allowed };
}

function wrong(errors: readonly ColumnError[]): Result<never> {
  const shown = errors.slice(0, PROBLEMS_MAX);
  const texts = shown.slice(0, 3).map((one) => `${one.field}: ${one.problem} (allowed: ${one.allowed})`);
  const more = errors.length > 3 ? [`and ${errors.length - 3} more`] : [];
  return refused('invalid_request', [...texts, ...more].join('; '), { errors: shown });
}

function keyOf(title: string): string {
  return title.toLowerCase().replaceAll(/[\s_-]/g, '');
}

function shorten(title: string): string {
  if (title === '') return 'a column without a name';
  return title.length > TITLE_CHARS_MAX ? `${title.slice(0, TITLE_CHARS_MAX)}…` : title;
}
