/** The seed at which a broken rule was seen first, before all others: a search of minutes becomes one run. */
export function* seedsToTry(foundAt: number | undefined, seedsMax: number): Generator<number> {
  if (foundAt !== undefined) yield foundAt;
  // It moves whenever the protocol does; then the search finds the new one, and prints it.
  for (let seed = 1; seed <= seedsMax; seed++) if (seed !== foundAt) yield seed;
}
