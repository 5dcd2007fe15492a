/** A simulation that finds nothing proves nothing: each broken rule must make it fail, and soon. */
import { expect, test, vi } from 'vitest';
import { seedsToTry } from '../seeds-to-try.ts';
import { BREAKS } from './breaks.ts';
import { simulate } from './simulation.ts';

vi.mock('../../../src/ports-ledger.ts', async (original) => ({
  ...(await original<typeof import('../../../src/ports-ledger.ts')>()),
  SHARDS: 2,
  shardOf: (templateId: number) => templateId % 2,
}));

const SEEDS_MAX = 200;
const EVENTS = Number(process.env.SIM_EVENTS ?? 15_000);
/** Of those that are not found by the first few seeds. */
const FOUND_AT: Readonly<Record<string, number>> = {
  'commits that ignore epochs and leases': 28,
  'commits of units that are not leased': 41,
  'a ledger without the run id of its server': 40,
  'a ledger that forgets sequences and leases': 5,
  'a ledger that grants a repeated lease again': 8,
  'a ledger that calls what others hold sold out': 93,
  'answers before the log is synced': 11,
  'a shard left before its owners have left it': 26,
  'streams of before that are not read': 7,
  'a rebuilding without a member': 51,
  'logs that are not written into the store': 13,
  'members that are not written down': 11,
};

for (const [name, { parts, deeds }] of Object.entries(BREAKS)) {
  test.runIf(process.env.SIM_SEED === undefined)(`finds ${name}`, { timeout: 600_000 }, async () => {
    for (const seed of seedsToTry(FOUND_AT[name], SEEDS_MAX)) {
      const { failure } = await simulate(seed, { events: EVENTS, parts, deeds });
      if (failure === null) continue;
      console.log(`${name}: seed ${seed}, ${failure.error.message.slice(0, 160)}`);
      return;
    }
    expect.fail(`not found in ${SEEDS_MAX} seeds`);
  });
}
