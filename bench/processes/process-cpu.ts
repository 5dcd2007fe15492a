/** CPU time of other processes, as Linux tells it. */
import { readdirSync, readFileSync } from 'node:fs';

/** USER_HZ: 100 on every Linux that Node runs on. */
const TICKS_PER_SECOND = 100;

/**
 * User and system time of all threads. The process's own sum has those that have ended in it, but comes in steps of
 * 10 ms and rounded down; the threads tell nanoseconds, but only the living ones. The larger of the two is the nearer.
 */
export function processCpuSeconds(pid: number): number {
  const stat = ticksOf(readFileSync(`/proc/${pid}/stat`, 'latin1')) / TICKS_PER_SECOND;
  let threads = 0;
  for (const thread of readdirSync(`/proc/${pid}/task`)) threads += threadCpuSeconds(pid, thread);
  return Math.max(stat, threads);
}

/** User and system time in a line of /proc/PID/stat. */
export function ticksOf(stat: string): number {
  // The name before may hold spaces and parentheses; what follows starts with field 3.
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  return Number(fields[11]) + Number(fields[12]);
}

/** Of the thread the process began with, to the nanosecond. */
export function mainThreadCpuSeconds(pid: number): number {
  return threadCpuSeconds(pid, String(pid));
}

/** 0 for a thread that has ended meanwhile. */
function threadCpuSeconds(pid: number, thread: string): number {
  try {
    return Number(readFileSync(`/proc/${pid}/task/${thread}/schedstat`, 'latin1').split(' ')[0]) / 1e9;
  } catch {
    return 0;
  }
}
