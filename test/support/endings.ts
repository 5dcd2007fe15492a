/**
 * What a test starts ends with it, the last first; what `once` starts ends with the file. Nothing is registered when this
 * is imported: files that share a process share modules, and a hook of a module would be the first one's alone.
 */
import { afterAll, beforeAll, onTestFinished } from 'vitest';

type End = () => unknown;

/** Where ends go while something is started for all tests of a file. */
let shared: End[] | null = null;

export function atTheEnd(end: End): void {
  if (shared === null) onTestFinished(async () => void (await end()));
  else shared.push(end);
}

/** What all tests of a file or a `describe` have together: opened before the first, ended after the last. → how to get at it. */
export function once<T>(open: () => Promise<T>): () => T {
  let value: T;
  const ends: End[] = [];
  beforeAll(async () => {
    shared = ends;
    try {
      value = await open();
    } finally {
      shared = null;
    }
  });
  afterAll(async () => {
    for (const end of ends.reverse()) await end();
  });
  return () => value;
}
