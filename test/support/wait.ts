/** Waits for what must come true, and says what did not. */
import { setTimeout as pause } from 'node:timers/promises';

const LOOK_MS = 25;

/** Resolves with the first answer of `condition` that is not false, null or undefined. `what` is asked when it fails. */
export async function until<T>(
  condition: () => T | Promise<T>,
  what: string | (() => string),
  patienceMs = 15_000,
): Promise<Exclude<NonNullable<T>, false>> {
  const deadlineMs = Date.now() + patienceMs;
  for (;;) {
    const found = await condition();
    if (found !== false && found !== null && found !== undefined)
      return found as Exclude<NonNullable<T>, false>;
    if (Date.now() > deadlineMs)
      throw new Error(`not within ${patienceMs} ms: ${typeof what === 'string' ? what : what()}`);
    await pause(LOOK_MS);
  }
}

/** The same promise, or a failure that names it. */
export function within<T>(promise: Promise<T>, what: string, patienceMs = 15_000): Promise<T> {
  let timer: NodeJS.Timeout;
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new Error(`not within ${patienceMs} ms: ${what}`)), patienceMs);
  });
  return Promise.race([promise, late]).finally(() => clearTimeout(timer));
}
