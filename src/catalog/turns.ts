/**
 * Changes of one template are made one after the other. While the record store or the ledger is away each takes as long
 * as the patience of its calls, so an operator's change waits for its turn neither in a line without bound nor without
 * end: one whose patience is over before its turn came is never begun. What the program does by itself stands in the
 * same line, once for each kind of work however often it is asked for.
 */

/**
 * full: too many wait already. late: its turn did not come in time. Nothing was done in either case.
 * unfinished: it was begun and goes on; what becomes of it nobody is told.
 */
export type Missed = 'full' | 'late' | 'unfinished';

export type Turn<T> = { readonly kind: 'done'; readonly value: T } | { readonly kind: Missed };

export interface TurnsOptions {
  /** Operators' changes of one template that wait at the same time. */
  readonly waitingMax: number;
  /** From the call to the answer. */
  readonly patienceMs: number;
  /** A change failed when nobody waited for its outcome any more. */
  readonly onUnheard: (error: unknown) => void;
}

interface Line {
  readonly waiting: Waiting[];
  /** Of those waiting, how many are operators'. */
  asked: number;
}

interface Waiting {
  /** Of the program's own work. */
  readonly name: string | null;
  readonly done: Promise<void>;
  begin(): Promise<void>;
}

export class Turns {
  /** A template has a line while any change of it is under way. */
  readonly #lines = new Map<number, Line>();
  readonly #options: TurnsOptions;

  constructor(options: TurnsOptions) {
    this.#options = options;
  }

  /** An operator's change. Rejects with what `change` throws, unless its patience was over before. */
  ask<T>(key: number, change: () => Promise<T>): Promise<Turn<T>> {
    const { waitingMax, patienceMs, onUnheard } = this.#options;
    const line = this.#lines.get(key);
    if (line !== undefined && line.asked >= waitingMax) return Promise.resolve({ kind: 'full' });
    return new Promise((resolve, reject) => {
      let begun = false;
      let over = false;
      const timer = setTimeout(() => {
        over = true;
        if (!begun) this.#leave(key, waiting);
        resolve({ kind: begun ? 'unfinished' : 'late' });
      }, patienceMs);
      const begin = async (): Promise<void> => {
        begun = true;
        try {
          resolve({ kind: 'done', value: await change() });
        } catch (error) {
          if (over) onUnheard(error);
          else reject(error);
        } finally {
          clearTimeout(timer);
        }
      };
      const waiting = this.#enter(key, null, begin);
    });
  }

  /**
   * The program's own work, in turn. Work of this name that waits already is as good: it has not begun to look at
   * anything. Rejects with what `work` throws.
   */
  attend(key: number, name: string, work: () => Promise<void>): Promise<void> {
    const same = this.#lines.get(key)?.waiting.find((waiting) => waiting.name === name);
    if (same !== undefined) return same.done;
    return this.#enter(key, name, work).done;
  }

  #enter(key: number, name: string | null, work: () => Promise<void>): Waiting {
    let settle: (outcome: Promise<void>) => void = () => {};
    const done = new Promise<void>((resolve) => {
      settle = resolve;
    });
    const begin = (): Promise<void> => {
      const outcome = work();
      settle(outcome);
      return outcome;
    };
    const waiting: Waiting = { name, done, begin };
    const line = this.#lines.get(key);
    if (line !== undefined) {
      line.waiting.push(waiting);
      if (name === null) line.asked++;
      return waiting;
    }
    const first: Line = { waiting: [], asked: 0 };
    this.#lines.set(key, first);
    void this.#serve(key, first, waiting);
    return waiting;
  }

  #leave(key: number, waiting: Waiting): void {
    const line = this.#lines.get(key);
    const at = line?.waiting.indexOf(waiting) ?? -1;
    if (line === undefined || at < 0) return;
    line.waiting.splice(at, 1);
    line.asked--;
  }

  async #serve(key: number, line: Line, first: Waiting): Promise<void> {
    for (let next: Waiting | undefined = first; next !== undefined; next = line.waiting.shift()) {
      if (next !== first && next.name === null) line.asked--;
      // Whoever asked for it is told; the line goes on either way.
      await next.begin().catch(() => {});
    }
    this.#lines.delete(key);
  }
}
