/** CPU time of the calling thread, from the kernel's scheduler statistics; the same clock on every thread. */
import fs from 'node:fs';

/** Seconds this thread has been on a CPU; 0 where the kernel does not tell. */
export function threadCpuSeconds(): number {
  try {
    return Number(fs.readFileSync('/proc/thread-self/schedstat', 'utf8').split(' ')[0]) / 1e9;
  } catch {
    return 0;
  }
}
