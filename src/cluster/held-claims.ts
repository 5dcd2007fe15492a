/** Stored claims of some templates, packed, to be given to the ledger in the order they were made. */
import { claimedAtMsAt, ENTRY_WORDS } from '../claimlog/entry.ts';
import type { HeldCoupon } from '../ports-ledger.ts';

const CHUNK = 4096;

export class HeldClaims {
  private words = new Uint32Array(1024 * ENTRY_WORDS);
  private length = 0;

  add(from: Uint32Array, at: number): void {
    if (this.length + ENTRY_WORDS > this.words.length) {
      const larger = new Uint32Array(this.words.length * 2);
      larger.set(this.words);
      this.words = larger;
    }
    for (let i = 0; i < ENTRY_WORDS; i++) this.words[this.length + i] = from[at + i];
    this.length += ENTRY_WORDS;
  }

  /** Of one template or many; by time, so that each user's last one is the newest. Each coupon once. */
  *chunks(wanted: (templateId: number) => boolean): Generator<HeldCoupon[]> {
    const { words } = this;
    const order: number[] = [];
    for (let at = 0; at < this.length; at += ENTRY_WORDS) if (wanted(words[at])) order.push(at);
    // Blocks of several logs follow one another in any order.
    order.sort((a, b) => claimedAtMsAt(words, a) - claimedAtMsAt(words, b) || a - b);
    for (let from = 0; from < order.length; from += CHUNK)
      yield order.slice(from, from + CHUNK).map((at) => ({
        templateId: words[at],
        serial: words[at + 1],
        userLo: words[at + 2],
        userHi: words[at + 3],
        activityId: words[at + 4],
        keyLo: words[at + 8],
        keyHi: words[at + 9],
      }));
  }
}
