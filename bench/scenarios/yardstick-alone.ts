/** The bare handler and the generator, nobody else: what all ratios stand on, and how much is the generator's. */
import { comparisonRow, medianOf } from '../comparison.ts';
import { interleave } from '../contender.ts';
import { bareHandler } from '../contenders/http.ts';
import type { Row } from '../report.ts';
import type { Bench, Scenario } from './scenario.ts';

async function run(bench: Bench): Promise<Row[]> {
  const { pairs, runSeconds } = bench.effort;
  bench.say('yardstick alone');
  const contenders = [64, 512].map((connections) =>
    bareHandler(bench, { connections, seconds: runSeconds, rate: null }),
  );
  const all = await interleave(contenders, pairs, bench.say);
  return all.map((series) => {
    const row = comparisonRow(series, series, false);
    const clientUs = medianOf(series, ({ load }) => (load.clientCpuSeconds / load.answered) * 1e6);
    return { ...row, more: { ...row.more, clientUsPerRequest: clientUs } };
  });
}

export const yardstickAlone: Scenario = {
  name: 'yardstick',
  about: 'the bare handler alone at 64 and 512 connections',
  run,
};
