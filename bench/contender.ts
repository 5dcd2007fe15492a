/** One of the servers that take turns in a comparison: how its next run is set up, and what must hold after it. */
import type { Job, LoadResult } from './load/jobs.ts';
import { type LoadRun, type Measured, measure } from './measure.ts';
import type { LoadClient } from './processes/load-client.ts';
import type { Target } from './processes/target.ts';

export interface PreparedRun {
  readonly target: Target;
  readonly run: LoadRun;
  /** Resolves when every claim of the run is a row, for those who are measured until then. */
  stored?(load: LoadResult): Promise<unknown>;
  /** Everything that is wrong, as sentences; also waits until the server has nothing left to do. */
  check(load: LoadResult): Promise<string[]>;
}

export interface Contender {
  readonly name: string;
  prepare(): Promise<PreparedRun>;
}

export interface Series {
  readonly name: string;
  readonly runs: Measured[];
  readonly wrong: string[];
}

/** A B A B …: each round runs every contender once, in the same order. */
export async function interleave(
  contenders: readonly Contender[],
  rounds: number,
  say: (line: string) => void,
): Promise<Series[]> {
  const all = contenders.map((contender): Series => ({ name: contender.name, runs: [], wrong: [] }));
  for (let round = 0; round < rounds; round++) {
    for (const [i, contender] of contenders.entries()) {
      const prepared = await contender.prepare();
      const measured = await measure(prepared.target, prepared.run, prepared.stored);
      const wrong = await prepared.check(measured.load);
      all[i]!.runs.push(measured);
      all[i]!.wrong.push(...wrong);
      say(
        `  ${round + 1}/${rounds} ${contender.name}: ${Math.round(measured.rps)}/s, ` +
          `${costs(measured)} µs, server ${measured.serverBusy.toFixed(2)}, ` +
          `client ${measured.clientBusy.toFixed(2)}${wrong.length > 0 ? ` – WRONG: ${wrong.join('; ')}` : ''}`,
      );
    }
  }
  return all;
}

/** Claim path, and what Redis and the storing add to it. */
function costs({ cpuUsPerRequest, redisUsPerRequest, allIn }: Measured): string {
  const redis = redisUsPerRequest > 0 ? ` + Redis ${redisUsPerRequest.toFixed(2)}` : '';
  return `${cpuUsPerRequest.toFixed(2)}${redis}${allIn === null ? '' : `, all in ${allIn.sumUs.toFixed(2)}`}`;
}

export function jobRun(client: LoadClient, job: Job): LoadRun {
  return (beforeFirst) => client.run(job, beforeFirst);
}
