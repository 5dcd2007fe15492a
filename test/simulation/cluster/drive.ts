/** Runs a scheduler whose events start promises: all that follows from one event happens before the next one. */
import type { Scheduler } from '../scheduler.ts';

/** Turns until the event loop may look at other things, such as rejections that nobody has handled. */
const TURNS = 256;

/** Until `isOver`, which is asked between events, or until nothing is left to happen. Rejects with what an event throws. */
export function drive(scheduler: Scheduler, isOver: () => boolean): Promise<void> {
  return new Promise((resolve, reject) => {
    let turns = 0;
    const turn = (): void => {
      try {
        if (isOver() || !scheduler.step()) {
          resolve();
          return;
        }
      } catch (error) {
        reject(error);
        return;
      }
      turns++;
      if (turns % TURNS === 0) setImmediate(turn);
      // The tick comes when no microtask is left, whatever they have started meanwhile.
      else queueMicrotask(() => process.nextTick(turn));
    };
    turn();
  });
}
