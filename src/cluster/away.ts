/** Since when something could not be reached. */
import type { Clock } from './clock.ts';

export class Away {
  private readonly clock: Clock;
  private since: number | null = null;
  private last: string | null = null;

  constructor(clock: Clock) {
    this.clock = clock;
  }

  get sinceMs(): number | null {
    return this.since;
  }

  /** The last failure, while it lasts. */
  get detail(): string | null {
    return this.last;
  }

  failed(error: unknown): void {
    this.since ??= this.clock.nowMs();
    this.last = error instanceof Error ? error.message : String(error);
  }

  answered(): void {
    this.since = null;
    this.last = null;
  }
}
