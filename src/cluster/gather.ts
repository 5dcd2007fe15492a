/**
 * Work that costs one pass over everything, however many shards want it: what is asked for within a moment, or while
 * a pass is running, is done by one pass together.
 */
import type { Clock } from './clock.ts';

const GATHER_MS = 50;

interface Asked<T, R> {
  readonly value: T;
  readonly resolve: (result: R) => void;
  readonly reject: (error: unknown) => void;
}

export class Gather<T, R> {
  private readonly clock: Clock;
  private readonly pass: (wanted: ReadonlyMap<number, T>) => Promise<ReadonlyMap<number, R>>;
  private asked = new Map<number, Asked<T, R>>();
  private running = false;

  /** `pass` answers for every shard it is given, or rejects for all of them. */
  constructor(clock: Clock, pass: (wanted: ReadonlyMap<number, T>) => Promise<ReadonlyMap<number, R>>) {
    this.clock = clock;
    this.pass = pass;
  }

  /** A shard asks again only when it was answered. */
  ask(shard: number, value: T): Promise<R> {
    return new Promise((resolve, reject) => {
      this.asked.set(shard, { value, resolve, reject });
      if (!this.running) void this.run();
    });
  }

  private async run(): Promise<void> {
    this.running = true;
    while (this.asked.size > 0) {
      await this.clock.sleep(GATHER_MS);
      const asked = this.asked;
      this.asked = new Map();
      try {
        const results = await this.pass(new Map([...asked].map(([shard, { value }]) => [shard, value])));
        for (const [shard, { resolve }] of asked) resolve(results.get(shard) as R);
      } catch (error) {
        for (const { reject } of asked.values()) reject(error);
      }
    }
    this.running = false;
  }
}
