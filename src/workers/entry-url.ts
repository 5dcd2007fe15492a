/**
 * Where the code of a thread lies. The bundled program has all its files in one directory, this module in a file of its
 * own making; compiled file by file, the entries lie beside this one. Both ways they are its neighbours.
 */
export type EntryName = 'audit' | 'cluster' | 'compute' | 'flusher' | 'owner' | 'records';

export function entryUrl(name: EntryName): URL {
  return new URL(`./${name}-entry.js`, import.meta.url);
}
