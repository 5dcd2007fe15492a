/** Orders as callers send them, for quotes and redemptions alike. */
import { z } from 'zod';
import { currency, id, integer, money, reference, time, token, userId } from '../catalog/fields.ts';
import type { Order } from '../domain/quote/order.ts';
import { ORDER_COUPONS_ASKED_MAX, ORDER_LINES_MAX } from '../limits.ts';

const CATEGORIES_MAX = 50;
/** Of an order and of a return. */
const ID_CHARS_MAX = 64;

const categories = z
  .array(reference, { error: `a list of at most ${CATEGORIES_MAX} categories` })
  .max(CATEGORIES_MAX);

const item = z
  .strictObject({
    goodsId: reference,
    categoryIds: categories.optional(),
    categoryId: reference.optional(),
    price: money(0),
    quantity: integer(1, Number.MAX_SAFE_INTEGER),
  })
  .transform(({ goodsId, categoryIds = [], categoryId, price, quantity }) => ({
    goodsId,
    categoryIds:
      categoryId === undefined || categoryIds.includes(categoryId)
        ? categoryIds
        : [...categoryIds, categoryId],
    price,
    quantity,
  }));

const ITEMS_ALLOWED = `a list of 1 to ${ORDER_LINES_MAX} items`;
const items = z
  .array(item, { error: ITEMS_ALLOWED })
  .min(1, { error: ITEMS_ALLOWED })
  .max(ORDER_LINES_MAX, { error: ITEMS_ALLOWED });

/** Members of an order in a body. */
export const orderShape = { currency: currency.optional(), items, shippingFee: money(0).optional() };

export function orderOf(body: {
  readonly currency?: string | undefined;
  readonly items: readonly z.output<typeof item>[];
  readonly shippingFee?: number | undefined;
}): Order {
  return { currency: body.currency ?? null, lines: body.items, shippingFee: body.shippingFee ?? 0 };
}

const COUPONS_ALLOWED = `"best", or a list of 1 to ${ORDER_COUPONS_ASKED_MAX} coupon ids`;
const couponIds = z.union([z.literal('best'), couponIdsOf(COUPONS_ALLOWED)], { error: COUPONS_ALLOWED });
export const askedIds = couponIdsOf(`a list of 1 to ${ORDER_COUPONS_ASKED_MAX} coupon ids`);

function couponIdsOf(allowed: string) {
  return z
    .array(id(Number.MAX_SAFE_INTEGER), { error: allowed })
    .max(ORDER_COUPONS_ASKED_MAX, { error: allowed });
}

const CODE_ALLOWED = 'a coupon code of 1 to 64 characters';
const couponCodes = z
  .array(z.string({ error: CODE_ALLOWED }).min(1, { error: CODE_ALLOWED }).max(64, { error: CODE_ALLOWED }), {
    error: `a list of 1 to ${ORDER_COUPONS_ASKED_MAX} coupon codes`,
  })
  .min(1)
  .max(ORDER_COUPONS_ASKED_MAX);

export const orderId = token(ID_CHARS_MAX);

export const quoteBody = z
  .strictObject({ ...orderShape, couponIds, userId: userId.optional() })
  .transform((body) => ({ userId: body.userId ?? null, order: orderOf(body), couponIds: body.couponIds }));

export const usableBody = z
  .strictObject({ ...orderShape, userId: userId.optional() })
  .transform((body) => ({ userId: body.userId ?? null, order: orderOf(body) }));

export const LOCK_SECONDS = integer(60, 86_400);

export const lockBody = z
  .strictObject({
    ...orderShape,
    userId: userId.optional(),
    orderId,
    couponIds: couponIds.optional(),
    couponCodes: couponCodes.optional(),
    lockSeconds: LOCK_SECONDS.optional(),
    expectPayable: money(0).optional(),
    replace: z.boolean().optional(),
    use: z.boolean().optional(),
  })
  .refine((body) => (body.couponIds === undefined) !== (body.couponCodes === undefined), {
    path: ['couponIds'],
    error: 'either couponIds or couponCodes',
  })
  .transform((body) => ({
    userId: body.userId ?? null,
    orderId: body.orderId,
    order: orderOf(body),
    couponIds: body.couponIds ?? null,
    couponCodes: body.couponCodes ?? null,
    lockSeconds: body.lockSeconds ?? null,
    expectPayable: body.expectPayable ?? null,
    replace: body.replace ?? false,
    use: body.use ?? false,
  }));

export const useBody = z
  .strictObject({
    currency: currency.optional(),
    items: items.optional(),
    shippingFee: money(0).optional(),
    paidAt: time.optional(),
  })
  // A fee or a currency without the items could not be compared, and would pass for an order that was.
  .refine((body) => body.items !== undefined || (body.shippingFee ?? body.currency) === undefined, {
    path: ['items'],
    error: ITEMS_ALLOWED,
  })
  .transform((body) => ({
    order: body.items === undefined ? null : orderOf({ ...body, items: body.items }),
    paidAtMs: body.paidAt ?? null,
  }));

export const extendBody = z.strictObject({ lockSeconds: LOCK_SECONDS });

const returnedItem = z.strictObject({
  line: integer(0, ORDER_LINES_MAX - 1),
  quantity: integer(1, Number.MAX_SAFE_INTEGER),
});

export const returnBody = z.strictObject({
  returnId: token(ID_CHARS_MAX),
  items: z.array(returnedItem).min(1).max(ORDER_LINES_MAX),
  recheck: z.boolean().optional(),
  shipping: z.boolean().optional(),
  restoreCoupons: z.boolean().optional(),
  dryRun: z.boolean().optional(),
});

export type LockBody = z.output<typeof lockBody>;
