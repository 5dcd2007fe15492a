/**
 * Claims a second, per user and per address, with bursts of twice that: GCRA, the leaky bucket that needs one number
 * per key. That number is the theoretical arrival time (tat): when the key's bucket will be empty again. A tat that
 * has passed says the same as no entry, so nothing ever has to be cleaned up; its place is free.
 *
 * Open addressing on typed arrays, at most PROBES places per key. When they are all in use the table doubles; at its
 * bound the entry nearest to being empty gives way: too lenient for one key rather than unbounded memory.
 */
import { randomInt } from 'node:crypto';

const PROBES = 8;
const ENTRIES_MIN = 1024;
const ENTRIES_MAX = 2 ** 21;
/** A tat is a sum of fractions; a refusal should not hang on the last bit. */
const EPSILON_MS = 1e-6;

/** Locks of a shared table: a place belongs to the lock of its key. */
const LOCKS = 1024;
/** A thread that was ended in the middle must not keep the others. */
const SPINS_MAX = 10_000;

/** A table that limiters of several threads count in together. It does not grow: untouched, it is address space only. */
export interface RateShare {
  readonly keys: SharedArrayBuffer;
  readonly tats: SharedArrayBuffer;
  readonly locks: SharedArrayBuffer;
  readonly seed: number;
}

export function rateShare(entries = ENTRIES_MAX): RateShare {
  return {
    keys: new SharedArrayBuffer(2 * entries * Uint32Array.BYTES_PER_ELEMENT),
    tats: new SharedArrayBuffer(entries * Float64Array.BYTES_PER_ELEMENT),
    locks: new SharedArrayBuffer(LOCKS * Int32Array.BYTES_PER_ELEMENT),
    seed: randomInt(2 ** 32),
  };
}

export interface RateLimiterOptions {
  /** Null or absent: the table is this limiter's own. */
  readonly share?: RateShare | null;
  /** Power of two. */
  readonly entriesMax?: number;
  /** Moves keys to other places in every process, so that nobody can choose keys that collide. */
  readonly seed?: number;
}

export class RateLimiter {
  readonly #intervalMs: number;
  /** A claim is admitted while its tat is at most so far ahead. */
  readonly #toleranceMs: number;
  readonly #entriesMax: number;
  readonly #seed: number;
  #mask: number;
  #partMask: number;
  #keys: Uint32Array;
  #tats: Float64Array;
  /** Of a shared table, one for each part of it. */
  readonly #locks: Int32Array | null;

  /** 0 admits everything. */
  constructor(perSecond: number, options: RateLimiterOptions = {}) {
    this.#intervalMs = perSecond === 0 ? 0 : 1000 / perSecond;
    this.#toleranceMs = this.#intervalMs * (2 * perSecond - 1);
    this.#entriesMax = options.entriesMax ?? ENTRIES_MAX;
    this.#seed = options.seed ?? randomInt(2 ** 32);
    const { share = null } = options;
    if (share !== null) {
      this.#seed = share.seed;
      this.#keys = new Uint32Array(share.keys);
      this.#tats = new Float64Array(share.tats);
      this.#locks = new Int32Array(share.locks);
      this.#mask = this.#tats.length - 1;
      this.#partMask = this.#tats.length / LOCKS - 1;
      this.#entriesMax = this.#tats.length;
      return;
    }
    const entries = perSecond === 0 ? 1 : Math.min(ENTRIES_MIN, this.#entriesMax);
    this.#mask = entries - 1;
    this.#partMask = entries - 1;
    this.#keys = new Uint32Array(2 * entries);
    this.#tats = new Float64Array(entries);
    this.#locks = null;
  }

  get entries(): number {
    return this.#mask + 1;
  }

  /** 0: admitted and counted. Otherwise refused, and so many whole milliseconds until one would be admitted. */
  admit(lo: number, hi: number, nowMs: number): number {
    if (this.#intervalMs === 0) return 0;
    if (this.#locks === null) return this.#count(lo, hi, nowMs);
    const lock = Math.floor(this.#hash(lo >>> 0, hi >>> 0) / (this.#partMask + 1));
    for (let spins = 0; Atomics.compareExchange(this.#locks, lock, 0, 1) !== 0 && spins < SPINS_MAX; spins++);
    const waitMs = this.#count(lo, hi, nowMs);
    Atomics.store(this.#locks, lock, 0);
    return waitMs;
  }

  #count(lo: number, hi: number, nowMs: number): number {
    const place = this.#placeOf(lo >>> 0, hi >>> 0, nowMs);
    const aheadMs = this.#aheadMs(place, nowMs);
    const overMs = aheadMs - this.#toleranceMs;
    if (overMs > EPSILON_MS) return Math.ceil(overMs);
    this.#tats[place] = nowMs + aheadMs + this.#intervalMs;
    return 0;
  }

  /** 0 for a place that is free. Further ahead than possible means that the clock was set back: free as well. */
  #aheadMs(place: number, nowMs: number): number {
    const aheadMs = this.#tats[place]! - nowMs;
    return aheadMs > 0 && aheadMs <= this.#toleranceMs + this.#intervalMs + 1 ? aheadMs : 0;
  }

  /** Where the key is; else its new place, with nothing counted yet. One pass finds both in the usual case. */
  #placeOf(lo: number, hi: number, nowMs: number): number {
    const keys = this.#keys;
    const first = this.#hash(lo, hi);
    let free = -1;
    for (let probe = 0; probe < PROBES; probe++) {
      const place = this.#at(first, probe);
      if (keys[2 * place] === lo && keys[2 * place + 1] === hi) return place;
      if (free < 0 && this.#aheadMs(place, nowMs) === 0) free = place;
    }
    if (free < 0) free = this.#makePlace(lo, hi, nowMs);
    this.#keys[2 * free] = lo;
    this.#keys[2 * free + 1] = hi;
    this.#tats[free] = 0;
    return free;
  }

  /** All places of the key are in use: grow until one is not, at the bound take the one nearest to being free. */
  #makePlace(lo: number, hi: number, nowMs: number): number {
    for (;;) {
      const place = this.#leastAhead(lo, hi, nowMs);
      if (this.#aheadMs(place, nowMs) === 0 || this.entries >= this.#entriesMax) return place;
      this.#double(nowMs);
    }
  }

  #leastAhead(lo: number, hi: number, nowMs: number): number {
    const first = this.#hash(lo, hi);
    let least = first & this.#mask;
    for (let probe = 1; probe < PROBES; probe++) {
      const place = this.#at(first, probe);
      if (this.#aheadMs(place, nowMs) < this.#aheadMs(least, nowMs)) least = place;
    }
    return least;
  }

  #double(nowMs: number): void {
    const keys = this.#keys;
    const tats = this.#tats;
    const entries = this.entries;
    this.#mask = 2 * entries - 1;
    this.#partMask = this.#mask;
    this.#keys = new Uint32Array(4 * entries);
    this.#tats = new Float64Array(2 * entries);
    for (let old = 0; old < entries; old++) {
      if (tats[old]! <= nowMs) continue;
      // One in very many may find its places taken; it gives way like at the bound.
      const place = this.#leastAhead(keys[2 * old]!, keys[2 * old + 1]!, nowMs);
      if (this.#aheadMs(place, nowMs) >= tats[old]! - nowMs) continue;
      this.#keys[2 * place] = keys[2 * old]!;
      this.#keys[2 * place + 1] = keys[2 * old + 1]!;
      this.#tats[place] = tats[old]!;
    }
  }

  /** Probes stay within the part of one lock. */
  #at(first: number, probe: number): number {
    return (first & ~this.#partMask) | ((first + probe) & this.#partMask);
  }

  #hash(lo: number, hi: number): number {
    let h = Math.imul(lo ^ this.#seed, 0x9e3779b1);
    h = Math.imul(h ^ (h >>> 15) ^ hi, 0x85ebca77);
    h = Math.imul(h ^ (h >>> 13), 0xc2b2ae3d);
    return (h ^ (h >>> 16)) & this.#mask;
  }
}
