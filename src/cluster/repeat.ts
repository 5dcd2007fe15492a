/** Does something again and again. A failure is told, and only makes the next pause longer. */
import { BackOff, type Clock } from './clock.ts';

const RETRY_MS_MIN = 200;
const RETRY_MS_MAX = 5_000;

export async function repeat(
  clock: Clock,
  isOver: () => boolean,
  pauseMs: () => number,
  work: () => Promise<unknown>,
  onFailure: (error: unknown) => void,
): Promise<void> {
  const retry = new BackOff(clock, RETRY_MS_MIN, RETRY_MS_MAX);
  while (!isOver()) {
    let extraMs = 0;
    try {
      await work();
      retry.reset();
    } catch (error) {
      onFailure(error);
      extraMs = retry.failed();
    }
    await clock.sleep(Math.max(pauseMs(), extraMs));
  }
}
