/**
 * One run per key at a time, for callers who must not be given what was read before they came: who comes while one is
 * under way shares the next with all others who do.
 */
interface Flight<T> {
  readonly sinceMs: number;
  readonly run: Promise<T>;
  next: Promise<T> | null;
}

export class Flights<T> {
  /** A run that takes longer is not waited for by others. */
  readonly #patienceMs: number;
  readonly #now: () => number;
  readonly #flights = new Map<string, Flight<T>>();

  constructor(patienceMs: number, now: () => number) {
    this.#patienceMs = patienceMs;
    this.#now = now;
  }

  share(key: string, run: () => Promise<T>): Promise<T> {
    const flight = this.#flights.get(key);
    if (flight === undefined || this.#now() - flight.sinceMs > this.#patienceMs) return this.#begin(key, run);
    if (flight.next === null) {
      const begin = (): Promise<T> => this.#begin(key, run);
      flight.next = flight.run.then(begin, begin);
    }
    return flight.next;
  }

  #begin(key: string, run: () => Promise<T>): Promise<T> {
    const flight: Flight<T> = { sinceMs: this.#now(), run: run(), next: null };
    this.#flights.set(key, flight);
    const over = (): void => {
      // With a next one it is that one's start that replaces this.
      if (flight.next === null && this.#flights.get(key) === flight) this.#flights.delete(key);
    };
    flight.run.then(over, over);
    return flight.run;
  }
}
