/**
 * A change is judged by what is stored, also when other nodes change it: what they stored is taken in first, and a save
 * that finds another version (`changed`) stores nothing and is judged again from the start. So an operator's change
 * never rests on a state that somebody else has left, and nobody's change is undone unseen.
 */
import { type Result, refused } from '../problems.ts';
import type { Catalog } from './catalog.ts';

/**
 * Each further one means that somebody else's change came through, so others' progress is what they cost; how long is
 * for the turn to bound (turns.ts). Enough for some ten nodes that all change one template without a pause.
 */
const TRIES_MAX = 64;

/** changed: somebody else was first; take in and judge again. */
export type Attempt<T> = Result<T> | 'changed';

export async function judged<T>(catalog: Catalog, judge: () => Promise<Attempt<T>>): Promise<Result<T>> {
  if (catalog.isShared) await catalog.takeIn();
  for (let tries = 1; ; tries++) {
    const outcome = await judge();
    if (outcome !== 'changed') return outcome;
    if (tries === TRIES_MAX)
      return refused('unavailable', 'It was changed on other nodes at the same moment, again and again.');
    await catalog.takeIn();
  }
}
