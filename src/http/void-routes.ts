/** Operators take coupons out of use. */
import { z } from 'zod';
import { id, isPlainText } from '../catalog/fields.ts';
import { TEMPLATE_ID_MAX } from '../limits.ts';
import { NO_COUPON } from '../operations/coupons.ts';
import { noTemplate } from '../operations/templates.ts';
import type { Voids } from '../operations/voids.ts';
import { idParam, type Route, route } from './route.ts';

const REASON_ALLOWED = 'text of 1 to 200 characters: it stands in the history of every coupon voided';
const reason = z
  .string({ error: REASON_ALLOWED })
  .trim()
  .min(1, { error: REASON_ALLOWED })
  .max(200, { error: REASON_ALLOWED })
  .refine(isPlainText, { error: REASON_ALLOWED });

export function voidRoutes(voids: Voids): Route[] {
  return [
    route({
      method: 'POST',
      path: '/v1/coupons/:couponId/void',
      access: 'operator',
      body: z.strictObject({ reason }),
      handle: async (ctx) => {
        const couponId = idParam(ctx, 'couponId', Number.MAX_SAFE_INTEGER);
        if (couponId === null) return NO_COUPON;
        const voided = await voids.coupon(couponId, ctx.body.reason);
        if (!voided.ok) return voided.problem;
        return { status: 200, json: { couponId: String(couponId), status: 'voided' } };
      },
    }),
    route({
      method: 'POST',
      path: '/v1/templates/:templateId/void',
      access: 'operator',
      body: z.strictObject({ reason, after: id(Number.MAX_SAFE_INTEGER).optional() }),
      handle: async (ctx) => {
        const templateId = idParam(ctx, 'templateId', TEMPLATE_ID_MAX);
        if (templateId === null) return noTemplate(ctx.params.templateId);
        const voided = await voids.template(templateId, ctx.body.after ?? 0, ctx.body.reason);
        if (!voided.ok) return voided.problem;
        const { counts, next } = voided.value;
        return { status: 200, json: { ...counts, next: next === null ? null : String(next) } };
      },
    }),
  ];
}
