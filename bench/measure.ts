/** One load run against one server, with the server's and the generator's clocks read around it. */
import { setTimeout as sleep } from 'node:timers/promises';
import type { LoadResult } from './load/jobs.ts';
import type { Target } from './processes/target.ts';
import { cpuBetween, onClaimPath, readThreadCpu, type ThreadCpu } from './processes/thread-cpu.ts';

/** Threads publish their clocks now and then; after this much quiet what is read is what was spent. */
const SETTLE_MS = 300;

export interface Measured {
  readonly load: LoadResult;
  readonly rps: number;
  readonly cpuUsPerRequest: number;
  /** Share of wall time the ingress thread was on CPU. Well below 1: the generator was the limit. */
  readonly serverBusy: number;
  /** The same for the load process. */
  readonly clientBusy: number;
}

/** `run` calls `beforeFirst` when it has connected and before its first request. */
export type LoadRun = (beforeFirst: () => Promise<void>) => Promise<LoadResult>;

export async function measure(target: Target, run: LoadRun): Promise<Measured> {
  let before: ThreadCpu = new Map();
  const load = await run(async () => {
    await sleep(SETTLE_MS);
    before = await readThreadCpu(target.internalPort);
  });
  await sleep(SETTLE_MS);
  const after = await readThreadCpu(target.internalPort);
  return {
    load,
    rps: load.answered / load.seconds,
    cpuUsPerRequest: (cpuBetween(before, after, onClaimPath) / load.answered) * 1e6,
    serverBusy: cpuBetween(before, after, (thread) => thread === 'ingress') / load.seconds,
    clientBusy: load.clientCpuSeconds / load.seconds,
  };
}
