/** A thread of a process on a machine: what happens in it waits while the machine is frozen, and is dropped once it is gone. */
import type { Clock } from '../../../src/cluster/clock.ts';
import type { Random } from '../random.ts';
import type { Scheduler } from '../scheduler.ts';

export interface Machine {
  readonly frozen: boolean;
  hold(run: () => void): void;
}

export interface ThreadHost {
  readonly machine: Machine;
  readonly alive: boolean;
  readonly scheduler: Scheduler;
  readonly random: Random;
  /** Something happens in this process now. */
  entered(): void;
  failed(error: unknown): void;
}

export class Thread {
  over = false;
  readonly clock: Clock;
  private readonly host: ThreadHost;

  constructor(host: ThreadHost) {
    this.host = host;
    const { scheduler, random } = host;
    this.clock = {
      nowMs: () => scheduler.nowUs / 1_000,
      sleep: (ms) => new Promise((wake) => this.later(Math.max(1, Math.round(ms * 1_000)), wake)),
      random: () => random.fraction(),
    };
  }

  get isGone(): boolean {
    return this.over || !this.host.alive;
  }

  enter(run: () => void): void {
    const { host } = this;
    if (this.isGone) return;
    if (host.machine.frozen) {
      host.machine.hold(() => this.enter(run));
      return;
    }
    host.entered();
    try {
      run();
    } catch (error) {
      host.failed(error);
    }
  }

  later(delayUs: number, run: () => void): void {
    this.host.scheduler.later(delayUs, () => this.enter(run));
  }
}
