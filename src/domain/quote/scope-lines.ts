/** Which lines of an order a coupon sees. Indexed once per order, since a wallet brings hundreds of scopes. */
import type { Scope } from '../template.ts';
import type { OrderLine } from './order.ts';

export class ScopeLines {
  readonly #ofGoods = new Map<string, number[]>();
  readonly #ofCategory = new Map<string, number[]>();
  readonly #marks: Uint8Array;
  readonly #within: Uint16Array;

  constructor(lines: readonly OrderLine[]) {
    this.#marks = new Uint8Array(lines.length);
    this.#within = new Uint16Array(lines.length);
    for (const [i, { goodsId, categoryIds }] of lines.entries()) {
      enter(this.#ofGoods, goodsId, i);
      for (const category of categoryIds) enter(this.#ofCategory, category, i);
    }
  }

  /** Indices of the lines that goods or categories name and nothing excludes, ascending. */
  within(scope: Scope): Uint16Array {
    const marks = this.#marks;
    if ('all' in scope) {
      marks.fill(1);
    } else {
      marks.fill(0);
      mark(marks, this.#ofGoods, scope.goods, 1);
      mark(marks, this.#ofCategory, scope.categories, 1);
    }
    mark(marks, this.#ofGoods, scope.excludeGoods, 0);
    mark(marks, this.#ofCategory, scope.excludeCategories, 0);
    const within = this.#within;
    let count = 0;
    for (let i = 0; i < marks.length; i++) if (marks[i] === 1) within[count++] = i;
    return within.slice(0, count);
  }
}

function enter(index: Map<string, number[]>, key: string, line: number): void {
  const lines = index.get(key);
  if (lines === undefined) index.set(key, [line]);
  else lines.push(line);
}

function mark(
  marks: Uint8Array,
  index: Map<string, number[]>,
  keys: readonly string[] | undefined,
  value: 0 | 1,
): void {
  if (keys === undefined) return;
  for (const key of keys) {
    const lines = index.get(key);
    if (lines !== undefined) for (const line of lines) marks[line] = value;
  }
}
