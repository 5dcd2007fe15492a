/** SIM_SEEDS and SIM_EVENTS enlarge it, SIM_FROM is the first seed; SIM_SEED=N replays one and tells every step. */
import { expect, test } from 'vitest';
import { FAULT_KINDS, FaultCounts } from './faults.ts';
import { type Outcome, simulate } from './simulation.ts';

const SEEDS = Number(process.env.SIM_SEEDS ?? 1_000);
const FROM = Number(process.env.SIM_FROM ?? 1);
const EVENTS = Number(process.env.SIM_EVENTS ?? 2_000);
const ONE = process.env.SIM_SEED;
/** With fewer, some fault may well not come up. */
const SEEDS_TO_SEE_ALL = 1_000;
const FAILURES_MAX = 3;

function explain({ seed, failure }: Outcome): string {
  return `SIM_SEED=${seed} SIM_EVENTS=${EVENTS}: event ${failure!.event}: ${failure!.error.stack}`;
}

function replay(): void {
  const outcome = simulate(Number(ONE), { events: EVENTS, onTrace: (line) => console.log(line) });
  if (outcome.failure !== null) throw new Error(explain(outcome));
}

function runAll(): void {
  const faults = new FaultCounts();
  const failures: string[] = [];
  let events = 0;
  let promises = 0;
  const startedMs = performance.now();
  const cpu = process.cpuUsage();
  for (let seed = FROM; seed < FROM + SEEDS && failures.length < FAILURES_MAX; seed++) {
    const outcome = simulate(seed, { events: EVENTS });
    outcome.faults.addTo(faults);
    events += outcome.events;
    promises += outcome.promises;
    if (outcome.failure !== null) failures.push(explain(outcome));
  }
  const seconds = (performance.now() - startedMs) / 1_000;
  const { user, system } = process.cpuUsage(cpu);
  console.log(
    `${SEEDS} seeds, ${events} events, ${promises} promises, ${seconds.toFixed(1)} s, ` +
      `${((user + system) / events).toFixed(1)} µs of CPU an event\n` +
      FAULT_KINDS.map((kind) => `${kind} ${faults.counts.get(kind)}`).join(', '),
  );
  expect(failures).toEqual([]);
  if (SEEDS < SEEDS_TO_SEE_ALL) return;
  for (const kind of FAULT_KINDS)
    expect(faults.counts.get(kind), `${kind} was never seen`).toBeGreaterThan(0);
}

if (ONE === undefined) {
  test(`${SEEDS} seeds of ${EVENTS} events keep every promise`, { timeout: 3_600_000 }, runAll);
  test('a seed replays exactly', () => {
    const traces = [0, 1].map(() => {
      const lines: string[] = [];
      simulate(77, { events: EVENTS, onTrace: (line) => lines.push(line) });
      return lines.join('\n');
    });
    expect(traces[0].length).toBeGreaterThan(EVENTS);
    expect(traces[1]).toBe(traces[0]);
  });
} else test(`seed ${ONE}`, replay);
