/** A simulation that finds nothing proves nothing: each broken rule must make it fail, and soon. */
import { expect, test } from 'vitest';
import { BREAKS } from './breaks.ts';
import { simulate } from './simulation.ts';

const SEEDS_MAX = 400;
const EVENTS = 2_000;

for (const [name, parts] of Object.entries(BREAKS)) {
  test.runIf(process.env.SIM_SEED === undefined)(`finds ${name}`, () => {
    let seed = 1;
    let found = simulate(seed, { events: EVENTS, parts });
    while (found.failure === null && seed < SEEDS_MAX) found = simulate(++seed, { events: EVENTS, parts });
    console.log(`${name}: seed ${seed}, ${found.failure?.error.message.slice(0, 160)}`);
    expect(found.failure, `not found in ${SEEDS_MAX} seeds`).not.toBeNull();
  });
}
