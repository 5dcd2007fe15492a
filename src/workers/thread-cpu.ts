/** CPU time of the calling thread, from the kernel's scheduler statistics; the same clock on every thread. */
import fs from 'node:fs';
import { NumbersReader, NumbersWriter, sharedNumbers } from '../rings/shared-numbers.ts';

/** Seconds this thread has been on a CPU; 0 where the kernel does not tell. */
export function threadCpuSeconds(): number {
  try {
    return Number(fs.readFileSync('/proc/thread-self/schedstat', 'utf8').split(' ')[0]) / 1e9;
  } catch {
    return 0;
  }
}

/** The CPU seconds of a thread, for others to read. */
export class ThreadCpu {
  /** For the thread, which makes a `CpuTeller` of it. */
  readonly buffer = sharedNumbers(1);
  private readonly numbers = new NumbersReader(this.buffer, 1);

  /** As last told. */
  get seconds(): number {
    return this.numbers.read()[0];
  }
}

export class CpuTeller {
  private readonly numbers: NumbersWriter;

  constructor(buffer: SharedArrayBuffer) {
    this.numbers = new NumbersWriter(buffer, 1);
  }

  tell(): void {
    this.numbers.values[0] = threadCpuSeconds();
    this.numbers.publish();
  }
}
