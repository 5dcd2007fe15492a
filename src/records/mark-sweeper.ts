/**
 * Forgets what the Idempotency-Keys of operators' calls did, some time after: nobody repeats a call for ever, and the
 * table would grow for ever. In pieces, so that saves and claims get their turn in between.
 */
import { setTimeout as pause } from 'node:timers/promises';
import { MARK_KEEP_MS, MARKS_FORGOTTEN_MAX } from '../limits.ts';
import type { MarkStore } from '../ports.ts';

const SWEEP_MS = 60 * 60 * 1000;
/** Between two pieces. */
const BREATH_MS = 50;

/** One sweep; → marks forgotten. Rejects when the store cannot: whatever is left is for the next one. */
export async function sweepMarks(
  store: MarkStore,
  breathe: () => Promise<unknown> = () => pause(BREATH_MS),
): Promise<number> {
  let forgotten = 0;
  for (;;) {
    const some = await store.forgetMarks(MARK_KEEP_MS, MARKS_FORGOTTEN_MAX);
    forgotten += some;
    if (some < MARKS_FORGOTTEN_MAX) return forgotten;
    await breathe();
  }
}

/** Sweeps now and then for as long as this thread lives. `onFailure`: a sweep could not be ended. */
export function keepMarksSwept(store: MarkStore, onFailure: (error: unknown) => void): void {
  let isSweeping = false;
  const sweep = (): void => {
    if (isSweeping) return;
    isSweeping = true;
    sweepMarks(store)
      .catch(onFailure)
      .finally(() => {
        isSweeping = false;
      });
  };
  sweep();
  setInterval(sweep, SWEEP_MS).unref();
}
