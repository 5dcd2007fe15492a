/** An event as it is told outside: over HTTP and in the Redis stream. */
import type { StoredCatalogEvent, StoredCouponEvent, StoredEvent } from '../ports-events.ts';

/** `couponId` and `userId` are there where it is of a coupon, and only there. */
export interface EventJson {
  /** The same whenever and wherever this event is told. */
  readonly eventId: string;
  readonly couponId?: string;
  readonly userId?: string;
  readonly templateId: string;
  readonly activityId?: string;
  readonly sequence: number;
  readonly type: string;
  /** ISO 8601, UTC. */
  readonly at: string;
  readonly redemptionId?: string;
  readonly detail?: string;
  readonly stock?: number;
}

export function eventJson(event: StoredEvent): EventJson {
  return event.subject === 'coupon' ? couponEventJson(event) : catalogEventJson(event);
}

function couponEventJson(event: StoredCouponEvent): EventJson {
  const { couponId, userId, templateId, activityId, sequence, kind, atMs, redemptionId, detail } = event;
  return {
    eventId: `${couponId}-${sequence}`,
    couponId: String(couponId),
    userId,
    templateId: String(templateId),
    ...(activityId === null ? {} : { activityId: String(activityId) }),
    sequence,
    type: kind,
    at: new Date(atMs).toISOString(),
    ...(redemptionId === null ? {} : { redemptionId: String(redemptionId) }),
    ...(detail === null ? {} : { detail }),
  };
}

function catalogEventJson(event: StoredCatalogEvent): EventJson {
  const { subject, templateId, activityId, sequence, kind, atMs, stock } = event;
  return {
    eventId: `${subject}-${activityId ?? templateId}-${sequence}`,
    templateId: String(templateId),
    ...(activityId === null ? {} : { activityId: String(activityId) }),
    sequence,
    type: kind,
    at: new Date(atMs).toISOString(),
    ...(stock === null ? {} : { stock }),
  };
}
