/** Gathers entries from frames, which may hold one each, into few large pieces. */
import { ENTRY_BYTES, ENTRY_WORDS } from '../claimlog/entry.ts';

const PIECE_ENTRIES_MIN = 1024;
const PIECE_ENTRIES_MAX = 262_144;

export class EntryPacker {
  private readonly pieces: Uint8Array[] = [];
  private words = new Uint32Array(0);
  private used = 0;

  /** Copies the `count` entries that begin at word `at`. */
  add(words: Uint32Array, at: number, count: number): void {
    for (let done = 0; done < count; ) {
      const room = (this.words.length - this.used) / ENTRY_WORDS;
      if (room === 0) {
        this.finishPiece();
        const before = this.words.length / ENTRY_WORDS;
        const entries = Math.max(PIECE_ENTRIES_MIN, Math.min(PIECE_ENTRIES_MAX, before * 2));
        this.words = new Uint32Array(entries * ENTRY_WORDS);
        this.used = 0;
        continue;
      }
      const n = Math.min(count - done, room);
      const from = at + done * ENTRY_WORDS;
      this.words.set(words.subarray(from, from + n * ENTRY_WORDS), this.used);
      this.used += n * ENTRY_WORDS;
      done += n;
    }
  }

  /** All that was added; nothing may be added afterwards. */
  finish(): Uint8Array[] {
    this.finishPiece();
    return this.pieces;
  }

  private finishPiece(): void {
    if (this.used === 0) return;
    this.pieces.push(new Uint8Array(this.words.buffer, 0, (this.used / ENTRY_WORDS) * ENTRY_BYTES));
    this.used = 0;
  }
}
