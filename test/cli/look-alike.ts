/** A receipts file with the shape of a real one: one hot coupon, a long tail, some users twice, some rows unusable. */
import type { Random } from '../support/random.ts';

export interface LookAlike {
  readonly csv: string;
  /** Distinct users by coupon, of the rows that can be read. */
  readonly users: ReadonlyMap<string, ReadonlySet<string>>;
  readonly usable: number;
  readonly badRows: readonly number[];
}

const COUPONS = 60;
const DISCOUNTS = ['150:20', '30:5', '0.95', '0.8', '12.50:1'];
const HOT_SHARE = 0.2;
const REPEAT_SHARE = 0.06;
const BAD_SHARE = 0.01;

export function lookAlike(random: Random, rows: number): LookAlike {
  const lines = ['User_id,Merchant_id,Coupon_id,Discount_rate,Distance,Date_received'];
  const users = new Map<string, Set<string>>();
  const given: [string, string][] = [];
  const badRows: number[] = [];
  for (let i = 0; i < rows; i++) {
    const [userId, couponId] =
      given.length > 0 && random.next() < REPEAT_SHARE
        ? given[random.below(given.length)]!
        : [
            String(1 + random.below(1_000_000)),
            String(random.next() < HOT_SHARE ? 1 : 1 + random.below(COUPONS)),
          ];
    const discount = DISCOUNTS[Number(couponId) % DISCOUNTS.length]!;
    const isBad = random.next() < BAD_SHARE;
    if (isBad) {
      const bad = [
        `${userId},1,${couponId},fixed,0,20160701`,
        `x,1,${couponId},${discount},0,20160701`,
        `${userId},1`,
      ];
      lines.push(bad[random.below(bad.length)]!);
      badRows.push(lines.length);
      continue;
    }
    const quote = random.next() < 0.1 ? '"' : '';
    lines.push(`${quote}${userId}${quote},1,${couponId},${quote}${discount}${quote},0,20160701`);
    given.push([userId, couponId]);
    if (!users.has(couponId)) users.set(couponId, new Set());
    users.get(couponId)!.add(userId);
  }
  return { csv: `${lines.join('\r\n')}\r\n`, users, usable: given.length, badRows };
}
