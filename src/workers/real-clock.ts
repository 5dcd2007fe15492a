/** The clock of this machine, as the coordination wants it. */
import { setTimeout } from 'node:timers/promises';
import type { Clock } from '../cluster/clock.ts';

export const realClock: Clock = {
  nowMs: () => performance.now(),
  // Nothing that only waits keeps a thread alive.
  sleep: (ms) => setTimeout(ms, undefined, { ref: false }),
  random: Math.random,
};
