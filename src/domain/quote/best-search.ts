/**
 * Branch and bound over sets of coupons: depth first, over places in the order of application, the most promising
 * first. Every set in which every coupon applies is a path of this tree, for whether a coupon applies depends on those
 * before it only. What applies no more never applies again further down, so lists of candidates shrink on the way.
 *
 * Exact unless the budget runs out; then `unseen` is finite and no set comes below `lowerBound`.
 */
import { ORDER_COUPONS_APPLIED_MAX } from '../../limits.ts';
import { Bounds } from './best-bounds.ts';
import type { Candidate, Field } from './best-candidates.ts';
import { emptyLevel, type Level } from './best-level.ts';
import { compareSelections, type Selection, selection } from './best-selection.ts';
import { mayWinTie } from './best-ties.ts';
import { offTaken, SHIPPING, unusedWorth } from './off.ts';
import { takeOff } from './split-off.ts';

export interface Budget {
  /** Sets to go on from. */
  readonly nodes: number;
  readonly wallMs: number;
  /** So many are looked at whatever the clock says: a thread may be kept off its core for longer than its time. */
  readonly nodesSure: number;
  /** Of any clock that only goes forward. */
  readonly nowMs: () => number;
}

export class BestSearch {
  best: Selection;
  nodes = 0;
  /** The least that a set not looked at might come to; Infinity when none could be better. */
  unseen = Number.POSITIVE_INFINITY;
  #isCut = false;
  readonly #field: Field;
  readonly #budget: Budget;
  readonly #untilMs: number;
  readonly #bounds: Bounds;
  readonly #levels: Level[];
  readonly #path: Candidate[] = [];
  /** What the path's coupons were measured by, and took. */
  readonly #measures: number[] = [];
  readonly #offs: number[] = [];
  /** Σ remaining per scope, as of the node that `#sumOf` names. */
  readonly #sums: Float64Array;
  readonly #sumOf: Int32Array;

  constructor(field: Field, budget: Budget) {
    const { amounts, scopes, shippingFee, stackable } = field;
    this.#field = field;
    this.#budget = budget;
    this.#untilMs = budget.nowMs() + budget.wallMs;
    this.#bounds = new Bounds(stackable);
    this.#levels = Array.from({ length: ORDER_COUPONS_APPLIED_MAX }, () =>
      emptyLevel(stackable.length, amounts.length),
    );
    this.#sums = new Float64Array(scopes.length);
    this.#sumOf = new Int32Array(scopes.length);
    const payable = amounts.reduce((sum, amount) => sum + amount, shippingFee);
    this.best = selection(payable, [], 0n);
  }

  run(): void {
    const { amounts, shippingFee, stackable, exclusive } = this.#field;
    const root = this.#levels[0]!;
    root.remaining = amounts;
    root.goods = amounts.reduce((sum, amount) => sum + amount, 0);
    root.shipping = shippingFee;
    this.#nextNode();
    for (const candidate of exclusive) this.#alone(root, candidate);
    root.count = 0;
    for (let i = 0; i < stackable.length; i++) this.#list(root, i);
    this.#expand(0);
  }

  get lowerBound(): number {
    return Math.min(this.unseen, this.best.payable);
  }

  #alone(root: Level, candidate: Candidate): void {
    const base = this.#sum(root, candidate.scope);
    const measure = candidate.initial < 0 ? base : candidate.initial;
    const off = offTaken(candidate.rule, measure, candidate.rule.kind === SHIPPING ? root.shipping : base);
    if (off === 0) return;
    this.#step(0, candidate, measure, off);
    this.#consider(1, root.goods + root.shipping - off);
  }

  /** Goes on from a level with each of its candidates, as long as that may lead to a better set. */
  #expand(depth: number): void {
    const level = this.#levels[depth]!;
    const { offs, measures, bounds, list } = level;
    const { stackable } = this.#field;
    const payable = level.goods + level.shipping;
    this.#bounds.fill(level, ORDER_COUPONS_APPLIED_MAX - depth, this.best.payable);
    for (const at of this.#promising(level)) {
      const bound = bounds[at]!;
      if (bound > this.best.payable) return;
      if (this.#isCut) {
        this.unseen = Math.min(this.unseen, bound);
        return;
      }
      const candidate = stackable[list[at]!]!;
      const off = offs[at]!;
      this.#step(depth, candidate, measures[at]!, off);
      if (bound === this.best.payable && !this.#mayWinTie(depth, at)) continue;
      this.#consider(depth + 1, payable - off);
      if (depth + 1 < ORDER_COUPONS_APPLIED_MAX && this.#descend(depth, at)) this.#expand(depth + 1);
    }
  }

  /** Places of the list by bound; of equal bounds what needs fewer others and would win a tie first. */
  #promising({ bounds, list, offs, order, count }: Level): Int32Array {
    const { stackable } = this.#field;
    let promising = 0;
    for (let at = 0; at < count; at++) if (bounds[at]! <= this.best.payable) order[promising++] = at;
    return order
      .subarray(0, promising)
      .sort(
        (a, b) =>
          bounds[a]! - bounds[b]! ||
          offs[b]! - offs[a]! ||
          stackable[list[a]!]!.coupon.validUntilMs - stackable[list[b]!]!.coupon.validUntilMs ||
          a - b,
      );
  }

  #mayWinTie(depth: number, at: number): boolean {
    const path = this.#path.slice(0, depth + 1);
    return mayWinTie(
      this.best,
      this.#field.stackable,
      path,
      this.#unusedOf(depth + 1),
      this.#levels[depth]!,
      at,
    );
  }

  #consider(count: number, payable: number): void {
    if (payable > this.best.payable) return;
    if (payable === this.best.payable && count > this.best.candidates.length) return;
    const found = selection(payable, this.#path.slice(0, count), this.#unusedOf(count));
    if (compareSelections(found, this.best) < 0) this.best = found;
  }

  #step(depth: number, candidate: Candidate, measure: number, off: number): void {
    this.#path[depth] = candidate;
    this.#measures[depth] = measure;
    this.#offs[depth] = off;
  }

  #unusedOf(count: number): bigint {
    let sum = 0n;
    for (let i = 0; i < count; i++) {
      sum += unusedWorth(this.#path[i]!.rule, this.#measures[i]!, this.#offs[i]!);
    }
    return sum;
  }

  /** Takes the candidate at place `at` and lists what may follow in the next level; false if nothing may. */
  #descend(depth: number, at: number): boolean {
    const level = this.#levels[depth]!;
    const next = this.#levels[depth + 1]!;
    const { stackable, scopes } = this.#field;
    const { list, offs, bases, count } = level;
    const { group, rule, scope } = stackable[list[at]!]!;
    let first = at + 1;
    while (first < count && stackable[list[first]!]!.group === group) first++;
    if (first === count) return false;

    const off = offs[at]!;
    const ofFee = rule.kind === SHIPPING;
    next.goods = ofFee ? level.goods : level.goods - off;
    next.shipping = ofFee ? level.shipping - off : level.shipping;
    if (ofFee) {
      next.remaining = level.remaining;
    } else {
      next.remaining = next.lines;
      next.remaining.set(level.remaining);
      takeOff(next.remaining, scopes[scope]!, bases[at]!, off);
    }
    this.#nextNode();
    next.count = 0;
    for (let i = first; i < count; i++) {
      if (stackable[list[i]!]!.group !== group) this.#list(next, list[i]!);
    }
    return next.count > 0;
  }

  /** Lists a candidate if it would take something. */
  #list(level: Level, index: number): void {
    const { rule, scope, initial } = this.#field.stackable[index]!;
    const base = this.#sum(level, scope);
    const measure = initial < 0 ? base : initial;
    const off = offTaken(rule, measure, rule.kind === SHIPPING ? level.shipping : base);
    if (off === 0) return;
    const at = level.count++;
    level.list[at] = index;
    level.offs[at] = off;
    level.measures[at] = measure;
    level.bases[at] = base;
  }

  #sum({ remaining }: Level, scope: number): number {
    if (this.#sumOf[scope] !== this.nodes) {
      const lines = this.#field.scopes[scope]!;
      let sum = 0;
      for (let i = 0; i < lines.length; i++) sum += remaining[lines[i]!]!;
      this.#sums[scope] = sum;
      this.#sumOf[scope] = this.nodes;
    }
    return this.#sums[scope]!;
  }

  #nextNode(): void {
    this.nodes++;
    const { nodes, nodesSure, nowMs } = this.#budget;
    if (this.nodes > nodes || (this.nodes > nodesSure && nowMs() >= this.#untilMs)) this.#isCut = true;
  }
}
