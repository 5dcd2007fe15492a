/** A simulation that finds nothing proves nothing: each broken rule must make it fail, and soon. */
import { expect, test } from 'vitest';
import { BREAKS } from './breaks.ts';
import { seedsToTry } from './seeds-to-try.ts';
import { simulate } from './simulation.ts';

const SEEDS_MAX = 400;
const EVENTS = 2_000;
/** Of those that are not found by the first few seeds. */
const FOUND_AT: Readonly<Record<string, number>> = {
  'a ledger that ignores epochs': 26,
  'a flusher that goes past the synced position': 11,
  'a seal that copies nothing': 267,
  'an owner that goes on after a failed sync': 21,
};

for (const [name, parts] of Object.entries(BREAKS)) {
  test.runIf(process.env.SIM_SEED === undefined)(`finds ${name}`, () => {
    for (const seed of seedsToTry(FOUND_AT[name], SEEDS_MAX)) {
      const { failure } = simulate(seed, { events: EVENTS, parts });
      if (failure === null) continue;
      console.log(`${name}: seed ${seed}, ${failure.error.message.slice(0, 160)}`);
      return;
    }
    expect.fail(`not found in ${SEEDS_MAX} seeds`);
  });
}
