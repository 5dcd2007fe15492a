/**
 * The largest values of several groups, one value a group: what a few more coupons could do at most, when no two of a
 * group go together. Values of a group only rise, so one that has fallen off the end is never missed.
 */
import { ORDER_COUPONS_APPLIED_MAX } from '../../limits.ts';

export class TopGroups {
  readonly #values = new Float64Array(ORDER_COUPONS_APPLIED_MAX);
  readonly #groups = new Int32Array(ORDER_COUPONS_APPLIED_MAX);
  #count = 0;

  clear(): void {
    this.#count = 0;
  }

  enter(group: number, value: number): void {
    const values = this.#values;
    const groups = this.#groups;
    let at = 0;
    while (at < this.#count && groups[at] !== group) at++;
    if (at < this.#count) {
      if (values[at]! >= value) return;
    } else if (this.#count < values.length) {
      at = this.#count++;
    } else {
      at = values.length - 1;
      if (values[at]! >= value) return;
    }
    for (; at > 0 && values[at - 1]! < value; at--) {
      values[at] = values[at - 1]!;
      groups[at] = groups[at - 1]!;
    }
    values[at] = value;
    groups[at] = group;
  }

  /** Groups other than `without`, at most `most`. */
  count(without: number, most: number): number {
    let count = 0;
    for (let i = 0; i < this.#count && count < most; i++) if (this.#groups[i] !== without) count++;
    return count;
  }

  /** Σ of the largest `count` without that group. */
  sum(without: number, count: number): number {
    let sum = 0;
    for (let i = 0, left = count; i < this.#count && left > 0; i++) {
      if (this.#groups[i] === without) continue;
      sum += this.#values[i]!;
      left--;
    }
    return sum;
  }

  /** Π (1 − value) over them. */
  rest(without: number, count: number): number {
    let rest = 1;
    for (let i = 0, left = count; i < this.#count && left > 0; i++) {
      if (this.#groups[i] === without) continue;
      rest *= 1 - this.#values[i]!;
      left--;
    }
    return rest;
  }

  /** How many of the largest reach `sum` together; Infinity if all of them don't. */
  needed(without: number, sum: number): number {
    let left = sum;
    let needed = 0;
    for (let i = 0; i < this.#count && left > 0; i++) {
      if (this.#groups[i] === without) continue;
      left -= this.#values[i]!;
      needed++;
    }
    return left > 0 ? Number.POSITIVE_INFINITY : needed;
  }
}
