/** SIM_CLUSTER_SEEDS and SIM_EVENTS enlarge it, SIM_FROM is the first seed; SIM_SEED=N replays one seed and tells every step. */
import { expect, test, vi } from 'vitest';
import { CLUSTER_FAULTS, ClusterFaults } from './faults.ts';
import { type Outcome, simulate } from './simulation.ts';

// Two shards meet all that sixteen do, and cost an eighth of the waiting.
vi.mock('../../../src/ports-ledger.ts', async (original) => ({
  ...(await original<typeof import('../../../src/ports-ledger.ts')>()),
  SHARDS: 2,
  shardOf: (templateId: number) => templateId % 2,
}));

const SEEDS = Number(process.env.SIM_CLUSTER_SEEDS ?? 100);
const FIRST = Number(process.env.SIM_FROM ?? 1);
const EVENTS = Number(process.env.SIM_EVENTS ?? 12_000);
const ONE = process.env.SIM_SEED;
/** With fewer, some fault may well not come up. */
const SEEDS_TO_SEE_ALL = 100;
const FAILURES_MAX = Number(process.env.SIM_FAILURES ?? 3);

function explain({ seed, failure }: Outcome): string {
  return `SIM_SEED=${seed} SIM_EVENTS=${EVENTS}: event ${failure!.event}: ${failure!.error.stack}`;
}

async function replay(): Promise<void> {
  const outcome = await simulate(Number(ONE), { events: EVENTS, onTrace: (line) => console.log(line) });
  if (outcome.failure !== null) throw new Error(explain(outcome));
}

async function runAll(): Promise<void> {
  const faults = new ClusterFaults();
  const failures: string[] = [];
  let [events, claims, promises, virtualMs] = [0, 0, 0, 0];
  const cpu = process.cpuUsage();
  for (let seed = FIRST; seed < FIRST + SEEDS && failures.length < FAILURES_MAX; seed++) {
    const outcome = await simulate(seed, { events: EVENTS });
    outcome.faults.addTo(faults);
    events += outcome.events;
    claims += outcome.claims;
    promises += outcome.promises;
    virtualMs += outcome.virtualMs;
    if (outcome.failure !== null) failures.push(explain(outcome));
  }
  const { user, system } = process.cpuUsage(cpu);
  console.log(
    `${SEEDS} seeds, ${events} events, ${(virtualMs / 60_000).toFixed(0)} virtual minutes, ${claims} claims, ` +
      `${promises} promises, ${((user + system) / events).toFixed(1)} µs of CPU an event\n` +
      CLUSTER_FAULTS.map((kind) => `${kind} ${faults.counts.get(kind)}`).join(', '),
  );
  expect(failures).toEqual([]);
  if (SEEDS < SEEDS_TO_SEE_ALL) return;
  for (const kind of CLUSTER_FAULTS)
    expect(faults.counts.get(kind), `${kind} was never seen`).toBeGreaterThan(0);
}

if (ONE === undefined) {
  test(`${SEEDS} seeds of ${EVENTS} events keep every promise`, { timeout: 3_600_000 }, runAll);
  test('a seed replays exactly', { timeout: 60_000 }, async () => {
    const traces: string[] = [];
    for (let i = 0; i < 2; i++) {
      const lines: string[] = [];
      await simulate(7, { events: EVENTS, onTrace: (line) => lines.push(line) });
      traces.push(lines.join('\n'));
    }
    expect(traces[0].length).toBeGreaterThan(1_000);
    expect(traces[1]).toBe(traces[0]);
  });
} else test(`seed ${ONE}`, { timeout: 600_000 }, replay);
