/**
 * Tells what the clock brings about for templates and activities: that their time has begun, or is over. Nobody depends
 * on it, as with coupons; nodes of a cluster may do it at once, and each event is written by the one that comes first.
 */
import type { EventStore } from '../ports-events.ts';
import { keepSweeping } from './keep-sweeping.ts';

/** Told in one transaction, while which no operator's change is saved. */
const AT_ONCE = 100;

/** `onFailure`: nothing is told for some time. → stops it; resolves when nothing of it is under way any more. */
export function keepCatalogTold(
  store: Pick<EventStore, 'tellDue'>,
  onFailure: (error: unknown) => void,
): () => Promise<void> {
  return keepSweeping(async () => (await store.tellDue(AT_ONCE)).more, onFailure);
}
