/**
 * How many of a user's coupons no longer count against its limits (`limitCounts: "usable"`), in one word that travels
 * with a claim: of the pool in the low bits, of the template in the next; zero where everything counts. The actor stays
 * the one that counts: of two claims sent with the same word, the second finds one coupon more.
 */
import { SPENT_MAX } from '../limits.ts';

const SPENT_BITS = 13;

/** What is more than can be said is not said: the limit is then reached a little sooner. */
export function spentWord(ofPool: number, ofTemplate: number): number {
  return Math.min(ofPool, SPENT_MAX) | (Math.min(ofTemplate, SPENT_MAX) << SPENT_BITS);
}

export function spentOfPool(word: number): number {
  return word & SPENT_MAX;
}

export function spentOfTemplate(word: number): number {
  return (word >>> SPENT_BITS) & SPENT_MAX;
}

const PARTITION_BITS = 6;

/** One word of a request (rings/layout.ts) has both. */
export function requestWhere(partition: number, spent: number): number {
  return partition | (spent << PARTITION_BITS);
}

export function partitionAt(where: number): number {
  return where & ((1 << PARTITION_BITS) - 1);
}

export function spentAt(where: number): number {
  return where >>> PARTITION_BITS;
}
