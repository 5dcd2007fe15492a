import { expect, test } from 'vitest';
import { FAULT_KINDS, FaultCounts } from './faults.ts';
import { type Outcome, simulate } from './simulation.ts';

const SEEDS = Number(process.env.SIM_SEEDS ?? 2_000);
const EVENTS = Number(process.env.SIM_EVENTS ?? 2_000);
const ONE = process.env.SIM_SEED;

function explain({ seed, failure }: Outcome): string {
  return `SIM_SEED=${seed} SIM_EVENTS=${EVENTS}: event ${failure!.event}: ${failure!.error.stack}`;
}

test.runIf(ONE !== undefined)('one seed, told step by step', () => {
  const outcome = simulate(Number(ONE), { events: EVENTS, onTrace: (line) => console.log(line) });
  if (outcome.failure !== null) throw new Error(explain(outcome));
});

test.runIf(ONE === undefined)(
  `${SEEDS} seeds of ${EVENTS} events keep every promise`,
  { timeout: 3_600_000 },
  () => {
    const faults = new FaultCounts();
    const failures: string[] = [];
    let events = 0;
    let promises = 0;
    const startedMs = performance.now();
    for (let seed = 1; seed <= SEEDS && failures.length < 3; seed++) {
      const outcome = simulate(seed, { events: EVENTS });
      outcome.faults.addTo(faults);
      events += outcome.events;
      promises += outcome.promises;
      if (outcome.failure !== null) failures.push(explain(outcome));
    }
    const seconds = (performance.now() - startedMs) / 1_000;
    console.log(
      `${SEEDS} seeds, ${events} events, ${promises} promises, ${seconds.toFixed(1)} s, ` +
        `${((seconds / events) * 1e6).toFixed(1)} µs an event\n` +
        FAULT_KINDS.map((kind) => `${kind} ${faults.counts.get(kind)}`).join(', '),
    );
    expect(failures).toEqual([]);
    for (const kind of FAULT_KINDS)
      expect(faults.counts.get(kind), `${kind} was never seen`).toBeGreaterThan(0);
  },
);
