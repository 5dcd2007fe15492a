/**
 * How little any set can come to that goes on with a certain coupon. Three bounds, of which the largest counts. All
 * rest on offs that never rise as less remains (off.ts), so what a coupon would take now is the most it ever takes:
 *
 * - what is payable, less its off, less the largest offs of the groups that may follow;
 * - where the percents that may follow are all of one group, as by default: what thresholds and instants leave at
 *   least, less what the largest percent takes of that;
 * - what remains of the goods, each following coupon taking either a share of it or a fixed sum. A percent takes its
 *   share; a threshold with its minimum unmet takes nothing, so it never takes a larger share than off / spend. Shares
 *   of shares are what keeps several large coupons from adding up to more than there is.
 *
 * The last two are worked out in floating point and lowered by more than that can be wrong.
 */
import type { Candidate } from './best-candidates.ts';
import type { Level } from './best-level.ts';
import { type OffRule, PERCENT, SHIPPING, THRESHOLD } from './off.ts';
import { TopGroups } from './top-groups.ts';

const BASIS_POINTS = 10_000;
/** Of all goods: more than a dozen roundings of sums below that come to. */
const ERROR = 2 ** -48;
const HALF_UP = 0.5;
/** A coupon whose share of all goods is more than so many times its off now is bounded better by that off. Measured. */
const SHARE_LOOSE = 3;
const NO_GROUP = -1;

export class Bounds {
  readonly #candidates: readonly Candidate[];
  readonly #all = new TopGroups();
  /** Offs of thresholds and instants. */
  readonly #fixed = new TopGroups();
  readonly #shipping = new TopGroups();
  /** Goods coupons bounded by a share, and the others by their off. */
  readonly #shares = new TopGroups();
  readonly #sums = new TopGroups();
  /** Places of the percents that may follow, side by side in the list, and their group if they have one. */
  #percentsFrom = 0;
  #percentsTo = 0;
  #percentGroup = NO_GROUP;

  constructor(candidates: readonly Candidate[]) {
    this.#candidates = candidates;
  }

  /** Fills `level.bounds`; `slots` more coupons may be taken. Bounds above `payableMax` may be any such number. */
  fill(level: Level, slots: number, payableMax: number): void {
    const { list, offs, bounds, count } = level;
    const payable = level.goods + level.shipping;
    this.#clear(level);
    // From behind: those that may follow have been entered when a candidate's turn comes.
    for (let at = count - 1; at >= 0; at--) {
      const candidate = this.#candidates[list[at]!]!;
      const { group, rule } = candidate;
      const off = offs[at]!;
      let bound = Math.max(0, payable - off - this.#all.sum(group, slots - 1));
      if (slots > 1 && rule.kind !== SHIPPING) {
        const goods = level.goods - off;
        if (bound <= payableMax) bound = Math.max(bound, this.#byOnePercent(level, goods, group, slots - 1));
        if (bound <= payableMax) bound = Math.max(bound, this.#byShares(level, goods, group, slots - 1));
      }
      bounds[at] = bound;
      this.#enter(level, at, candidate, off);
    }
  }

  #clear(level: Level): void {
    this.#all.clear();
    this.#fixed.clear();
    this.#shipping.clear();
    this.#shares.clear();
    this.#sums.clear();
    this.#percentsFrom = level.count;
    this.#percentsTo = 0;
    this.#percentGroup = NO_GROUP;
  }

  #enter(level: Level, at: number, { group, rule, initial }: Candidate, off: number): void {
    this.#all.enter(group, off);
    if (rule.kind === SHIPPING) {
      this.#shipping.enter(group, off);
      return;
    }
    const share = shareMax(rule, initial >= 0, level.measures[at]!, off);
    if (share * level.goods <= SHARE_LOOSE * off) this.#shares.enter(group, share);
    else this.#sums.enter(group, off);
    if (rule.kind !== PERCENT) {
      this.#fixed.enter(group, off);
      return;
    }
    if (this.#percentsTo === 0) {
      this.#percentsTo = at + 1;
      this.#percentGroup = group;
    } else if (this.#percentGroup !== group) {
      this.#percentGroup = NO_GROUP;
    }
    this.#percentsFrom = at;
  }

  /** `goods` remain; coupons of `group` can't follow, of the others `slots`. */
  #byOnePercent(level: Level, goods: number, group: number, slots: number): number {
    const hasPercents = this.#percentsTo > 0;
    if (hasPercents && this.#percentGroup === NO_GROUP) return 0;
    const percentsMax = hasPercents && this.#percentGroup !== group ? 1 : 0;
    const fixedMax = this.#fixed.count(group, slots);
    const feesMax = this.#shipping.count(group, slots);
    let least = Number.POSITIVE_INFINITY;
    for (let fixed = 0; fixed <= fixedMax; fixed++) {
      const left = Math.max(0, goods - this.#fixed.sum(group, fixed));
      for (let percents = 0; percents <= Math.min(percentsMax, slots - fixed); percents++) {
        const fees = Math.min(feesMax, slots - fixed - percents);
        // One more never comes to more: only sets that fill the slots, or use all there is.
        const hasRoom = fixed + percents + fees < slots;
        if (hasRoom && (fixed < fixedMax || percents < percentsMax)) continue;
        const kept = percents === 0 ? left : left - this.#largestPercent(level, left);
        least = Math.min(least, this.#payable(level, kept, group, fees));
      }
    }
    return least;
  }

  #largestPercent({ list, offs }: Level, left: number): number {
    let largest = 0;
    for (let at = this.#percentsFrom; at < this.#percentsTo; at++) {
      const share = (left * this.#candidates[list[at]!]!.rule.cut) / BASIS_POINTS + HALF_UP;
      const off = offs[at]!;
      const most = off < share ? off : share;
      if (most > largest) largest = most;
    }
    return largest;
  }

  /** Shares first and sums last is the least they can leave, whatever their order. */
  #byShares(level: Level, goods: number, group: number, slots: number): number {
    const sharesMax = this.#shares.count(group, slots);
    const sumsMax = this.#sums.count(group, slots);
    const feesMax = this.#shipping.count(group, slots);
    let least = Number.POSITIVE_INFINITY;
    for (let shares = 0; shares <= sharesMax; shares++) {
      const left = goods * this.#shares.rest(group, shares) - shares * HALF_UP;
      for (let sums = 0; sums <= Math.min(sumsMax, slots - shares); sums++) {
        const fees = Math.min(feesMax, slots - shares - sums);
        const hasRoom = shares + sums + fees < slots;
        if (hasRoom && (shares < sharesMax || sums < sumsMax)) continue;
        least = Math.min(least, this.#payable(level, left - this.#sums.sum(group, sums), group, fees));
      }
    }
    return least;
  }

  /** With at least `kept` of the goods and so many coupons for the fee. Whole, as what is payable is. */
  #payable(level: Level, kept: number, group: number, fees: number): number {
    const fee = Math.max(0, level.shipping - this.#shipping.sum(group, fees));
    return Math.max(0, Math.ceil(kept - level.goods * ERROR)) + fee;
  }
}

/**
 * The largest part of all goods that a coupon can take at any time from now on, a half for rounding aside: its measure
 * is never more than all goods, and it must reach a minimum or a tier to take what that gives.
 */
function shareMax(rule: OffRule, isInitial: boolean, measure: number, off: number): number {
  let share = rule.kind === PERCENT ? rule.cut / BASIS_POINTS : 1;
  if (isInitial) return share;
  if (rule.kind === THRESHOLD) {
    share = 0;
    const { spends, offs } = rule;
    for (let i = 0; i < spends.length && spends[i]! <= measure; i++)
      share = Math.max(share, offs[i]! / spends[i]!);
  }
  const ofMinimum = rule.minimum > 0 ? off / rule.minimum : 1;
  return Math.min(share, ofMinimum, 1);
}
