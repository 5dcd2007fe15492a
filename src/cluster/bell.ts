/** Ends a wait early. */
import type { Clock } from './clock.ts';

export class Bell {
  private readonly clock: Clock;
  private rung = false;
  private wake: (() => void) | null = null;

  constructor(clock: Clock) {
    this.clock = clock;
  }

  ring(): void {
    this.rung = true;
    this.wake?.();
  }

  /** Until it rings, or rang since the last wait, or `ms` have passed. */
  async wait(ms: number): Promise<void> {
    if (!this.rung)
      await Promise.race([
        this.clock.sleep(ms),
        new Promise<void>((resolve) => {
          this.wake = resolve;
        }),
      ]);
    this.rung = false;
    this.wake = null;
  }
}
