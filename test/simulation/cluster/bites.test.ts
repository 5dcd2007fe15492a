/** A simulation that finds nothing proves nothing: each broken rule must make it fail, and soon. */
import { expect, test, vi } from 'vitest';
import { BREAKS } from './breaks.ts';
import { simulate } from './simulation.ts';

vi.mock('../../../src/ports-ledger.ts', async (original) => ({
  ...(await original<typeof import('../../../src/ports-ledger.ts')>()),
  SHARDS: 2,
  shardOf: (templateId: number) => templateId % 2,
}));

const SEEDS_MAX = 200;
const EVENTS = Number(process.env.SIM_EVENTS ?? 15_000);

for (const [name, { parts, deeds }] of Object.entries(BREAKS)) {
  test.runIf(process.env.SIM_SEED === undefined)(`finds ${name}`, { timeout: 600_000 }, async () => {
    let seed = 1;
    let found = await simulate(seed, { events: EVENTS, parts, deeds });
    while (found.failure === null && seed < SEEDS_MAX)
      found = await simulate(++seed, { events: EVENTS, parts, deeds });
    console.log(`${name}: seed ${seed}, ${found.failure?.error.message.slice(0, 160)}`);
    expect(found.failure, `not found in ${SEEDS_MAX} seeds`).not.toBeNull();
  });
}
