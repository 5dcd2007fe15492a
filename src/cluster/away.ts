/** Since when something could not be reached. */
import type { Clock } from './clock.ts';

export class Away {
  private readonly clock: Clock;
  private since: number | null = null;

  constructor(clock: Clock) {
    this.clock = clock;
  }

  get sinceMs(): number | null {
    return this.since;
  }

  failed(): void {
    this.since ??= this.clock.nowMs();
  }

  answered(): void {
    this.since = null;
  }
}
