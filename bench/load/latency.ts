/** Latencies in whole microseconds, three significant digits, up to a minute. */
import { build, type Histogram } from 'hdr-histogram-js';
import type { Latency } from './jobs.ts';

const LATENCY_US_MAX = 60_000_000;

export class LatencyRecorder {
  readonly #histogram: Histogram = build({
    lowestDiscernibleValue: 1,
    highestTrackableValue: LATENCY_US_MAX,
    numberOfSignificantValueDigits: 3,
    autoResize: false,
    useWebAssembly: false,
  });

  /** `fromMs` is when the request should have left, not when it did: waiting for a connection counts. */
  record(fromMs: number, toMs: number): void {
    const us = Math.round((toMs - fromMs) * 1000);
    this.#histogram.recordValue(us < 1 ? 1 : us > LATENCY_US_MAX ? LATENCY_US_MAX : us);
  }

  get count(): number {
    return this.#histogram.totalCount;
  }

  summary(): Latency {
    const at = (percentile: number) => this.#histogram.getValueAtPercentile(percentile) / 1000;
    return { p50Ms: at(50), p99Ms: at(99), p999Ms: at(99.9), maxMs: this.#histogram.maxValue / 1000 };
  }
}
