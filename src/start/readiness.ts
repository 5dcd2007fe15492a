/**
 * Whether claims can be taken, and what is wrong otherwise: what /readyz answers. Some of what is wrong can wait, and is
 * told without taking the node out of the balancer.
 */
import type { LedgerFacts } from '../engine/topology.ts';

export interface ReadinessFacts {
  /** The public port is open, and not about to close. */
  readonly serving: boolean;
  /** With how many claims each has read so far on its way back. */
  readonly ownersDown: readonly { readonly owner: number; readonly claimsRead: number }[];
  /** More claims than this are not flushed; null: no. */
  readonly laggingBeyond: number | null;
  /** What cannot be flushed until an operator looks, by log or stream. */
  readonly stuck: ReadonlyMap<number | string, string>;
  readonly recordsAway: boolean;
  /** Null in the profile `embedded`. */
  readonly ledger: (LedgerFacts & { readonly redisUp: boolean }) | null;
}

export interface Readiness {
  readonly ready: boolean;
  readonly checks: Record<string, string>;
}

export function readinessOf(facts: ReadinessFacts): Readiness {
  const { serving, ownersDown, laggingBeyond, stuck, recordsAway, ledger } = facts;
  const grave: Record<string, string> = {};
  const light: Record<string, string> = {};
  if (!serving) grave.server = 'starting or stopping';
  if (ownersDown.length > 0) {
    const told = ownersDown.map(({ owner, claimsRead }) => `${owner} (${claimsRead} claims read)`);
    grave.owners = `not running: ${told.join(', ')}`;
  }
  if (laggingBeyond !== null) grave.flusher = `more than ${laggingBeyond} claims are not flushed`;
  for (const [logId, detail] of stuck) grave[`log-${logId}`] = detail;
  if (recordsAway) light.records = 'the record store does not take claims at the moment';
  if (ledger?.profile === 'cluster') {
    // Every claim is committed there.
    if (!ledger.redisUp) grave.ledger = 'Redis cannot be reached: claims are unavailable';
    Object.assign(grave, ledger.closed);
  }
  // Units in hand are sold without it.
  if (ledger?.profile === 'single' && (!ledger.redisUp || ledger.unwritten.length > 0))
    light.ledger = 'Redis is away or empty: units in hand are sold meanwhile';
  return { ready: Object.keys(grave).length === 0, checks: { ...grave, ...light } };
}
