/**
 * Every bound of the engine in one place, and the relations between them. `assertLimits` runs at start:
 * a bound changed without its partner stops the program rather than the sale.
 */
import assert from 'node:assert/strict';

/** Template ids stay below 2^21 so that templateId * 2^32 + serial stays below 2^53. */
export const TEMPLATE_ID_MAX = 2 ** 21 - 1;
export const ACTIVITY_ID_MAX = 2 ** 31 - 1;
/** Bounds the shared memory one template may ask for; serials stay far below 2^31. */
export const STOCK_MAX = 100_000_000;
export const PER_USER_LIMIT_MAX = 10_000;
export const PARTITIONS_MAX = 64;
export const OWNER_THREADS_MAX = 64;

/** Requests in flight between the ingress and all owners together; each holds one slot and one reply place. */
export const SLOTS = 16_384;
export const REQUEST_RING_RECORDS = 16_384;
export const REPLY_RING_RECORDS = 16_384;
/** An owner decides at most this many requests before it writes them and looks at its other duties. */
export const DRAIN_MAX = 4096;

/** Claims in one commit at the shared ledger: short enough that Redis serves others in between. */
export const COMMIT_CLAIMS_MAX = 1024;

export const BODY_BYTES_MAX = 64 * 1024;
export const IDEMPOTENCY_KEY_CHARS_MAX = 200;
export const NAME_CHARS_MAX = 200;
export const PAGE_ITEMS_MAX = 200;
export const PAGE_ITEMS_DEFAULT = 50;

/** Longest a claim waits for units recalled from elsewhere before it is told `unavailable`. */
export const RECALL_WAIT_MS = 250;
/** Units in one slice: guided by what the pool still holds, inside these bounds. */
export const SLICE_UNITS_MIN = 64;
export const SLICE_UNITS_MAX = 65_536;
/** An untouched slice goes back to the pool after this long, when others share the pool. */
export const SLICE_IDLE_MS = 2_000;

export const SEGMENT_BYTES_MAX = 64 * 1024 * 1024;
/** Segments stay this long after a committed watermark has passed them. */
export const SEGMENT_KEEP_MS = 10 * 60 * 1000;
export const FLUSH_BATCH_ENTRIES_MAX = 16_384;

export const WS_MESSAGE_BYTES_MAX = 16 * 1024;
export const WS_BATCH_USERS_MAX = 256;

/** At most this share of a code space is given out, so that guessing a code stays hopeless. */
export const CODE_SPACE_SHARE_MAX = 0.1;

export function assertLimits(): void {
  assert(
    TEMPLATE_ID_MAX * 2 ** 32 + (2 ** 32 - 1) <= Number.MAX_SAFE_INTEGER,
    'coupon ids must be safe integers',
  );
  assert(SLOTS <= REPLY_RING_RECORDS, 'requests admitted must never exceed the reply places');
  assert((REQUEST_RING_RECORDS & (REQUEST_RING_RECORDS - 1)) === 0, 'ring sizes are powers of two');
  assert((REPLY_RING_RECORDS & (REPLY_RING_RECORDS - 1)) === 0, 'ring sizes are powers of two');
  assert(SLOTS <= 65_536, 'a slot index is 16 bits on the ring');
  assert(WS_BATCH_USERS_MAX < SLOTS, 'one batch must fit the slots');
  assert(COMMIT_CLAIMS_MAX <= DRAIN_MAX, 'one commit must fit a frame');
  assert(DRAIN_MAX * 64 < SEGMENT_BYTES_MAX, 'one frame must fit a segment');
}
