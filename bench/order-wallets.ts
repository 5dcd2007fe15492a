/** Users who hold a coupon of each of five kinds, and an order that all five take something off. */
import { sell } from './contenders/http.ts';
import type { UserRange } from './load/jobs.ts';
import type { Server } from './processes/server.ts';
import type { Bench } from './scenarios/scenario.ts';
import { verifyClaims } from './verify.ts';

/** Members of a body. */
export const ORDER =
  '"items":[{"goodsId":"shirt","categoryIds":["clothes"],"price":12900,"quantity":2},' +
  '{"goodsId":"shoes","categoryIds":["shoes"],"price":39900,"quantity":1},' +
  '{"goodsId":"mug","categoryIds":["home"],"price":2500,"quantity":3}],"shippingFee":1200';

/** Groups of their own where the kind is the same, so that all apply together. */
const COUPONS = [
  {
    discount: {
      kind: 'threshold',
      tiers: [
        { spend: 30_000, off: 3_000 },
        { spend: 60_000, off: 8_000 },
      ],
    },
  },
  {
    discount: { kind: 'threshold', tiers: [{ spend: 20_000, off: 2_500 }] },
    scope: { categories: ['clothes'] },
    stacking: { group: 'clothes' },
  },
  { discount: { kind: 'percent', rate: 9_000, maxOff: 5_000 }, scope: { categories: ['shoes'] } },
  { discount: { kind: 'instant', off: 500 } },
  { discount: { kind: 'shipping' } },
] as const;

interface Sold {
  readonly templateId: string;
  readonly coupons: Awaited<ReturnType<typeof sell>>;
}

export class OrderWallets {
  readonly users: UserRange;
  readonly #sold: readonly Sold[];

  private constructor(users: UserRange, sold: readonly Sold[]) {
    this.users = users;
    this.#sold = sold;
  }

  static async fill(bench: Bench, server: Server, users: UserRange): Promise<OrderWallets> {
    const sold: Sold[] = [];
    for (const coupon of COUPONS) {
      const templateId = await server.publishTemplate(users.count, coupon);
      sold.push({ templateId, coupons: await sell(bench, server, templateId, users) });
    }
    return new OrderWallets(users, sold);
  }

  get couponsEach(): number {
    return this.#sold.length;
  }

  /** A body with the ids of each user's coupons, by user. */
  namedBodies(): string[] {
    const ids = Array.from({ length: this.users.count }, (): string[] => []);
    for (const { coupons } of this.#sold)
      for (const { userId, couponId } of coupons) ids[userId - this.users.first]!.push(couponId);
    return ids.map((mine) => `{${ORDER},"couponIds":${JSON.stringify(mine)}}`);
  }

  bestBodies(): string[] {
    return [`{${ORDER},"couponIds":"best"}`];
  }

  /** Nothing of what they hold has changed. */
  async verify(server: Server): Promise<string[]> {
    const wrong: string[] = [];
    for (const { templateId, coupons } of this.#sold)
      wrong.push(...(await verifyClaims(server, templateId, this.users.count, coupons)));
    return wrong;
  }
}
