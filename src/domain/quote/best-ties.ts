/**
 * Where a set can at best come to as much as the best one known, the rules for ties decide whether to go on. Without
 * this a wallet full of equal coupons, or one coupon that takes everything, would have all its sets looked at.
 */
import { type Candidate, endsFirst } from './best-candidates.ts';
import type { Level } from './best-level.ts';
import { ascending, compareInTurn, compareNumbers, type Selection } from './best-selection.ts';
import type { QuoteCoupon } from './order.ts';
import { TopGroups } from './top-groups.ts';

const followers = new TopGroups();

/**
 * False when no set that goes on with the candidate at place `at` of the level can be better than `best`, given that
 * none comes to less. `path` holds what has been taken and that candidate, `unused` their unused worth.
 */
export function mayWinTie(
  best: Selection,
  candidates: readonly Candidate[],
  path: readonly Candidate[],
  unused: bigint,
  level: Level,
  at: number,
): boolean {
  const { list, offs, count } = level;
  const { group } = candidates[list[at]!]!;
  followers.clear();
  for (let i = at + 1; i < count; i++) followers.enter(candidates[list[i]!]!.group, offs[i]!);
  const toTake = level.goods + level.shipping - best.payable - offs[at]!;
  const more = followers.needed(group, toTake);
  const length = path.length + more;
  const atBest = length - best.candidates.length || compareNumbers(unused, best.unused);
  if (atBest !== 0) return atBest < 0;
  const first: QuoteCoupon[] = [];
  for (let i = at + 1; i < count; i++) {
    const other = candidates[list[i]!]!;
    if (other.group !== group) keepFirst(first, other.coupon, more);
  }
  // Of all that follow, those that end first; and of equal ends the smaller ids, since to tie there the ends must be the same.
  const coupons = [...path.map(({ coupon }) => coupon), ...first];
  const untils = coupons.map(({ validUntilMs }) => validUntilMs).sort(ascending);
  const ids = coupons.map(({ couponId }) => couponId).sort(ascending);
  return (compareInTurn(untils, best.untils) || compareInTurn(ids, best.ids)) < 0;
}

function keepFirst(first: QuoteCoupon[], coupon: QuoteCoupon, most: number): void {
  if (first.length === most && (most === 0 || endsFirst(first[most - 1]!, coupon))) return;
  let at = first.length < most ? first.length : most - 1;
  for (; at > 0 && endsFirst(coupon, first[at - 1]!); at--) first[at] = first[at - 1]!;
  first[at] = coupon;
}
