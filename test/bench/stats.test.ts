import { describe, expect, it } from 'vitest';
import { comparisonRow, cpuRatio, rpsRatio, withLatency } from '../../bench/comparison.ts';
import type { Series } from '../../bench/contender.ts';
import type { Measured } from '../../bench/measure.ts';
import { NO_FIGURES, type Row, rounded, table, toJson } from '../../bench/report.ts';
import { median, medianRatio, percentile } from '../../bench/stats.ts';

function measured(rps: number, cpuUsPerRequest: number, p99Ms = 1): Measured {
  return {
    load: {
      answered: rps,
      outcomes: {},
      seconds: 1,
      clientCpuSeconds: 0.5,
      coupons: [],
      latency: { p50Ms: p99Ms / 2, p99Ms, p999Ms: p99Ms, maxMs: p99Ms },
    },
    rps,
    cpuUsPerRequest,
    redisUsPerRequest: 0,
    allIn: null,
    serverBusy: 0.9,
    clientBusy: 0.5,
  };
}

function series(name: string, runs: Measured[], wrong: string[] = []): Series {
  return { name, runs, wrong };
}

describe('medians and ratios', () => {
  it('takes the middle value, or the mean of the two in the middle', () => {
    expect(median([3, 1, 2])).toBe(2);
    expect(median([4, 1, 3, 2])).toBe(2.5);
    expect(median([])).toBeNaN();
  });

  it('takes percentiles without sorting numbers as text', () => {
    const values = Array.from({ length: 100 }, (_, i) => i + 1);
    expect(percentile(values, 0.5)).toBe(51);
    expect(percentile(values, 0.99)).toBe(100);
  });

  it('compares pair by pair, so that a slow minute touches both sides', () => {
    expect(medianRatio([10, 2, 30], [20, 4, 60])).toBe(0.5);
    expect(() => medianRatio([1], [1, 2])).toThrow('pairs');
  });

  it('says 1 when the claim path costs what the bare handler costs, less when it costs more', () => {
    const yardstick = series('yardstick', [measured(100, 8), measured(50, 16), measured(100, 8)]);
    const claims = series('won', [measured(80, 10), measured(40, 20), measured(80, 10)]);
    expect(rpsRatio(claims, yardstick)).toBeCloseTo(0.8);
    expect(cpuRatio(claims, yardstick)).toBeCloseTo(0.8);
    expect(comparisonRow(claims, yardstick, true)).toMatchObject({
      rps: 80,
      cpuUsPerRequest: 10,
      verified: true,
    });
  });

  it('does not verify a series with a single wrong run, closed or open', () => {
    const yardstick = series('yardstick', [measured(100, 8)]);
    const lost = series('won', [measured(80, 10)], ['one row is missing']);
    const row = comparisonRow(lost, yardstick, true);
    expect(row.verified).toBe(false);
    const good = comparisonRow(series('won', [measured(80, 10)]), yardstick, true);
    const open = withLatency(good, lost, yardstick, 40);
    expect(open.verified).toBe(false);
  });

  it('sets the 99th percentile against that of the bare handler at the same rate', () => {
    const yardstick = series('yardstick', [measured(100, 8, 2)]);
    const claims = series('won', [measured(80, 10, 5)]);
    const row = withLatency(comparisonRow(claims, yardstick, true), claims, yardstick, 40);
    expect(row).toMatchObject({ p99Ms: 5, more: { openLoopRate: 40, p99Ratio: 2.5 } });
  });
});

describe('the report', () => {
  const row: Row = {
    ...NO_FIGURES,
    name: 'http-won-os-64',
    rps: 81234.567,
    verified: true,
    more: { p99Ratio: 1.23456 },
  };

  it('is an array with the machine first and every member in every row', () => {
    const [machine, won] = JSON.parse(toJson([row], { cores: 2 })) as Record<string, unknown>[];
    expect(machine).toMatchObject({ name: 'machine', cores: 2 });
    expect(won).toMatchObject({ name: 'http-won-os-64', rps: 81235, p99Ratio: 1.235, verified: true });
    for (const member of Object.keys(NO_FIGURES)) expect(won).toHaveProperty(member);
  });

  it('prints one line a row and marks what was not verified', () => {
    const lines = table([row, { ...row, name: 'lost', verified: false }]).split('\n');
    expect(lines).toHaveLength(3);
    expect(lines[1]).toContain('yes');
    expect(lines[2]).toContain('NO');
  });

  it('rounds to four digits', () => {
    expect(rounded(0.123456)).toBe(0.1235);
    expect(rounded(123456.7)).toBe(123457);
  });
});
