/** Seeded random numbers: a run that failed is run again with SEED. */
export class Random {
  readonly seed: number;
  private state: number;

  constructor(seed: number) {
    this.seed = seed;
    this.state = seed >>> 0;
  }

  /** 0 ≤ x < 1 (mulberry32). */
  next(): number {
    this.state = (this.state + 0x6d2b79f5) >>> 0;
    let t = this.state;
    t = Math.imul(t ^ (t >>> 15), t | 1);
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61);
    return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32;
  }

  /** An integer, 0 ≤ x < `n`. */
  below(n: number): number {
    return Math.floor(this.next() * n);
  }
}

/** A generator whose seed is printed, so that whatever it led to can be had again. */
export function seeded(name: string): Random {
  const seed = Number(process.env.SEED ?? Math.floor(Math.random() * 2 ** 32));
  console.log(`${name}: SEED=${seed}`);
  return new Random(seed);
}
