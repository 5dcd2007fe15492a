/**
 * Nobody holds more than the limits allow: every coupon of a template counts, those of an activity also against the
 * activity's. Users are sorted as 64-bit numbers, which the platform does faster than any table could count them.
 * Where only usable coupons count, those above a limit are passed on to who knows what became of them.
 */
import { claimedAtMsAt } from '../claimlog/entry.ts';
import { couponId } from '../domain/coupon-id.ts';
import { userIdText } from '../domain/user-id.ts';
import type { Claims } from './check-units.ts';
import type { HeldClaim, UsableLimitCheck } from './check-usable-limits.ts';
import type { Findings } from './report.ts';
import type { UnitIndex } from './unit-index.ts';

/** Users being gathered, as pairs of words in memory that is then sorted as one. */
class UserRun {
  readonly words: Uint32Array;
  readonly keys: BigUint64Array;
  used = 0;

  constructor(users: number) {
    this.keys = new BigUint64Array(users);
    this.words = new Uint32Array(this.keys.buffer);
  }

  add(lo: number, hi: number): void {
    this.words[this.used * 2] = lo;
    this.words[this.used * 2 + 1] = hi;
    this.used++;
  }

  /** Distinct users; visits those with more than `limit`. */
  countOver(limit: number, visit: (user: string, count: number) => void): number {
    const { words, used } = this;
    this.keys.sort();
    let users = 0;
    for (let start = 0; start < used; ) {
      const lo = words[start * 2];
      const hi = words[start * 2 + 1];
      let end = start + 1;
      while (end < used && words[end * 2] === lo && words[end * 2 + 1] === hi) end++;
      if (end - start > limit) visit(userIdText(lo, hi), end - start);
      users++;
      start = end;
    }
    return users;
  }
}

export function checkLimits(
  claims: Claims,
  limits: Findings,
  stocks: Findings,
  usable: UsableLimitCheck,
): void {
  const { list, templates } = claims;
  for (const units of templates.values()) {
    const { templateId, total, perUserLimit, countsUsable = false } = units.template;
    const suspects: Suspect[] = [];
    const all = new UserRun(units.claimed);
    const byActivity = new Map<number, UserRun>();
    for (const activityId of units.activities.keys()) {
      byActivity.set(activityId, new UserRun(units.claimedByActivity.get(activityId) ?? 0));
    }
    units.forEach(0, total, (_serial, claim) => {
      list.seek(claim);
      const { words, at } = list;
      all.add(words[at + 2], words[at + 3]);
      if (words[at + 4] !== 0) byActivity.get(words[at + 4])?.add(words[at + 2], words[at + 3]);
    });
    limits.checked += all.countOver(perUserLimit, (user, count) => {
      if (countsUsable) suspects.push({ user, activityId: null, limit: perUserLimit, claims: [] });
      else
        limits.problem(
          () => `user ${user} holds ${count} coupons of template ${templateId}, the limit is ${perUserLimit}`,
        );
    });
    for (const activity of units.activities.values()) {
      const { activityId } = activity;
      const users = byActivity.get(activityId)!;
      users.countOver(activity.perUserLimit, (user, count) => {
        if (countsUsable) suspects.push({ user, activityId, limit: activity.perUserLimit, claims: [] });
        else
          limits.problem(
            () =>
              `user ${user} holds ${count} coupons of activity ${activityId} (template ${templateId}), the limit is ${activity.perUserLimit}`,
          );
      });
      stocks.checked++;
      if (users.used > activity.stock) {
        stocks.problem(
          () =>
            `activity ${activityId} (template ${templateId}): ${users.used} units are claimed, its stock is ${activity.stock}`,
        );
      }
    }
    passOn(suspects, claims, units, usable);
  }
}

/** `activityId` null: of the template as a whole. */
interface Suspect {
  readonly user: string;
  readonly activityId: number | null;
  readonly limit: number;
  readonly claims: HeldClaim[];
}

function passOn(
  suspects: readonly Suspect[],
  { list }: Claims,
  units: UnitIndex,
  usable: UsableLimitCheck,
): void {
  if (suspects.length === 0) return;
  const { templateId, total } = units.template;
  const byUser = new Map<string, Suspect[]>();
  for (const suspect of suspects) byUser.set(suspect.user, [...(byUser.get(suspect.user) ?? []), suspect]);
  units.forEach(0, total, (serial, claim) => {
    list.seek(claim);
    const { words, at } = list;
    for (const { activityId, claims } of byUser.get(list.user()) ?? []) {
      if (activityId !== null && activityId !== words[at + 4]) continue;
      claims.push({ couponId: couponId(templateId, serial), claimedAtMs: claimedAtMsAt(words, at) });
    }
  });
  for (const { user, activityId, limit, claims } of suspects) {
    const what = activityId === null ? '' : `activity ${activityId}, `;
    usable.suspect(limit, `user ${user}, ${what}template ${templateId}`, claims);
  }
}
