/**
 * Nobody holds more than the limits allow: every coupon of a template counts, those of an activity also against the
 * activity's. Users are sorted as 64-bit numbers, which the platform does faster than any table could count them.
 */
import { userIdText } from '../domain/user-id.ts';
import type { Claims } from './check-units.ts';
import type { Findings } from './report.ts';

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

export function checkLimits({ list, templates }: Claims, limits: Findings, stocks: Findings): void {
  for (const units of templates.values()) {
    const { templateId, total, perUserLimit } = units.template;
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
      limits.problem(
        () => `user ${user} holds ${count} coupons of template ${templateId}, the limit is ${perUserLimit}`,
      );
    });
    for (const activity of units.activities.values()) {
      const { activityId } = activity;
      const users = byActivity.get(activityId)!;
      users.countOver(activity.perUserLimit, (user, count) => {
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
  }
}
