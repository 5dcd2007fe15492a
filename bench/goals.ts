/** What the figures of a row are meant to reach, told with the row. */
import type { Row } from './report.ts';

export type Bound = { readonly atLeast: number } | { readonly atMost: number };

export function withGoal(row: Row, figure: string, value: number, bound: Bound): Row {
  const [words, limit, reached] =
    'atLeast' in bound
      ? ['at least', bound.atLeast, value >= bound.atLeast]
      : ['at most', bound.atMost, value <= bound.atMost];
  // Neither reached nor missed is what a figure that was not measured is.
  const outcome = Number.isFinite(value) ? (reached ? 'reached' : 'missed') : 'not measured';
  const before = (row.more?.goals ?? []) as readonly string[];
  return { ...row, more: { ...row.more, goals: [...before, `${figure} ${words} ${limit}: ${outcome}`] } };
}
