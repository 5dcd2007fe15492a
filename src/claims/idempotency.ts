/** Idempotency keys of claims travel and are kept as 64 bits of their SHA-256; a user can only collide with itself. */
import { createHash } from 'node:crypto';

/** [lo, hi] of a key; never both zero, which means "no key". */
export function hashKey(key: string, words: Uint32Array): void {
  const digest = createHash('sha256').update(key).digest();
  words[0] = digest.readUInt32LE(0);
  words[1] = digest.readUInt32LE(4);
  if ((words[0] | words[1]) === 0) words[0] = 1;
}
