/** What a checkout does with coupons: lock, use, release, revert, return, and the records of it. */
import { z } from 'zod';
import { id, time, userId } from '../catalog/fields.ts';
import { pageParameters } from '../catalog/listing.ts';
import type { Quote } from '../domain/quote/quote.ts';
import { TEMPLATE_ID_MAX } from '../limits.ts';
import { type LockTerms, lockOrder } from '../operations/lock-order.ts';
import { type Moved, NO_REDEMPTION, type Redemptions } from '../operations/redemptions.ts';
import { returnRequest } from '../operations/return-request.ts';
import { usagePage } from '../operations/usages.ts';
import type { CouponStore } from '../ports-coupons.ts';
import type { Problem, Result } from '../problems.ts';
import { actingUser, onlyOf } from './acting-user.ts';
import { withKey } from './idempotency-key.ts';
import { quoteJson, receiptJson, redemptionJson, usageJson } from './order-json.ts';
import { extendBody, lockBody, orderId, returnBody, useBody } from './order-schema.ts';
import { type Answer, type Ctx, idParam, type Reply, type Route, route } from './route.ts';

export interface RedemptionRoutesOptions {
  readonly redemptions: Redemptions;
  readonly usages: CouponStore['usages'];
  readonly terms: LockTerms;
  /** Whether returns are held to what the kept goods would have cost, where the call does not say. */
  readonly recheck: boolean;
}

const CURSOR_ALLOWED = 'the value of "next" of the page before';
const usageQuery = z.strictObject({
  userId: userId.optional(),
  orderId: orderId.optional(),
  templateId: id(TEMPLATE_ID_MAX).optional(),
  from: time.optional(),
  until: time.optional(),
  limit: pageParameters.limit,
  cursor: z
    .string()
    .regex(/^\d{1,15}-\d{1,15}-\d{1,16}$/, { error: CURSOR_ALLOWED })
    .transform((text) => {
      const [usedAtMs, redemptionId, couponId] = text.split('-').map(Number) as [number, number, number];
      return { usedAtMs, redemptionId, couponId };
    })
    .optional(),
});

export function redemptionRoutes(options: RedemptionRoutesOptions): Route[] {
  const { redemptions } = options;

  /** A service's call about one redemption. */
  function serviceRoute<B extends z.ZodType | null>(
    action: string,
    body: B,
    handle: (redemptionId: number, ctx: Ctx<B extends z.ZodType ? z.output<B> : null>) => Reply,
  ): Route {
    return route({
      method: 'POST',
      path: `/v1/redemptions/:redemptionId/${action}`,
      access: 'service',
      body: body as B & z.ZodType,
      handle: async (ctx) => {
        const redemptionId = redemptionParam(ctx);
        return redemptionId === null ? NO_REDEMPTION : handle(redemptionId, ctx as never);
      },
    });
  }

  return [
    route({
      method: 'POST',
      path: '/v1/redemptions',
      access: 'actor',
      body: lockBody,
      handle: (ctx) =>
        withKey(ctx, async (key) => {
          const { body, caller } = ctx;
          const asker = actingUser(caller, body.userId);
          if (!asker.ok) return asker.problem;
          const order = lockOrder(options.terms, asker.value, body, key);
          if (!order.ok) return order.problem;
          const locked = await redemptions.lock(asker.value, order.value);
          if (!locked.ok) return shown(locked.problem);
          const { redemption, isRepeat } = locked.value;
          const json = redemptionJson(redemption);
          const headers = { Location: `/v1/redemptions/${json.redemptionId}` };
          return { status: isRepeat ? 200 : 201, json, headers };
        }),
    }),
    route({
      method: 'GET',
      path: '/v1/redemptions',
      access: 'actor',
      query: z.strictObject({ orderId, userId: userId.optional() }),
      handle: async ({ caller, query }) => {
        const owner = onlyOf(caller);
        if (!owner.ok) return owner.problem;
        const found = await redemptions.ofOrder(query.orderId, owner.value ?? query.userId ?? null);
        return { status: 200, json: { items: found.map(redemptionJson), next: null } };
      },
    }),
    route({
      method: 'GET',
      path: '/v1/redemptions/:redemptionId',
      access: 'actor',
      handle: async (ctx) => {
        const owner = onlyOf(ctx.caller);
        if (!owner.ok) return owner.problem;
        const redemptionId = redemptionParam(ctx);
        const found = redemptionId === null ? null : await redemptions.one(redemptionId, owner.value);
        return found === null ? NO_REDEMPTION : { status: 200, json: redemptionJson(found) };
      },
    }),
    route({
      method: 'POST',
      path: '/v1/redemptions/:redemptionId/release',
      access: 'actor',
      handle: async (ctx) => {
        const owner = onlyOf(ctx.caller);
        if (!owner.ok) return owner.problem;
        const redemptionId = redemptionParam(ctx);
        if (redemptionId === null) return NO_REDEMPTION;
        return answered(await redemptions.release(owner.value, redemptionId));
      },
    }),
    serviceRoute('use', useBody, async (redemptionId, { body }) =>
      answered(await redemptions.use(redemptionId, body.order, body.paidAtMs)),
    ),
    serviceRoute('extend', extendBody, async (redemptionId, { body }) =>
      answered(await redemptions.extend(redemptionId, body.lockSeconds * 1000)),
    ),
    serviceRoute('revert', null, async (redemptionId) => {
      const reverted = await redemptions.revert(redemptionId);
      if (!reverted.ok) return shown(reverted.problem);
      const { redemption, refund } = reverted.value;
      return { status: 200, json: { ...redemptionJson(redemption), refund } };
    }),
    serviceRoute('returns', returnBody, async (redemptionId, { body }) => {
      const request = returnRequest(redemptionId, body, options.recheck);
      const { returnId, dryRun } = request;
      const returned = await redemptions.returnItems(request);
      if (!returned.ok) return shown(returned.problem);
      const { redemption, receipt, isRepeat } = returned.value;
      const json = { returnId, ...receiptJson(receipt), redemption: redemptionJson(redemption) };
      return { status: isRepeat || dryRun ? 200 : 201, json };
    }),
    route({
      method: 'GET',
      path: '/v1/usages',
      access: 'service',
      query: usageQuery,
      handle: async ({ query }) => {
        const { items, next } = await usagePage(options.usages, {
          userId: query.userId ?? null,
          orderId: query.orderId ?? null,
          templateId: query.templateId ?? null,
          fromMs: query.from ?? null,
          untilMs: query.until ?? null,
          after: query.cursor ?? null,
          limit: query.limit,
        });
        const cursor = next === null ? null : `${next.usedAtMs}-${next.redemptionId}-${next.couponId}`;
        return { status: 200, json: { items: items.map(usageJson), next: cursor } };
      },
    }),
  ];
}

function redemptionParam(ctx: Pick<Ctx, 'params'>): number | null {
  return idParam(ctx, 'redemptionId', Number.MAX_SAFE_INTEGER);
}

function answered(moved: Result<Moved>): Answer | Problem {
  return moved.ok ? { status: 200, json: redemptionJson(moved.value.redemption) } : shown(moved.problem);
}

/** Quotes in a refusal are shown as quotes are. */
function shown(refusal: Problem): Problem {
  const { quote, ...extra } = (refusal.extra ?? {}) as { quote?: Quote };
  return quote === undefined ? refusal : { ...refusal, extra: { ...extra, quote: quoteJson(quote) } };
}
