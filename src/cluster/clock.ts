/** Time and chance, from outside: the coordination itself has no timers, so that a test can be its clock. */
export interface Clock {
  /** Monotonic. */
  nowMs(): number;
  sleep(ms: number): Promise<void>;
  /** [0, 1). */
  random(): number;
}

/** About `ms`, so that nodes which failed together do not come back together. */
export function jittered(clock: Clock, ms: number): number {
  return ms * (0.75 + clock.random() / 2);
}

/** A pause that doubles with every failure. */
export class BackOff {
  private readonly clock: Clock;
  private readonly minMs: number;
  private readonly maxMs: number;
  private nextMs: number;

  constructor(clock: Clock, minMs: number, maxMs: number) {
    this.clock = clock;
    this.minMs = minMs;
    this.maxMs = maxMs;
    this.nextMs = minMs;
  }

  reset(): void {
    this.nextMs = this.minMs;
  }

  /** How long to wait after one more failure. */
  failed(): number {
    const ms = this.nextMs;
    this.nextMs = Math.min(ms * 2, this.maxMs);
    return jittered(this.clock, ms);
  }
}
