/**
 * When requests of an open loop are due. Request k belongs to k / rate after the start, whatever the server does:
 * a server that stalls is charged for every request that should have been sent meanwhile (no coordinated omission).
 * The queue of waiting requests needs no memory: it is the numbers between `taken` and what is due.
 */
export class Schedule {
  readonly total: number;
  /** Requests handed to a connection so far. */
  taken = 0;
  readonly #startMs: number;
  readonly #msPerRequest: number;

  constructor(rate: number, total: number, startMs: number) {
    this.total = total;
    this.#startMs = startMs;
    this.#msPerRequest = 1000 / rate;
  }

  intendedMs(index: number): number {
    return this.#startMs + index * this.#msPerRequest;
  }

  /** Requests that should have left by now. */
  dueBy(nowMs: number): number {
    const due = Math.floor((nowMs - this.#startMs) / this.#msPerRequest) + 1;
    return due < 0 ? 0 : due > this.total ? this.total : due;
  }

  /** The next request that is due, or -1. */
  take(nowMs: number): number {
    if (this.taken >= this.total || this.intendedMs(this.taken) > nowMs) return -1;
    return this.taken++;
  }

  /** Milliseconds until the next request is due; Infinity when none is left. */
  waitMs(nowMs: number): number {
    if (this.taken >= this.total) return Number.POSITIVE_INFINITY;
    return Math.max(0, this.intendedMs(this.taken) - nowMs);
  }
}
