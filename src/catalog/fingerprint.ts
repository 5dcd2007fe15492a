/** What makes two requests under one Idempotency-Key the same: the checked content, whatever its spelling was. */
import { createHash } from 'node:crypto';
import type { IdempotencyMark } from '../ports.ts';

/** `scope` is the route; null without a key. */
export function markOf(scope: string, key: string | null, content: unknown): IdempotencyMark | null {
  return key === null ? null : { scope, key, fingerprint: fingerprint(content) };
}

/** SHA-256 of canonical JSON, in hex. */
export function fingerprint(content: unknown): string {
  return createHash('sha256').update(canonicalJson(content)).digest('hex');
}

/** Members sorted by name, those that are undefined left out: equal values have equal texts. */
export function canonicalJson(value: unknown): string {
  if (Array.isArray(value)) return `[${value.map(canonicalJson).join(',')}]`;
  if (typeof value !== 'object' || value === null) return JSON.stringify(value ?? null);
  const members = Object.entries(value)
    .filter(([, member]) => member !== undefined)
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .map(([name, member]) => `${JSON.stringify(name)}:${canonicalJson(member)}`);
  return `{${members.join(',')}}`;
}
