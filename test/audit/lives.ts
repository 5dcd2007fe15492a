/** A shop whose coupons were locked, used, returned and the rest of it, by the real store; and what a hand may do to it. */
import type { PoolFact } from '../../src/audit/facts.ts';
import { couponId } from '../../src/domain/coupon-id.ts';
import type { Order } from '../../src/domain/quote/order.ts';
import { userIdText } from '../../src/domain/user-id.ts';
import type { RecordStore } from '../../src/ports.ts';
import type { CouponStore, Redemption, ReturnRequest } from '../../src/ports-coupons.ts';
import { filledShop, type Shop } from './shop.ts';

export type LivingStore = RecordStore & { readonly coupons: CouponStore };

const USER_LO = 77;
export const USER = userIdText(USER_LO, 3);
export const ORDER: Order = {
  currency: 'CNY',
  lines: [
    { goodsId: '1', categoryIds: [], price: 5000, quantity: 2 },
    { goodsId: '2', categoryIds: [], price: 333, quantity: 3 },
  ],
  shippingFee: 500,
};
const UNITS = 20;
/** Of Template 3 and of template 4, which stacks on it; those of template 5 are past their time. */
export const coupon = (serial: number): number => couponId(3, serial);
export const stacked = (serial: number): number => couponId(4, serial);
export const stale = (serial: number): number => couponId(5, serial);

export interface Lives {
  readonly shop: Shop;
  /** By what became of them. */
  readonly ids: Readonly<Record<Life, number>>;
  readonly pools: readonly PoolFact[];
}

const LIVES = [
  'locked',
  'used',
  'released',
  'reverted',
  'returned',
  'restored',
  'usedAgain',
  'lapsed',
  'late',
  'replaced',
  'replacing',
  'lapsedReleased',
  'lapsedReverted',
  'revertedUnused',
  'restoredReverted',
] as const;
export type Life = (typeof LIVES)[number];

/** Serials of template 3 in the order of `LIVES`, but 6 is the one restored (5) again and 10 the one replaced (9). */
export async function livedShop(store: LivingStore | undefined): Promise<Lives> {
  const shop = await filledShop(store);
  const { coupons } = shop.store as LivingStore;
  const validity = { fromMs: 1, untilMs: 4_000_000_000_000 };
  await shop.template(UNITS, UNITS, { validity });
  await shop.template(UNITS, UNITS, { validity, stacking: { group: 'more' } });
  await shop.template(UNITS, UNITS, { validity: { fromMs: 1, untilMs: 2 } });
  for (const templateId of [3, 4, 5]) {
    shop.append(Array.from({ length: UNITS }, (_, serial) => ({ templateId, serial, userLo: USER_LO })));
  }
  await shop.sync();
  await shop.flush();

  const ids = {} as Record<Life, number>;
  let lockMs = 900_000;
  const lock = async (life: Life, couponIds: number[], orderId: string = life): Promise<Redemption> => {
    const outcome = await coupons.lock({
      userId: USER,
      orderId,
      couponIds,
      order: ORDER,
      lockMs,
      expectPayable: null,
      replace: life === 'replacing',
      use: false,
      isOfService: true,
      key: null,
      gid: null,
      fingerprint: life,
    });
    if (outcome.kind !== 'locked') throw new Error(JSON.stringify(outcome));
    ids[life] = outcome.redemption.redemptionId;
    return outcome.redemption;
  };
  const use = async (life: Life, couponIds: number[]): Promise<void> => {
    const { redemptionId } = await lock(life, couponIds);
    moved(await coupons.use({ redemptionId, order: null, paidAtMs: null }));
  };
  const giveBack = async (life: Life, changes: Partial<ReturnRequest>): Promise<void> => {
    const request = {
      redemptionId: ids[life],
      returnId: 'r',
      items: [
        { line: 0, quantity: 2 },
        { line: 1, quantity: 3 },
      ],
      recheck: true,
      shipping: true,
      restoreCoupons: true,
      dryRun: false,
      fingerprint: '',
      ...changes,
    };
    moved(await coupons.returnItems(request));
  };

  await lock('locked', [coupon(0), stacked(0)]);
  await use('used', [coupon(1), stacked(1)]);
  await lock('released', [coupon(2)]);
  moved(await coupons.release({ redemptionId: ids.released, userId: null }));
  await use('reverted', [coupon(3)]);
  moved(await coupons.revert(ids.reverted));
  await use('returned', [coupon(4), stacked(4)]);
  await giveBack('returned', { returnId: 'a', items: [{ line: 1, quantity: 1 }] });
  await giveBack('returned', {
    returnId: 'b',
    items: [
      { line: 1, quantity: 1 },
      { line: 0, quantity: 1 },
    ],
  });
  await use('restored', [coupon(5)]);
  await giveBack('restored', {});
  await use('usedAgain', [coupon(5)]);
  await lock('replaced', [coupon(9), stacked(9)], 'swap');
  await lock('replacing', [coupon(9), stacked(10)], 'swap');
  await lock('revertedUnused', [coupon(13)]);
  moved(await coupons.revert(ids.revertedUnused));
  await use('restoredReverted', [coupon(14)]);
  await giveBack('restoredReverted', { shipping: false });
  moved(await coupons.revert(ids.restoredReverted));

  lockMs = 1;
  await lock('lapsed', [coupon(7)]);
  const late = await lock('late', [coupon(8)]);
  await lock('lapsedReleased', [coupon(11)]);
  await lock('lapsedReverted', [coupon(12)]);
  for (let swept = 0; swept < 4; ) swept += (await coupons.lapseSome(100)).coupons.length;
  moved(await coupons.use({ redemptionId: ids.late, order: null, paidAtMs: late.lockedAtMs }));
  moved(await coupons.release({ redemptionId: ids.lapsedReleased, userId: null }));
  moved(await coupons.revert(ids.lapsedReverted));
  const voided = await coupons.voidCoupon(coupon(15), 'a slip');
  if (voided.kind !== 'voided') throw new Error(voided.kind);
  while ((await coupons.expireSome(1_000)).coupons.length > 0);

  const pool = (templateId: number, activityId: number, from: number, to: number): PoolFact => ({
    ref: { templateId, activityId },
    leases: [],
    free: [{ from, to }],
    bare: [],
  });
  return { shop, ids, pools: [pool(1, 0, 60, 100), pool(2, 1, 10, 20), pool(2, 0, 20, 50)] };
}

function moved(outcome: { readonly kind: string }): void {
  if (outcome.kind !== 'moved') throw new Error(JSON.stringify(outcome));
}
