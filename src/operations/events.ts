/** What became of coupons, read on from a position. */
import type { EventPage, EventStore } from '../ports-events.ts';

/** Instead of a position: behind all that is stored. */
export const NOW = 'now';

/** At most `limit` events behind `after`, NOW or a position (domain/event-position.ts), and where to read on. */
export async function eventsAfter(
  store: Pick<EventStore, 'read' | 'end'>,
  after: string,
  limit: number,
): Promise<Pick<EventPage, 'events' | 'next'>> {
  if (after === NOW) return { events: [], next: await store.end() };
  return store.read(after, limit);
}
