/**
 * All claims of an audit under one number each: those of the record store first, then those of the logs. They stay
 * packed where they are; a cursor reads them, because an object per claim would not fit in memory.
 */
import { ENTRY_WORDS, entryWords } from '../claimlog/entry.ts';
import { couponId } from '../domain/coupon-id.ts';
import { userIdText } from '../domain/user-id.ts';

const FIELDS = [
  'template',
  'serial',
  'user',
  'user',
  'activity',
  'code',
  'code or time',
  'time',
  'key',
  'key',
];

export class ClaimList {
  /** Claims numbered below this are in the record store. */
  readonly stored: number;
  readonly size: number;
  /** The piece under the cursor, and where in it the claim begins. */
  words: Uint32Array = new Uint32Array(0);
  at = 0;
  private readonly pieces: Uint32Array[] = [];
  /** Number of each piece's first claim; one more at the end. */
  private readonly starts: number[] = [];
  private from = 0;
  private to = 0;

  constructor(blocks: readonly Uint8Array[], log: readonly Uint8Array[]) {
    let size = 0;
    const add = (bytes: Uint8Array): void => {
      if (bytes.length === 0) return;
      const words = entryWords(bytes);
      this.pieces.push(words);
      this.starts.push(size);
      size += words.length / ENTRY_WORDS;
    };
    for (const bytes of blocks) add(bytes);
    this.stored = size;
    for (const bytes of log) add(bytes);
    this.size = size;
    this.starts.push(size);
  }

  /** Puts the cursor on claim `n`. */
  seek(n: number): void {
    if (n < this.from || n >= this.to) {
      let low = 0;
      let high = this.pieces.length - 1;
      while (low < high) {
        const middle = (low + high + 1) >>> 1;
        if (this.starts[middle] <= n) low = middle;
        else high = middle - 1;
      }
      this.words = this.pieces[low];
      this.from = this.starts[low];
      this.to = this.starts[low + 1];
    }
    this.at = (n - this.from) * ENTRY_WORDS;
  }

  /** The user of the claim under the cursor. */
  user(): string {
    return userIdText(this.words[this.at + 2], this.words[this.at + 3]);
  }

  /** The coupon of the claim under the cursor, as problems name it. */
  coupon(): string {
    return couponName(this.words[this.at], this.words[this.at + 1]);
  }
}

export function couponName(templateId: number, serial: number): string {
  return `coupon ${couponId(templateId, serial)} (template ${templateId}, serial ${serial})`;
}

/** In what two entries of one unit differ, in words; null when they are the same claim. */
export function difference(a: Uint32Array, atA: number, b: Uint32Array, atB: number): string | null {
  const fields: string[] = [];
  for (let i = 0; i < ENTRY_WORDS; i++) {
    if (a[atA + i] !== b[atB + i] && !fields.includes(FIELDS[i])) fields.push(FIELDS[i]);
  }
  return fields.length === 0 ? null : fields.join(', ');
}
