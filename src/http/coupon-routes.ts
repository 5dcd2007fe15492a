/** Users' wallets, single coupons and codes. Users see only their own; what is another's looks like what is not there. */
import { z } from 'zod';
import { timeText } from '../catalog/fields.ts';
import { pageParameters } from '../catalog/listing.ts';
import type { TemplateView } from '../claims/template-view.ts';
import type { CodeBook, CodeIndex } from '../domain/codes.ts';
import { couponId } from '../domain/coupon-id.ts';
import { userIdFromJson } from '../domain/user-id.ts';
import type { CouponRow, CouponStatus } from '../ports.ts';
import { type Problem, problem } from '../problems.ts';
import { claimable } from '../wallet/claimable.ts';
import { statusOf, type Wallet } from '../wallet/wallet.ts';
import { type Answer, type Ctx, idParam, type Reply, type Route, route } from './route.ts';

const COUPON_STATES = ['usable', 'locked', 'used', 'expired'] as const;
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
    .optional(),
});

export interface CouponRoutesOptions {
  readonly wallet: Wallet;
  readonly codes: CodeBook;
  readonly codeIndex: CodeIndex;
  readonly template: (templateId: number) => TemplateView | undefined;
  readonly templates: () => Iterable<TemplateView>;
  readonly remaining: (templateId: number, activityId: number) => number;
}

export function couponRoutes(options: CouponRoutesOptions): Route[] {
  const { wallet } = options;

  async function page(userId: string, query: z.output<typeof walletQuery>, nowMs: number): Promise<Answer> {
    const { limit, cursor = null } = query;
    const status: CouponStatus | null = query.status ?? null;
    const found = await wallet.page({ userId, status, nowMs, after: cursor, limit: limit + 1 });
    const items = found.slice(0, limit);
    const last = items.at(-1);
    const next = found.length > limit && last !== undefined ? `${last.claimedAtMs}-${last.couponId}` : null;
    return {
      status: 200,
      json: { items: items.map((coupon) => couponJson(coupon, options.template, nowMs)), next },
    };
  }

  async function one(ctx: Ctx, id: number | null, mine: string | null): Promise<Answer | Problem> {
    const coupon = id === null ? null : await wallet.coupon(id);
    if (coupon === null || (mine !== null && coupon.userId !== mine))
      return problem('not_found', 'There is no such coupon.');
    const json = couponJson(coupon, options.template, ctx.nowMs);
    if (mine !== null) return { status: 200, json };
    const history = [{ event: 'claimed', at: timeText(coupon.claimedAtMs) }];
    return { status: 200, json: { ...json, userId: coupon.userId, history } };
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
      handle: (ctx) => one(ctx, couponParam(ctx), ctx.caller.userId!),
    }),
    route({
      method: 'GET',
      path: '/v1/me/claimable',
      access: 'user',
      query: z.strictObject(pageParameters),
      handle: async ({ caller, query, nowMs }) => {
        const userId = caller.userId!;
        const all = claimable(options.templates(), userId, (view) => wallet.held(view, userId), nowMs).sort(
          (a, b) => placeOf(b) - placeOf(a),
        );
        const rest = all.filter((item) => query.cursor === undefined || placeOf(item) < query.cursor);
        const items = rest.slice(0, query.limit);
        const next = rest.length > query.limit ? String(placeOf(items.at(-1)!)) : null;
        return {
          status: 200,
          json: { items: items.map((item) => claimableJson(item, options.remaining)), next },
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
      handle: (ctx) => one(ctx, couponParam(ctx), null),
    }),
    route({
      method: 'GET',
      path: '/v1/codes/*couponCode',
      access: 'operator',
      handle: async (ctx): Reply => {
        const unit = options.codes.decode(ctx.params.couponCode, options.codeIndex);
        if (unit === null) return problem('not_found', 'There is no such code.');
        return one(ctx, couponId(unit.templateId, unit.serial), null);
      },
    }),
  ];
}

function couponParam(ctx: Pick<Ctx, 'params'>): number | null {
  return idParam(ctx, 'couponId', Number.MAX_SAFE_INTEGER);
}

type Found = ReturnType<typeof claimable>[number];

/** Newest template first; pools of one template by activity. Activities of one template stay below 2^31. */
function placeOf({ view, pool }: Found): number {
  return view.template.id * 2 ** 31 + pool.rules.activityId + 1;
}

function claimableJson(
  { view, pool, left }: Found,
  remaining: (templateId: number, activityId: number) => number,
) {
  const { template } = view;
  const { activityId } = pool.rules;
  return {
    templateId: String(template.id),
    ...(activityId === 0 ? {} : { activityId: String(activityId) }),
    name: template.name,
    discount: template.discount,
    claimsLeft: left,
    remaining: remaining(template.id, activityId),
    ...(Number.isFinite(pool.rules.untilMs) ? { until: timeText(pool.rules.untilMs) } : {}),
  };
}

function couponJson(coupon: CouponRow, template: (id: number) => TemplateView | undefined, nowMs: number) {
  return {
    couponId: String(coupon.couponId),
    couponCode: coupon.code,
    templateId: String(coupon.templateId),
    ...(coupon.activityId === null ? {} : { activityId: String(coupon.activityId) }),
    name: template(coupon.templateId)?.template.name,
    status: statusOf(coupon, nowMs),
    claimedAt: timeText(coupon.claimedAtMs),
    validFrom: timeText(coupon.validFromMs),
    validUntil: timeText(coupon.validUntilMs),
  };
}
