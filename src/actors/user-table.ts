/**
 * Who holds coupons of a template: user id → serial of the user's newest coupon, exact, in shared memory.
 *
 * Open addressing with linear probing on [lo, hi, serial + 1] triples, split by hash into segments. One owner writes:
 * the id words first, then one atomic store of the third word, which publishes the entry. Anybody may read. Nothing is
 * ever deleted: a claim that was accepted stays, and an owner in doubt starts over with a new table.
 *
 * A segment that fills up is copied into a larger one; a template expected to have many users has many segments, so
 * that no copy stops the owner for long. The old segment is marked retired before the new one takes its first entry:
 * a reader that still looks at it sees the mark, knows nothing, and asks the owner.
 *
 * Growing by 1.4 at a load of 0.8 leaves 0.57 just after: 12 / 0.57 = 21 bytes a user.
 */
const WORDS = 3;
const HEADER_WORDS = 4;
const RETIRED = 0;
const COUNT = 1;
const LOAD_MAX = 0.8;
const GROWTH = 1.4;
const CAPACITY_MIN = 40;
/** Users a segment is expected to hold at most, when the number of segments is chosen. */
const SEGMENT_USERS = 32_768;
const SEGMENTS_MAX = 1024;

export const UNKNOWN = -2;
export const ABSENT = -1;

/** Murmur3's finalizer over both words: user ids are often consecutive. */
export function hashUser(lo: number, hi: number): number {
  let h = Math.imul(hi ^ 0x9e3779b9, 0x85ebca6b) ^ lo;
  h ^= h >>> 16;
  h = Math.imul(h, 0x85ebca6b);
  h ^= h >>> 13;
  h = Math.imul(h, 0xc2b2ae35);
  return (h ^ (h >>> 16)) >>> 0;
}

/** Segments for a table that may come to hold `users`; a power of two. */
export function segmentCount(users: number): number {
  let n = 1;
  while (n < SEGMENTS_MAX && n * SEGMENT_USERS < users) n *= 2;
  return n;
}

function newSegment(capacity: number): Uint32Array {
  return new Uint32Array(new SharedArrayBuffer((HEADER_WORDS + capacity * WORDS) * 4));
}

/** Place of a hash in a segment; the multiplier decorrelates it from the bits that chose the segment. */
function placeOf(hash: number, capacity: number): number {
  return Math.floor(((Math.imul(hash, 0x9e3779b1) >>> 0) / 0x1_0000_0000) * capacity);
}

export class UserTable {
  private readonly segments: Uint32Array[];
  private readonly shift: number;
  /** Told of each segment that replaces another, so that readers elsewhere can follow. */
  onSegment: (index: number, buffer: SharedArrayBuffer) => void = () => {};

  private constructor(segments: Uint32Array[]) {
    this.segments = segments;
    this.shift = 32 - Math.log2(segments.length);
  }

  static create(users: number): UserTable {
    return new UserTable(Array.from({ length: segmentCount(users) }, () => newSegment(CAPACITY_MIN)));
  }

  static attach(buffers: readonly SharedArrayBuffer[]): UserTable {
    return new UserTable(buffers.map((buffer) => new Uint32Array(buffer)));
  }

  get buffers(): SharedArrayBuffer[] {
    return this.segments.map((segment) => segment.buffer as SharedArrayBuffer);
  }

  get bytes(): number {
    return this.segments.reduce((sum, segment) => sum + segment.byteLength, 0);
  }

  get users(): number {
    return this.segments.reduce((sum, segment) => sum + segment[COUNT], 0);
  }

  replaceSegment(index: number, buffer: SharedArrayBuffer): void {
    this.segments[index] = new Uint32Array(buffer);
  }

  /** Serial of the user's newest coupon, ABSENT, or UNKNOWN when this reader's segment is out of date. */
  newest(lo: number, hi: number): number {
    const hash = hashUser(lo, hi);
    const segment = this.segments[this.shift === 32 ? 0 : hash >>> this.shift];
    const at = find(segment, hash, lo, hi);
    const newest = at < 0 ? ABSENT : Atomics.load(segment, at + 2) - 1;
    return Atomics.load(segment, RETIRED) === 0 ? newest : UNKNOWN;
  }

  /**
   * Like `newest`, but ABSENT or what was true when a retired segment was replaced: for readers that look on main,
   * where the replacement is known a moment later and a claim of that moment may be missed only until then.
   */
  newestAnyway(lo: number, hi: number): number {
    const hash = hashUser(lo, hi);
    const segment = this.segments[this.shift === 32 ? 0 : hash >>> this.shift];
    const at = find(segment, hash, lo, hi);
    return at < 0 ? ABSENT : Atomics.load(segment, at + 2) - 1;
  }

  /** The user (decimal) whose coupons include `serial`, or null. Walks the whole table. */
  holderOf(serial: number, previous: (serial: number) => number): string | null {
    for (const segment of this.segments) {
      for (let at = HEADER_WORDS; at < segment.length; at += WORDS) {
        for (let held = Atomics.load(segment, at + 2) - 1; held >= 0; held = previous(held)) {
          if (held === serial) return ((BigInt(segment[at + 1]) << 32n) | BigInt(segment[at])).toString();
        }
      }
    }
    return null;
  }

  /** Makes `serial` the user's newest coupon; the one before it, or ABSENT. Only the owner calls this. */
  put(lo: number, hi: number, serial: number): number {
    const hash = hashUser(lo, hi);
    const index = this.shift === 32 ? 0 : hash >>> this.shift;
    let segment = this.segments[index];
    const capacity = (segment.length - HEADER_WORDS) / WORDS;
    if (segment[COUNT] >= capacity * LOAD_MAX) segment = this.grow(index);
    return insert(segment, hash, lo, hi, serial + 1) - 1;
  }

  private grow(index: number): Uint32Array {
    const old = this.segments[index];
    const next = newSegment(Math.ceil(((old.length - HEADER_WORDS) / WORDS) * GROWTH));
    for (let at = HEADER_WORDS; at < old.length; at += WORDS) {
      if (old[at + 2] !== 0) insert(next, hashUser(old[at], old[at + 1]), old[at], old[at + 1], old[at + 2]);
    }
    Atomics.store(old, RETIRED, 1);
    this.segments[index] = next;
    this.onSegment(index, next.buffer as SharedArrayBuffer);
    return next;
  }
}

/** Word index of a user's entry, or -1. */
function find(segment: Uint32Array, hash: number, lo: number, hi: number): number {
  let at = HEADER_WORDS + placeOf(hash, (segment.length - HEADER_WORDS) / WORDS) * WORDS;
  while (Atomics.load(segment, at + 2) !== 0) {
    if (segment[at] === lo && segment[at + 1] === hi) return at;
    at += WORDS;
    if (at >= segment.length) at = HEADER_WORDS;
  }
  return -1;
}

/** Puts an entry; the value it replaced, or 0. */
function insert(segment: Uint32Array, hash: number, lo: number, hi: number, value: number): number {
  const capacity = (segment.length - HEADER_WORDS) / WORDS;
  let at = HEADER_WORDS + placeOf(hash, capacity) * WORDS;
  for (;;) {
    const there = segment[at + 2];
    if (there === 0) break;
    if (segment[at] === lo && segment[at + 1] === hi) {
      Atomics.store(segment, at + 2, value);
      return there;
    }
    at += WORDS;
    if (at >= segment.length) at = HEADER_WORDS;
  }
  segment[at] = lo;
  segment[at + 1] = hi;
  segment[COUNT]++;
  Atomics.store(segment, at + 2, value);
  return 0;
}
