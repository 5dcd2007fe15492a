/** The texts of one won coupon, as every face shows them. */
import { formatCode } from '../domain/code-space.ts';
import { couponId } from '../domain/coupon-id.ts';
import { decimalText } from '../domain/eight-digits.ts';
import { validityOf } from '../domain/template.ts';
import type { TemplateView } from './template-view.ts';

let isoMs = -1;
let isoText = '';

/** Times of one batch are the same, so the last one answers most calls. */
export function iso(ms: number): string {
  if (ms !== isoMs) {
    isoMs = ms;
    isoText = new Date(ms).toISOString();
  }
  return isoText;
}

export function couponIdText(template: TemplateView, serial: number): string {
  return decimalText(couponId(template.template.id, serial));
}

export function couponCodeText(template: TemplateView, serial: number): string {
  return formatCode(template.spaceOf(serial), template.units.code(serial));
}

/** Ids of the coupons a user holds of a template, newest first; only durable ones. */
export function heldSerials(template: TemplateView, newest: number): number[] {
  const serials: number[] = [];
  for (let serial = newest; serial >= 0; serial = template.units.previous(serial)) {
    if (template.units.isClaimed(serial)) serials.push(serial);
  }
  return serials;
}

export interface CouponText {
  readonly couponId: string;
  readonly couponCode: string;
  readonly templateId: string;
  readonly activityId?: string;
  readonly claimedAt: string;
  readonly validFrom: string;
  readonly validUntil: string;
}

/** A durable coupon as JSON members. */
export function couponText(view: TemplateView, serial: number): CouponText {
  const claimedAtMs = view.units.claimedAtMs(serial);
  const { fromMs, untilMs } = validityOf(view.template, claimedAtMs);
  const activityId = view.units.activityId(serial);
  return {
    couponId: couponIdText(view, serial),
    couponCode: couponCodeText(view, serial),
    templateId: String(view.template.id),
    ...(activityId === 0 ? {} : { activityId: String(activityId) }),
    claimedAt: new Date(claimedAtMs).toISOString(),
    validFrom: new Date(fromMs).toISOString(),
    validUntil: new Date(untilMs).toISOString(),
  };
}
