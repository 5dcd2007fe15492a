/**
 * autocannon and wrk as cross-checks of the bench's own generator. Both send one user's claim over and over, so they
 * fit repeats; the CPU of the server is read the same way whoever sends.
 */
import { execFile, spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import os from 'node:os';
import path from 'node:path';
import { promisify } from 'node:util';
import type { LoadResult } from './jobs.ts';

const runFile = promisify(execFile);

export interface OneUser {
  readonly port: number;
  readonly path: string;
  readonly connections: number;
  readonly seconds: number;
  readonly userId: number;
}

export type Generator = (job: OneUser) => Promise<LoadResult>;

const NOTHING_KEPT = { clientCpuSeconds: Number.NaN, coupons: [], latency: null } as const;

export const autocannon: Generator = async (job) => {
  const program = createRequire(import.meta.url).resolve('autocannon');
  const { stdout } = await runFile(process.execPath, [
    program,
    ...['--json', '--no-progress', '-m', 'POST', '-c', `${job.connections}`, '-d', `${job.seconds}`],
    ...['-H', `x-user-id=${job.userId}`, `http://127.0.0.1:${job.port}${job.path}`],
  ]);
  return parseAutocannon(stdout);
};

export function parseAutocannon(json: string): LoadResult {
  const result = JSON.parse(json) as {
    duration: number;
    errors: number;
    statusCodeStats: Record<string, { count: number }>;
  };
  const outcomes: Record<string, number> = {};
  let answered = 0;
  for (const [status, { count }] of Object.entries(result.statusCodeStats)) {
    outcomes[status] = count;
    answered += count;
  }
  if (result.errors > 0) outcomes.errors = result.errors;
  return { answered, outcomes, seconds: result.duration, ...NOTHING_KEPT };
}

export function wrkInstalled(): boolean {
  return spawnSync('wrk', ['-v']).error === undefined;
}

export const wrk: Generator = async (job) => {
  const directory = mkdtempSync(path.join(os.tmpdir(), 'doorbuster-wrk-'));
  try {
    const script = path.join(directory, 'claim.lua');
    writeFileSync(script, `wrk.method = "POST"\nwrk.headers["X-User-Id"] = "${job.userId}"\n`);
    const { stdout } = await runFile('wrk', [
      ...['-t', '1', '-c', `${job.connections}`, '-d', `${job.seconds}s`, '-s', script],
      `http://127.0.0.1:${job.port}${job.path}`,
    ]);
    return parseWrk(stdout);
  } finally {
    rmSync(directory, { recursive: true });
  }
};

/** wrk tells successes and failures apart, no single statuses. */
export function parseWrk(text: string): LoadResult {
  const [, requests, amount, unit] = /(\d+) requests in ([0-9.]+)(ms|s|m)/.exec(text) ?? [];
  if (requests === undefined) throw new Error(`wrk said:\n${text}`);
  const answered = Number(requests);
  const refused = Number(/Non-2xx or 3xx responses: (\d+)/.exec(text)?.[1] ?? 0);
  const seconds = Number(amount) * (unit === 'ms' ? 0.001 : unit === 'm' ? 60 : 1);
  const outcomes: Record<string, number> = { '2xx': answered - refused };
  if (refused > 0) outcomes.refused = refused;
  return { answered, outcomes, seconds, ...NOTHING_KEPT };
}
