/** A clock that a test moves: sleepers wake in order, and all that follows happens before the next one. */
import type { Clock } from '../../src/cluster/clock.ts';

/** Between two wakings: what is under way goes through this many turns of the event loop. */
const TURNS = 3;

interface Sleeper {
  readonly atMs: number;
  readonly wake: () => void;
}

export class VirtualClock implements Clock {
  private ms = 1_000;
  private sleepers: Sleeper[] = [];
  private seed = 1;
  /** Real timers may fire a little before a clock of their own machine says so. */
  private readonly earlyMs: number;

  constructor(earlyMs = 0) {
    this.earlyMs = earlyMs;
  }

  nowMs(): number {
    return this.ms;
  }

  random(): number {
    this.seed = (this.seed * 1_103_515_245 + 12_345) % 0x8000_0000;
    return this.seed / 0x8000_0000;
  }

  sleep(ms: number): Promise<void> {
    return new Promise((wake) => {
      this.sleepers.push({ atMs: this.ms + Math.max(0, ms - this.earlyMs), wake });
    });
  }

  async pass(ms: number): Promise<void> {
    const untilMs = this.ms + ms;
    await settle();
    for (;;) {
      const next = Math.min(...this.sleepers.map(({ atMs }) => atMs));
      if (next > untilMs) break;
      this.ms = Math.max(this.ms, next);
      const due = this.sleepers.filter(({ atMs }) => atMs <= this.ms);
      this.sleepers = this.sleepers.filter(({ atMs }) => atMs > this.ms);
      for (const { wake } of due) wake();
      await settle();
    }
    this.ms = untilMs;
  }

  /** Lets time pass until `condition` holds. */
  async until(condition: () => boolean, what: string, patienceMs = 120_000): Promise<void> {
    const untilMs = this.ms + patienceMs;
    while (!condition()) {
      if (this.ms > untilMs) throw new Error(`not within ${patienceMs} ms: ${what}`);
      await this.pass(100);
    }
  }
}

async function settle(): Promise<void> {
  for (let i = 0; i < TURNS; i++) await new Promise((resolve) => setImmediate(resolve));
}
