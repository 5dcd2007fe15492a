/**
 * Tells wallets of a change before it is acknowledged, for as long as whoever waits for the answer can be kept. Without
 * the cache that nodes share that would be until everything in it has expired: the change is answered before, and wallets
 * of other nodes, which read past a cache they cannot reach, are told in the background.
 */
import { setTimeout as pause } from 'node:timers/promises';

const PATIENCE_MS = 1_000;

/** `change`: as it was announced; null: it was not. */
export type Changed = (userId: string, couponIds: readonly number[], change: string | null) => Promise<void>;

export function patiently(changed: Changed, patienceMs = PATIENCE_MS): Changed {
  return async (userId, couponIds, change) => {
    const told = new AbortController();
    const late = pause(patienceMs, undefined, { ref: false, signal: told.signal }).catch(() => {});
    await Promise.race([changed(userId, couponIds, change), late]);
    told.abort();
  };
}
