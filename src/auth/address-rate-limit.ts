import { RateLimiter, type RateLimiterOptions } from './rate-limit.ts';

/**
 * Claims a second per network address. An IPv4 address counts for itself. Of IPv6 the first 64 bits count: a line
 * gets at least that much and could otherwise take a new address for every claim. Both fit two words exactly, so no
 * two addresses share a bucket by accident (IPv4 takes the words of ::/96, which is not routed).
 */
export class AddressRateLimiter {
  readonly #limiter: RateLimiter;

  constructor(perSecond: number, options: RateLimiterOptions = {}) {
    this.#limiter = new RateLimiter(perSecond, options);
  }

  /** 4 or 16 bytes; anything else (a Unix socket) is admitted. Answers like RateLimiter.admit. */
  admit(address: Uint8Array, nowMs: number): number {
    if (address.length === 4) return this.#limiter.admit(word(address, 0), 0, nowMs);
    if (address.length !== 16) return 0;
    const hi = word(address, 0);
    const lo = word(address, 4);
    // ::ffff:a.b.c.d is how a socket for both protocols shows IPv4.
    const mapped = hi === 0 && lo === 0 && word(address, 8) === 0xffff;
    return mapped ? this.#limiter.admit(word(address, 12), 0, nowMs) : this.#limiter.admit(lo, hi, nowMs);
  }
}

function word(bytes: Uint8Array, at: number): number {
  return ((bytes[at]! << 24) | (bytes[at + 1]! << 16) | (bytes[at + 2]! << 8) | bytes[at + 3]!) >>> 0;
}
