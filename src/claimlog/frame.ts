/**
 * A frame is what one drain of an owner accepted: a header and `count` entries, written with one write.
 *
 *   0 magic   1 CRC-32C of all that follows   2 length in bytes, header included   3 count
 *   4 logId   5,6 offset of this frame in its log   7,8 synced offset known when it was written   9 zero
 *
 * The offset makes a stale frame recognizable; the synced offset is what tells a torn tail (may be cut) from damage
 * below it (must stop the start). Header and entry have the same size, so every frame starts on a multiple of it.
 */
import { crc32c } from './crc32c.ts';
import { ENTRY_BYTES, ENTRY_WORDS } from './entry.ts';

export const HEADER_WORDS = ENTRY_WORDS;
export const HEADER_BYTES = ENTRY_BYTES;
/** "DBF1" in the file. */
const MAGIC = 0x31464244;
const TWO_32 = 0x1_0000_0000;

/** Fills in the header of a frame whose `count` entries already stand behind it; returns its length in bytes. */
export function sealFrame(
  words: Uint32Array,
  count: number,
  logId: number,
  offset: number,
  synced: number,
): number {
  const length = HEADER_BYTES + count * ENTRY_BYTES;
  words[0] = MAGIC;
  words[2] = length;
  words[3] = count;
  words[4] = logId;
  words[5] = offset >>> 0;
  words[6] = Math.floor(offset / TWO_32);
  words[7] = synced >>> 0;
  words[8] = Math.floor(synced / TWO_32);
  words[9] = 0;
  words[1] = crc32c(words, 2, length / 4);
  return length;
}

export interface FrameHeader {
  length: number;
  count: number;
  synced: number;
}

export type FrameCheck = 'whole' | 'short' | 'damaged';

/**
 * Looks at the frame at word `at`. 'short': the words end before the frame does (torn, or more must be read);
 * 'damaged': it is not the frame that belongs at this offset of this log. `into` is filled for whole frames, and its
 * length also for short ones whose header is there.
 */
export function checkFrame(
  words: Uint32Array,
  at: number,
  logId: number,
  offset: number,
  into: FrameHeader,
): FrameCheck {
  into.length = HEADER_BYTES;
  if (words.length - at < HEADER_WORDS) return 'short';
  const length = words[at + 2];
  const count = words[at + 3];
  if (words[at] !== MAGIC || words[at + 4] !== logId) return 'damaged';
  if (words[at + 6] * TWO_32 + words[at + 5] !== offset) return 'damaged';
  if (length !== HEADER_BYTES + count * ENTRY_BYTES) return 'damaged';
  into.length = length;
  if (words.length - at < length / 4) return 'short';
  if (crc32c(words, at + 2, at + length / 4) !== words[at + 1]) return 'damaged';
  into.count = count;
  into.synced = words[at + 8] * TWO_32 + words[at + 7];
  return 'whole';
}
