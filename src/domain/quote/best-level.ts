/** Where the search stands after some coupons have been taken: what is left, and what could be taken next. */

export interface Level {
  /** Per line. Of an earlier level where nothing has been taken from lines since. */
  remaining: Float64Array;
  /** Σ remaining. */
  goods: number;
  shipping: number;
  /** How many candidates are listed. */
  count: number;
  /** Those that may still follow and would take something now, in order of application: indices of candidates. */
  readonly list: Int32Array;
  /** For each of those: what it would take, what it would be measured by, Σ remaining of its lines. */
  readonly offs: Float64Array;
  readonly measures: Float64Array;
  readonly bases: Float64Array;
  /** For each, the least that any set may come to that goes on with it. */
  readonly bounds: Float64Array;
  /** Places in the list that are worth a look. */
  readonly order: Int32Array;
  /** Room for `remaining`. */
  readonly lines: Float64Array;
}

export function emptyLevel(candidates: number, lines: number): Level {
  const room = new Float64Array(lines);
  return {
    remaining: room,
    goods: 0,
    shipping: 0,
    count: 0,
    list: new Int32Array(candidates),
    offs: new Float64Array(candidates),
    measures: new Float64Array(candidates),
    bases: new Float64Array(candidates),
    bounds: new Float64Array(candidates),
    order: new Int32Array(candidates),
    lines: room,
  };
}
