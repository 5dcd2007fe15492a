import { describe, expect, it } from 'vitest';
import { comparisonRow } from '../../bench/comparison.ts';
import type { Series } from '../../bench/contender.ts';
import { withGoal } from '../../bench/goals.ts';
import { portOf } from '../../bench/load/jobs.ts';
import { allIn, type Measured } from '../../bench/measure.ts';
import { processCpuSeconds, ticksOf } from '../../bench/processes/process-cpu.ts';
import { sumOf } from '../../bench/processes/thread-cpu.ts';
import { NO_FIGURES } from '../../bench/report.ts';
import { fastest, versusRows } from '../../bench/versus.ts';

function run(rps: number, cpuUs: number, redisUs: number, allInUs: number | null): Measured {
  const load = { answered: rps, outcomes: {}, seconds: 1, clientCpuSeconds: 0.5, coupons: [], latency: null };
  const mysql = { us: { mysql: allInUs ?? 0 }, sumUs: allInUs ?? 0, storedPerSecond: rps / 2 };
  return {
    load,
    rps,
    cpuUsPerRequest: cpuUs,
    redisUsPerRequest: redisUs,
    allIn: allInUs === null ? null : mysql,
    serverBusy: 0.9,
    clientBusy: 0.5,
  };
}

function series(name: string, runs: Measured[], wrong: string[] = []): Series {
  return { name, runs, wrong };
}

describe('one design against another', () => {
  const own = series('ours', [run(60_000, 6, 1, 15), run(30_000, 12, 2, 30)]);
  const plain = series('plain', [run(20_000, 20, 15, 60), run(10_000, 40, 30, 120)]);
  const pipelined = series('pipelined', [run(25_000, 18, 10, 45), run(12_500, 36, 20, 90)]);

  it('takes the one with the most claims a second for the comparison', () => {
    expect(fastest([plain, pipelined]).name).toBe('pipelined');
    expect(fastest([pipelined, plain]).name).toBe('pipelined');
  });

  it('counts Redis on both claim paths, and everything until it is stored', () => {
    const [path, all] = versusRows('vs', own, pipelined, { path: 4, allIn: 3.5 });
    expect(path).toMatchObject({ name: 'vs-path', ratioCpu: 4, cpuUsPerRequest: 9, redisUsPerRequest: 1.5 });
    expect(path!.more).toMatchObject({ us: 10.5, against: 'pipelined', againstUs: 42 });
    expect(path!.more!.goals).toEqual(['ratioCpu at least 4: reached']);
    expect(all).toMatchObject({ name: 'vs-all-in', ratioCpu: 3, allInUsPerRequest: 22.5, verified: true });
    expect(all!.more!.goals).toEqual(['ratioCpu at least 3.5: missed']);
  });

  it('stands on nothing when either lost a claim', () => {
    const lost = series('pipelined', pipelined.runs, ['one row is missing']);
    for (const row of versusRows('vs', own, lost, null)) expect(row.verified).toBe(false);
    for (const row of versusRows('vs', lost, own, null)) expect(row.verified).toBe(false);
  });

  it('leaves out what a run has not', () => {
    const soldOut = series('sold out', [run(10, 5, 0, null)]);
    const refusals = comparisonRow(soldOut, soldOut, true);
    expect(refusals).toMatchObject({ redisUsPerRequest: null, allInUsPerRequest: null });
    expect(refusals.more).not.toHaveProperty('storedPerSecond');
    expect(comparisonRow(own, own, true).more).toMatchObject({ storedPerSecond: 22_500, mysqlUs: 22.5 });
  });

  it('tells goals one after the other, and a missing figure from one that is too low', () => {
    const row = withGoal({ ...NO_FIGURES, name: 'row' }, 'ratio', Number.NaN, { atLeast: 2 });
    expect(withGoal(row, 'p99Ratio', 3, { atMost: 3 }).more!.goals).toEqual([
      'ratio at least 2: not measured',
      'p99Ratio at most 3: reached',
    ]);
  });
});

describe('what is counted', () => {
  it('is the sum over the nodes, thread by thread', () => {
    const nodes = [
      new Map([['ingress', 1]]),
      new Map([
        ['ingress', 2],
        ['owner-0', 4],
      ]),
    ];
    expect(sumOf(nodes)).toEqual(
      new Map([
        ['ingress', 3],
        ['owner-0', 4],
      ]),
    );
  });

  it('is what processes spent from the first request until everything was stored', () => {
    const before = { seconds: { server: 1, redis: 5 }, atMs: 1000 };
    const after = { seconds: { server: 1.5, redis: 5.25 }, atMs: 3000 };
    const { us, sumUs, storedPerSecond } = allIn(before, after, 50_000);
    expect(us.server).toBeCloseTo(10);
    expect(us.redis).toBeCloseTo(5);
    expect(sumUs).toBeCloseTo(15);
    expect(storedPerSecond).toBe(25_000);
  });

  it('finds the times in a line of stat, whatever a process is called', () => {
    const rest = Array.from({ length: 40 }, (_, i) => i + 3);
    expect(ticksOf(`12 (a) b (c) ${rest.join(' ')}`)).toBe(14 + 15);
  });

  it('sees this process work', () => {
    const before = processCpuSeconds(process.pid);
    for (const until = performance.now() + 30; performance.now() < until; );
    const spent = processCpuSeconds(process.pid) - before;
    expect(spent).toBeGreaterThan(0);
    expect(spent).toBeLessThan(10);
  });
});

describe('connections', () => {
  it('take turns among the nodes', () => {
    const job = { port: 1, otherPorts: [2, 3] };
    expect([0, 1, 2, 3].map((i) => portOf(job, i))).toEqual([1, 2, 3, 1]);
    expect([0, 1].map((i) => portOf({ port: 7 }, i))).toEqual([7, 7]);
  });
});
