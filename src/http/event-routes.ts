/** What became of coupons, templates and activities, for whoever wants to know all of it. */
import { z } from 'zod';
import { decimal } from '../catalog/fields.ts';
import { POSITION_START, parsePosition } from '../domain/event-position.ts';
import { eventJson } from '../events/event-json.ts';
import { EVENTS_PAGE_DEFAULT, EVENTS_PAGE_MAX } from '../limits.ts';
import { eventsAfter, NOW } from '../operations/events.ts';
import type { EventStore } from '../ports-events.ts';
import { type Route, route } from './route.ts';

const AFTER_ALLOWED = 'the value of "next" of the page before, or "now"';

const eventQuery = z.strictObject({
  after: z
    .string()
    .refine((text) => text === NOW || parsePosition(text) !== null, { error: AFTER_ALLOWED })
    .default(POSITION_START),
  limit: decimal(1, EVENTS_PAGE_MAX).default(EVENTS_PAGE_DEFAULT),
});

export function eventRoutes(store: Pick<EventStore, 'read' | 'end'>): Route[] {
  return [
    route({
      method: 'GET',
      path: '/v1/events',
      access: 'operator',
      query: eventQuery,
      handle: async ({ query: { after, limit } }) => {
        const { events, next } = await eventsAfter(store, after, limit);
        return { status: 200, json: { items: events.map(eventJson), next } };
      },
    }),
  ];
}
