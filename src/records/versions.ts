/** Whether a template or activity may replace what is stored: the same judgement in every store. */
import { isDeepStrictEqual } from 'node:util';
import type { Versioned } from '../ports.ts';

/**
 * next: made from what is stored. same: it is what is stored. changed: made from something else; also when two made the
 * same version of it at the same moment, of which the first won.
 */
export function judgeVersion<T extends Versioned>(stored: T | null, given: T): 'next' | 'same' | 'changed' {
  if (stored === null) return 'changed';
  if (stored.version === given.version - 1) return 'next';
  if (stored.version !== given.version) return 'changed';
  return isDeepStrictEqual(stored, JSON.parse(JSON.stringify(given))) ? 'same' : 'changed';
}

/** Whether what is stored is what somebody has judged by, in any order. */
export function areSame(stored: readonly Versioned[], judgedBy: readonly Versioned[]): boolean {
  const versions = new Map(judgedBy.map(({ id, version }) => [id, version]));
  return stored.length === versions.size && stored.every(({ id, version }) => versions.get(id) === version);
}
