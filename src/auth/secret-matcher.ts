import { timingSafeEqual } from 'node:crypto';

/**
 * Compares what a caller sends with one secret in constant time. Without hashing first, which would cost a claim
 * more than the rest of its authentication: what is sent goes into a buffer of the secret's length, so time says
 * nothing about the content; it may tell the length, which is no secret. Secrets are ASCII (config-kinds.ts).
 */
export function secretMatcher(secret: string): (given: string) => boolean {
  const expected = Buffer.from(secret, 'latin1');
  const scratch = Buffer.alloc(expected.length);
  return (given) => {
    scratch.write(given, 0, 'latin1');
    return timingSafeEqual(scratch, expected) && given.length === expected.length;
  };
}
