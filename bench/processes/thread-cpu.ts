/** CPU seconds per thread, as the servers tell them on their internal port. */
import type { Target } from './target.ts';

export type ThreadCpu = ReadonlyMap<string, number>;

const SAMPLE = /^doorbuster_thread_cpu_seconds_total\{[^}]*thread="([^"]+)"[^}]*\} ([0-9.eE+-]+)/gm;

export function parseThreadCpu(metrics: string): ThreadCpu {
  const cpu = new Map<string, number>();
  for (const [, thread, seconds] of metrics.matchAll(SAMPLE)) cpu.set(thread!, Number(seconds));
  return cpu;
}

/** Of a target's nodes together: threads of one name are added up. */
export async function readClocks({ internalPort, otherNodes = [] }: Target): Promise<ThreadCpu> {
  const ports = [internalPort, ...otherNodes.map((node) => node.internalPort)];
  return sumOf(await Promise.all(ports.map(readThreadCpu)));
}

export function sumOf(all: readonly ThreadCpu[]): ThreadCpu {
  const sum = new Map<string, number>();
  for (const one of all) {
    for (const [thread, seconds] of one) sum.set(thread, (sum.get(thread) ?? 0) + seconds);
  }
  return sum;
}

export async function readThreadCpu(internalPort: number): Promise<ThreadCpu> {
  const answer = await fetch(`http://127.0.0.1:${internalPort}/metrics`);
  if (!answer.ok) throw new Error(`/metrics answered ${answer.status}`);
  const cpu = parseThreadCpu(await answer.text());
  if (![...cpu.keys()].some(onClaimPath)) throw new Error('/metrics tells no CPU time of threads that serve');
  return cpu;
}

/** Threads that serve clients or decide claims; with main, which only accepts connections and hands out stock. */
export function onClaimPath(thread: string): boolean {
  return thread === 'ingress' || thread === 'main' || thread.startsWith('owner-');
}

/** CPU seconds of the busiest of the threads that hold connections. */
export function busiestServer(before: ThreadCpu, after: ThreadCpu): number {
  const serving = [...after.keys()].filter((thread) => thread !== 'main' && onClaimPath(thread));
  return Math.max(...serving.map((thread) => cpuBetween(before, after, (one) => one === thread)));
}

/** Seconds spent between two readings by the threads that `which` picks. */
export function cpuBetween(before: ThreadCpu, after: ThreadCpu, which: (thread: string) => boolean): number {
  let seconds = 0;
  for (const [thread, value] of after) if (which(thread)) seconds += value - (before.get(thread) ?? 0);
  return seconds;
}
