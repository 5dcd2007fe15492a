/**
 * Work behind the crowd (flushing, SQL, codes, audits, orders) must not take the processor from the crowd itself. On Linux
 * "process 0" of setpriority is the calling thread alone, so a thread can step back without its neighbours.
 */
import os from 'node:os';

const NICE = 10;

/** Lowers the calling thread's priority; elsewhere than on Linux, where it would mean the process, nothing happens. */
export function stepBehindClaims(): void {
  if (process.platform === 'linux') os.setPriority(0, NICE);
}

/** For an owner's thread: one that is started later begins where main is. Where the process may not, it stays there. */
export function standBeforeMain(): void {
  if (process.platform !== 'linux') return;
  try {
    os.setPriority(0, 0);
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code !== 'ERR_SYSTEM_ERROR' && code !== 'EACCES' && code !== 'EPERM') throw error;
  }
}
