/** From interleaved series to a row of the report. */
import type { Series } from './contender.ts';
import type { Measured } from './measure.ts';
import type { Row } from './report.ts';
import { median, medianRatio } from './stats.ts';

export type Figure = (run: Measured) => number;

const rps: Figure = (run) => run.rps;
/** Claim path with Redis. */
export const path: Figure = (run) => run.cpuUsPerRequest + run.redisUsPerRequest;
export const allIn: Figure = (run) => run.allIn?.sumUs ?? Number.NaN;
const cpu: Figure = (run) => run.cpuUsPerRequest;

export function medianOf(series: Series, figure: Figure): number {
  return median(series.runs.map(figure));
}

export function ratioOf(a: Series, b: Series, figure: Figure): number {
  return medianRatio(a.runs.map(figure), b.runs.map(figure));
}

/** How often faster `a` is than `b`, pair by pair. */
export function rpsRatio(a: Series, b: Series): number {
  return ratioOf(a, b, rps);
}

/** How many requests `a` makes of the CPU time that `b` needs for one: of the claim path, without Redis. */
export function cpuRatio(a: Series, b: Series): number {
  return costRatio(a, b, cpu);
}

/** How many requests `a` makes of what `b` needs of `figure` for one. */
export function costRatio(a: Series, b: Series, figure: Figure): number {
  return ratioOf(b, a, figure);
}

/** A row whose ratios stand against `yardstick`; `checked` false: there was nothing to verify. */
export function comparisonRow(series: Series, yardstick: Series, checked: boolean): Row {
  const clientBusy = medianOf(series, (run) => run.clientBusy);
  const redisUs = medianOf(series, (run) => run.redisUsPerRequest);
  const allInUs = medianOf(series, allIn);
  return {
    name: series.name,
    rps: medianOf(series, rps),
    p50Ms: null,
    p99Ms: null,
    cpuUsPerRequest: medianOf(series, cpu),
    redisUsPerRequest: redisUs > 0 ? redisUs : null,
    allInUsPerRequest: Number.isNaN(allInUs) ? null : allInUs,
    ratioRps: rpsRatio(series, yardstick),
    ratioCpu: cpuRatio(series, yardstick),
    serverBusy: medianOf(series, (run) => run.serverBusy),
    verified: checked ? series.wrong.length === 0 : null,
    more: {
      // Other people's generators are processes whose clocks the bench does not read.
      ...(Number.isNaN(clientBusy) ? {} : { clientBusy }),
      ...(Number.isNaN(allInUs) ? {} : storing(series)),
      ...(series.wrong.length > 0 ? { wrong: series.wrong } : {}),
    },
  };
}

/** Who spends what until everything is stored. */
function storing(series: Series): Record<string, number> {
  const figures = { storedPerSecond: medianOf(series, (run) => run.allIn!.storedPerSecond) };
  const names = Object.keys(series.runs[0]!.allIn!.us);
  const parts = names.map((name) => [`${name}Us`, medianOf(series, (run) => run.allIn!.us[name]!)] as const);
  return { ...figures, ...Object.fromEntries(parts) };
}

/** Adds the latencies of open-loop series at one rate, and their ratio to the yardstick's. */
export function withLatency(row: Row, open: Series, yardstick: Series, rate: number): Row {
  const p99: Figure = (run) => run.load.latency?.p99Ms ?? Number.NaN;
  return {
    ...row,
    p50Ms: medianOf(open, (run) => run.load.latency?.p50Ms ?? Number.NaN),
    p99Ms: medianOf(open, p99),
    verified: row.verified === null ? null : row.verified && open.wrong.length === 0,
    more: {
      ...row.more,
      openLoopRate: rate,
      yardstickP99Ms: medianOf(yardstick, p99),
      p99Ratio: ratioOf(open, yardstick, p99),
      ...(open.wrong.length > 0 ? { wrongOpenLoop: open.wrong } : {}),
    },
  };
}
