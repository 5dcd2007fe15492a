/** From interleaved series to a row of the report. */
import type { Series } from './contender.ts';
import type { Measured } from './measure.ts';
import type { Row } from './report.ts';
import { median, medianRatio } from './stats.ts';

type Figure = (run: Measured) => number;

const rps: Figure = (run) => run.rps;
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

/** How many requests `a` makes of the CPU time that `b` needs for one. */
export function cpuRatio(a: Series, b: Series): number {
  return ratioOf(b, a, cpu);
}

/** A row whose ratios stand against `yardstick`; `checked` false: there was nothing to verify. */
export function comparisonRow(series: Series, yardstick: Series, checked: boolean): Row {
  const clientBusy = medianOf(series, (run) => run.clientBusy);
  return {
    name: series.name,
    rps: medianOf(series, rps),
    p50Ms: null,
    p99Ms: null,
    cpuUsPerRequest: medianOf(series, cpu),
    ratioRps: rpsRatio(series, yardstick),
    ratioCpu: cpuRatio(series, yardstick),
    serverBusy: medianOf(series, (run) => run.serverBusy),
    verified: checked ? series.wrong.length === 0 : null,
    more: {
      // Other people's generators are processes whose clocks the bench does not read.
      ...(Number.isNaN(clientBusy) ? {} : { clientBusy }),
      ...(series.wrong.length > 0 ? { wrong: series.wrong } : {}),
    },
  };
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
