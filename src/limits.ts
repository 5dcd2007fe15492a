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
/** Used, expired and voided coupons of a user that make room in one template (actors/spent.ts). */
export const SPENT_MAX = 8191;
export const OWNER_THREADS_MAX = 64;

/** Requests in flight between the ingress and all owners together; each holds one slot and one reply place. */
export const SLOTS = 16_384;
export const REQUEST_RING_RECORDS = 16_384;
export const REPLY_RING_RECORDS = 16_384;
/** No two clocks of an installation, the database's included, are further apart. */
export const CLOCK_SKEW_MS_MAX = 60_000;
/** Without a sign of life for so long a node's seats may be ended, and others flush what was its to flush. */
export const SEAT_TTL_MS = 10_000;
/** A statement that takes longer is given up, and its connection with it. */
export const MYSQL_TIMEOUT_MS = 10_000;
/** Claims at a limit that wait for the record store to say what of it still counts; one more is `overloaded`. */
export const CLAIMS_HELD_BACK_MAX = SLOTS / 4;
/** Coupons that the store is asked about at once, unless one user holds more. */
export const SPENT_ASKED_MAX = 1_000;
/** So long a claim waits for that. */
export const SPENT_DEADLINE_MS = 2_000;
/** An owner decides at most this many requests before it writes them and looks at its other duties. */
export const DRAIN_MAX = 4096;

/** Claims in one commit at the shared ledger: short enough that Redis serves others in between. */
export const COMMIT_CLAIMS_MAX = 1024;

/** Waiting for a port that an ended connection still has: longer than the minute of TIME_WAIT. */
export const PORT_WAIT_MS = 70_000;

export const BODY_BYTES_MAX = 64 * 1024;
/** Body of an import of rules, its lines, and one of them. */
export const IMPORT_BYTES_MAX = 16 * 1024 * 1024;
export const IMPORT_LINES_MAX = 100_000;
export const IMPORT_LINE_BYTES_MAX = 16 * 1024;
/** Templates of an import in one transaction: short enough that other saves get their turn, and claims theirs. */
export const IMPORT_BATCH_TEMPLATES = 256;
/** An import gives the thread that takes claims back after so long. */
export const IMPORT_SLICE_MS = 5;
/** Imports under way at a time; one more is refused as `overloaded`. */
export const IMPORTS_MAX = 4;
/** Templates of an import that are being published at a time. */
export const IMPORT_PUBLISHES_MAX = 8;
/** Refused rows that one answer tells, and warnings; how many there are it tells in any case. */
export const IMPORT_ROWS_TOLD_MAX = 1000;
export const IDEMPOTENCY_KEY_CHARS_MAX = 200;
export const NAME_CHARS_MAX = 200;
/** Ids of a user's coupons that one refusal tells; the wallet lists them all. */
export const REFUSAL_COUPON_IDS_MAX = 50;
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
/** Small batches share a block of stored claims until it has this many bytes: a quiet shop makes no block per claim. */
export const SHARED_BLOCK_BYTES = 32 * 1024;
/** And for so long: readers leave it after that. */
export const SHARED_BLOCK_MS = 10 * 60 * 1000;
export const FLUSH_BATCH_ENTRIES_MAX = 16_384;
/** What is stored at a time while a crowd claims. */
export const FLUSH_SLICE_ENTRIES = 512;
/** So many claims a second are a crowd, whose processor and disk others keep off. */
export const CROWD_CLAIMS_PER_SECOND = 1_000;
/** Claims older than this are stored as fast as it goes, whoever else wants the processor. */
export const FLUSH_AGE_MS_MAX = 5_000;

/** What an Idempotency-Key of an operator's call did is known for so long; the next call with it is a new one. */
export const MARK_KEEP_MS = 7 * 24 * 60 * 60 * 1000;
/** Marks forgotten in one statement. */
export const MARKS_FORGOTTEN_MAX = 1000;

/** Calls of one thread to the record store's thread that are under way at a time; one more is `overloaded`. */
export const RPC_PENDING_MAX = 1024;
/** A call between threads that is not answered by then is given up; longer than a store tries on its own. */
export const RPC_DEADLINE_MS = 60_000;
/** The same for a look at every row there is, or for storing very many. */
export const RPC_LONG_DEADLINE_MS = 5 * 60_000;

export const WS_MESSAGE_BYTES_MAX = 16 * 1024;
export const WS_BATCH_USERS_MAX = 256;

/** Operators' changes of one template that wait for their turn; more are refused as `overloaded`. */
export const CHANGES_WAITING_MAX = 64;
/** An operator's change is answered in this time, whatever is away. */
export const CHANGE_PATIENCE_MS = 15_000;
/** Longest a change of pools waits for units that others hold, or for the shared ledger. */
export const POOLS_PATIENCE_MS = 5_000;
/** Longest a change waits for owners to have taken it in. */
export const OWNERS_PATIENCE_MS = 5_000;

/** Of one order to be quoted, and of the coupons named for it. */
export const ORDER_LINES_MAX = 500;
export const ORDER_COUPONS_ASKED_MAX = 50;
/** More coupons than that never take part in one order. */
export const ORDER_COUPONS_APPLIED_MAX = 5;
/** The search for the best coupons ends here, and says so: by what it looked at, and by the clock. */
export const BEST_NODES_MAX = 8_000;
export const BEST_WALL_MS = 50;
/** The clock ends no search before so many: about a millisecond's work, and more than five coupons need. */
export const BEST_NODES_SURE = 128;

/** At most this share of a code space is given out, so that guessing a code stays hopeless. */
export const CODE_SPACE_SHARE_MAX = 0.1;

/** Events on one page. */
export const EVENTS_PAGE_MAX = 1000;
export const EVENTS_PAGE_DEFAULT = 200;
/** A missing id of an event is waited for at least so long; for a transaction that is seen, as long as it takes. */
export const EVENT_GAP_MS = 2_000;
/** Events in the Redis stream, about; older ones leave it. */
export const EVENT_STREAM_MAX = 250_000;
/** Events put into the stream in one call: short enough that Redis serves others in between. */
export const EVENT_STREAM_BATCH = 500;

export function assertLimits(): void {
  assert(
    TEMPLATE_ID_MAX * 2 ** 32 + (2 ** 32 - 1) <= Number.MAX_SAFE_INTEGER,
    'coupon ids must be safe integers',
  );
  assert(SLOTS <= REPLY_RING_RECORDS, 'requests admitted must never exceed the reply places');
  assert((REQUEST_RING_RECORDS & (REQUEST_RING_RECORDS - 1)) === 0, 'ring sizes are powers of two');
  assert((REPLY_RING_RECORDS & (REPLY_RING_RECORDS - 1)) === 0, 'ring sizes are powers of two');
  assert(
    PARTITIONS_MAX <= 1 << 6 && SPENT_MAX < 1 << 13,
    'a partition and two counts share a word on the ring',
  );
  assert(SLOTS <= 65_536, 'a slot index is 16 bits on the ring');
  assert(WS_BATCH_USERS_MAX < SLOTS, 'one batch must fit the slots');
  assert(COMMIT_CLAIMS_MAX <= DRAIN_MAX, 'one commit must fit a frame');
  assert(
    POOLS_PATIENCE_MS + OWNERS_PATIENCE_MS < CHANGE_PATIENCE_MS,
    'a change must hear what became of its parts',
  );
  assert(
    IMPORT_BATCH_TEMPLATES * IMPORT_LINE_BYTES_MAX * 2 < 16 * 1024 * 1024,
    'a batch of an import must fit a statement (max_allowed_packet), escaped',
  );
  assert(EVENT_STREAM_BATCH <= EVENTS_PAGE_MAX, 'a batch of the stream is one page');
  assert(DRAIN_MAX * 64 < SEGMENT_BYTES_MAX, 'one frame must fit a segment');
}
