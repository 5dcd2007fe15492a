/** One load run against one server, with the server's and the generator's clocks read around it. */
import { setTimeout as sleep } from 'node:timers/promises';
import type { LoadResult } from './load/jobs.ts';
import { mainThreadCpuSeconds, processCpuSeconds } from './processes/process-cpu.ts';
import type { Target } from './processes/target.ts';
import {
  busiestServer,
  cpuBetween,
  onClaimPath,
  readClocks,
  type ThreadCpu,
} from './processes/thread-cpu.ts';

/** Threads publish their clocks now and then; after this much quiet what is read is what was spent. */
const SETTLE_MS = 300;

/** What whole processes spend, garbage collection and compiler threads included, until every claim is stored. */
export interface AllIn {
  /** CPU microseconds per request, by what the processes are for. */
  readonly us: Readonly<Record<string, number>>;
  readonly sumUs: number;
  /** From the first request until the last claim is stored. */
  readonly storedPerSecond: number;
}

export interface Measured {
  readonly load: LoadResult;
  readonly rps: number;
  /** Ingress and owner threads, of all nodes. */
  readonly cpuUsPerRequest: number;
  /** Redis's main thread meanwhile; 0 where there is none. */
  readonly redisUsPerRequest: number;
  /** null: the run stores nothing. */
  readonly allIn: AllIn | null;
  /** Share of wall time the busiest thread with connections was on CPU. Well below 1: the generator was the limit. */
  readonly serverBusy: number;
  /** The same for the load process. */
  readonly clientBusy: number;
}

/** `run` calls `beforeFirst` when it has connected and before its first request. */
export type LoadRun = (beforeFirst: () => Promise<void>) => Promise<LoadResult>;

interface Clocks {
  readonly threads: ThreadCpu;
  readonly redis: number;
  readonly processes: Processes;
}

interface Processes {
  readonly seconds: Readonly<Record<string, number>>;
  readonly atMs: number;
}

/** `stored` resolves when the last claim of the run is a row. */
export async function measure(
  target: Target,
  run: LoadRun,
  stored?: (load: LoadResult) => Promise<unknown>,
): Promise<Measured> {
  let before: Clocks | null = null;
  const load = await run(async () => {
    await sleep(SETTLE_MS);
    before = await clocks(target);
  });
  if (before === null) throw new Error('the run did not say when it began');
  const from: Clocks = before;
  // Storing goes on while the clocks of the claim path come to rest.
  const last = stored?.(load).then(() => processes(target));
  last?.catch(() => {});
  await sleep(SETTLE_MS);
  const after = await clocks(target);
  const end = await last;
  const us = (seconds: number) => (seconds / load.answered) * 1e6;
  return {
    load,
    rps: load.answered / load.seconds,
    cpuUsPerRequest: us(cpuBetween(from.threads, after.threads, onClaimPath)),
    redisUsPerRequest: us(after.redis - from.redis),
    allIn: end === undefined ? null : allIn(from.processes, end, load.answered),
    serverBusy: busiestServer(from.threads, after.threads) / load.seconds,
    clientBusy: load.clientCpuSeconds / load.seconds,
  };
}

async function clocks(target: Target): Promise<Clocks> {
  const threads = await readClocks(target);
  const redisPid = target.pids?.redis;
  return {
    threads,
    redis: redisPid === undefined ? 0 : mainThreadCpuSeconds(redisPid),
    processes: processes(target),
  };
}

function processes({ pids = {} }: Target): Processes {
  const seconds = Object.entries(pids).map(([name, pid]) => [name, processCpuSeconds(pid)] as const);
  return { seconds: Object.fromEntries(seconds), atMs: performance.now() };
}

export function allIn(before: Processes, after: Processes, claims: number): AllIn {
  const us: Record<string, number> = {};
  let sumUs = 0;
  for (const [name, seconds] of Object.entries(after.seconds)) {
    us[name] = ((seconds - (before.seconds[name] ?? 0)) / claims) * 1e6;
    sumUs += us[name];
  }
  return { us, sumUs, storedPerSecond: (claims / (after.atMs - before.atMs)) * 1000 };
}
