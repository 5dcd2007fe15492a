/** Work that is done again and again for as long as this thread lives, some time apart. */
import { setTimeout as pause } from 'node:timers/promises';

/** Half a second at most with the spread of `rest`: what is due is done within a second. */
const IDLE_MS = 400;
/** Before a sweep that failed is tried again. */
const RETRY_MS = 5_000;

/** `sweep`: → whether there may be more at once. → stops it; resolves when nothing of it is under way any more. */
export function keepSweeping(
  sweep: () => Promise<boolean>,
  onFailure: (error: unknown) => void,
): () => Promise<void> {
  const stopped = new AbortController();
  const sweeping = sweepUntil(stopped.signal, sweep, onFailure);
  return () => {
    stopped.abort();
    return sweeping;
  };
}

async function sweepUntil(
  signal: AbortSignal,
  sweep: () => Promise<boolean>,
  onFailure: (error: unknown) => void,
): Promise<void> {
  const rest = (ms: number): Promise<void> =>
    // Some way apart, so that nodes which began together do not go on together.
    pause(ms * (0.75 + Math.random() / 2), undefined, { ref: false, signal }).catch(() => {});
  while (!signal.aborted) {
    try {
      if (!(await sweep())) await rest(IDLE_MS);
    } catch (error) {
      onFailure(error);
      await rest(RETRY_MS);
    }
  }
}
