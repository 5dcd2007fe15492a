/**
 * What travels between ingress and owner, and the numbers they share.
 *
 * Request, 8 words:  0 slot | generation << 16   1 templateId   2 partition | spent << 6   3 activityId
 *                    4 user lo   5 user hi   6 key lo   7 key hi
 * Reply, 4 words:    0 slot | generation << 16   1 verdict   2 serial   3 zero
 *
 * The generation of a slot is raised each time it is freed, so a reply that comes after its request was given up (the
 * client left, the owner died) is recognized and dropped.
 * `spent`: how many of the user's coupons its limits do not count (actors/spent.ts), zero for almost every claim.
 */
export const REQUEST_WORDS = 8;
export const REPLY_WORDS = 4;

/** Figures of one owner, for others to read (shared-numbers.ts): they only grow, and 2^53 is enough. */
export const OwnerFigure = {
  cpuSeconds: 0,
  drains: 1,
  requests: 2,
  batches: 3,
  claims: 4,
  syncs: 5,
  syncSeconds: 6,
  logBytes: 7,
  parked: 8,
  users: 9,
  userTableBytes: 10,
  heartbeatMs: 11,
} as const;
export const OWNER_FIGURES = 12;

/** Figures of one ingress; `answers`: sixteen, by verdict. */
export const IngressFigure = { answers: 0, answeredHere: 16, inFlight: 17, relayed: 18, live: 19 } as const;
export const INGRESS_FIGURES = 20;

/**
 * What owner and flusher share of a log, as Int32 words. Offsets are multiples of the entry size and counted in it,
 * which lets one atomic word reach 80 GB into a log.
 */
export const LogPosition = { synced: 0, end: 1 } as const;
export const LOG_POSITION_BYTES = 8;

/** One word that owners raise and notify when a synced offset moved; the flusher waits on it. */
export const FLUSH_SIGNAL_BYTES = 4;
