/** Users' wallets, single coupons and codes. Users see only their own; what is another's looks like what is not there. */
import { z } from 'zod';
import { flag, timeText } from '../catalog/fields.ts';
import { pageParameters } from '../catalog/listing.ts';
import { COUPON_STATES } from '../coupons/states.ts';
import { userIdFromJson } from '../domain/user-id.ts';
import { type ClaimablePool, type ClaimableReads, claimables } from '../operations/claimables.ts';
import {
  type CouponLife,
  type CouponReads,
  type CouponStep,
  couponLife,
  couponOfCode,
  NO_COUPON,
  ownCoupon,
  type SeenCoupon,
  walletPage,
} from '../operations/coupons.ts';
import { type Problem, problem, type Result } from '../problems.ts';
import { type Answer, type Ctx, idParam, type Reply, type Route, route } from './route.ts';

const CURSOR_ALLOWED = 'the value of "next" of the page before';

const walletQuery = z.strictObject({
  status: z.enum(COUPON_STATES).optional(),
  limit: pageParameters.limit,
  cursor: z
    .string()
    .regex(/^\d{1,15}-\d{1,16}$/, { error: CURSOR_ALLOWED })
    .transform((text) => {
      const [claimedAtMs, id] = text.split('-').map(Number);
      return { claimedAtMs, couponId: id };
    })
    .refine(({ couponId: id }) => Number.isSafeInteger(id), { error: CURSOR_ALLOWED })
    .optional(),
});

const claimableQuery = z.strictObject({
  limit: pageParameters.limit,
  cursor: z
    .string()
    .regex(/^\d{1,7}-\d{1,10}$/, { error: CURSOR_ALLOWED })
    .transform((text) => {
      const [templateId, activityId] = text.split('-').map(Number);
      return { templateId, activityId };
    })
    .optional(),
  all: flag.default(false),
});

export interface CouponRoutesOptions {
  readonly coupons: CouponReads;
  readonly claimables: ClaimableReads;
}

export function couponRoutes({ coupons, claimables: reads }: CouponRoutesOptions): Route[] {
  async function page(userId: string, query: z.output<typeof walletQuery>, nowMs: number): Promise<Answer> {
    const { limit, cursor = null, status = null } = query;
    const { items, next } = await walletPage(coupons, { userId, status, nowMs, after: cursor, limit });
    const json = {
      items: items.map(couponJson),
      next: next === null ? null : `${next.claimedAtMs}-${next.couponId}`,
    };
    return { status: 200, json };
  }

  return [
    route({
      method: 'GET',
      path: '/v1/me/coupons',
      access: 'user',
      query: walletQuery,
      handle: (ctx) => page(ctx.caller.userId!, ctx.query, ctx.nowMs),
    }),
    route({
      method: 'GET',
      path: '/v1/me/coupons/:couponId',
      access: 'user',
      handle: async (ctx) => {
        const couponId = couponParam(ctx);
        if (couponId === null) return NO_COUPON;
        const found = await ownCoupon(coupons, couponId, ctx.caller.userId!, ctx.nowMs);
        return found.ok ? { status: 200, json: couponJson(found.value) } : found.problem;
      },
    }),
    route({
      method: 'GET',
      path: '/v1/me/claimable',
      access: 'user',
      query: claimableQuery,
      handle: async ({ caller, query, nowMs }) => {
        const { all, limit, cursor: after = null } = query;
        const asked = { userId: caller.userId!, nowMs, all, after, limit };
        const { items, next } = await claimables(reads, asked);
        return {
          status: 200,
          json: {
            items: items.map(claimableJson),
            next: next === null ? null : `${next.templateId}-${next.activityId}`,
          },
        };
      },
    }),
    route({
      method: 'GET',
      path: '/v1/users/*userId/coupons',
      access: 'operator',
      query: walletQuery,
      handle: async (ctx): Reply => {
        const userId = userIdFromJson(ctx.params.userId);
        if (userId === null)
          return problem('not_found', 'There is no such user: ids are decimal, 1 to 2^63 - 1.');
        return page(userId, ctx.query, ctx.nowMs);
      },
    }),
    route({
      method: 'GET',
      path: '/v1/coupons/:couponId',
      access: 'operator',
      handle: async (ctx) => {
        const couponId = couponParam(ctx);
        return couponId === null ? NO_COUPON : lifeAnswer(await couponLife(coupons, couponId, ctx.nowMs));
      },
    }),
    route({
      method: 'GET',
      path: '/v1/codes/*couponCode',
      access: 'operator',
      handle: async ({ params, nowMs }) => lifeAnswer(await couponOfCode(coupons, params.couponCode, nowMs)),
    }),
  ];
}

function lifeAnswer(found: Result<CouponLife>): Answer | Problem {
  if (!found.ok) return found.problem;
  const { coupon, history } = found.value;
  const json = { ...couponJson(found.value), userId: coupon.userId, history: history.map(historyJson) };
  return { status: 200, json };
}

function historyJson({ kind, sequence, atMs, redemptionId, detail }: CouponStep) {
  return {
    event: kind,
    sequence,
    at: timeText(atMs),
    ...(redemptionId === null ? {} : { redemptionId: String(redemptionId) }),
    ...(detail === null ? {} : { detail }),
  };
}

function couponParam(ctx: Pick<Ctx, 'params'>): number | null {
  return idParam(ctx, 'couponId', Number.MAX_SAFE_INTEGER);
}

function claimableJson(pool: ClaimablePool) {
  const { template, activityId, reason, claimsLeft, remaining, fromMs, untilMs } = pool;
  return {
    templateId: String(template.id),
    ...(activityId === null ? {} : { activityId: String(activityId) }),
    name: template.name,
    discount: template.discount,
    claimable: reason === null,
    ...(reason === null ? {} : { reason }),
    ...(reason === 'not_started' && fromMs !== null ? { startsAt: timeText(fromMs) } : {}),
    claimsLeft,
    remaining,
    ...(untilMs === null ? {} : { until: timeText(untilMs) }),
  };
}

function couponJson({ coupon, name, status, orderId, lockedUntilMs }: SeenCoupon) {
  return {
    couponId: String(coupon.couponId),
    couponCode: coupon.code,
    templateId: String(coupon.templateId),
    ...(coupon.activityId === null ? {} : { activityId: String(coupon.activityId) }),
    name,
    status,
    claimedAt: timeText(coupon.claimedAtMs),
    validFrom: timeText(coupon.validFromMs),
    validUntil: timeText(coupon.validUntilMs),
    source: coupon.activityId === null ? 'claim' : 'activity',
    ...(orderId === null ? {} : { orderId }),
    ...(lockedUntilMs === null ? {} : { lockedUntil: timeText(lockedUntilMs) }),
    ...(coupon.usedAtMs === undefined ? {} : { usedAt: timeText(coupon.usedAtMs) }),
  };
}
