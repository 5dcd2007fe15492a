/**
 * One claim in the log and in the record store's blocks: ten 32-bit little-endian words.
 *
 *   0 templateId   1 serial   2 user lo   3 user hi   4 activityId (0: general pool)
 *   5 code lo   6 code hi (16 bits) | time hi (16 bits) << 16   7 time lo   8 key lo   9 key hi
 *
 * `time` is milliseconds since the epoch, `code` the number that the code's text is formatted from.
 */
import assert from 'node:assert/strict';

export const ENTRY_WORDS = 10;
export const ENTRY_BYTES = ENTRY_WORDS * 4;

export interface ClaimEntry {
  templateId: number;
  serial: number;
  userLo: number;
  userHi: number;
  activityId: number;
  code: number;
  claimedAtMs: number;
  keyLo: number;
  keyHi: number;
}

export function writeEntry(
  words: Uint32Array,
  at: number,
  templateId: number,
  serial: number,
  userLo: number,
  userHi: number,
  activityId: number,
  codeLo: number,
  codeHi: number,
  timeLo: number,
  timeHi: number,
  keyLo: number,
  keyHi: number,
): void {
  words[at] = templateId;
  words[at + 1] = serial;
  words[at + 2] = userLo;
  words[at + 3] = userHi;
  words[at + 4] = activityId;
  words[at + 5] = codeLo;
  words[at + 6] = codeHi | (timeHi << 16);
  words[at + 7] = timeLo;
  words[at + 8] = keyLo;
  words[at + 9] = keyHi;
}

export function claimedAtMsAt(words: Uint32Array, at: number): number {
  return (words[at + 6] >>> 16) * 0x1_0000_0000 + words[at + 7];
}

/** Reads the entry at word `at` into `into`, which is also returned. */
export function readEntry(words: Uint32Array, at: number, into: ClaimEntry): ClaimEntry {
  into.templateId = words[at];
  into.serial = words[at + 1];
  into.userLo = words[at + 2];
  into.userHi = words[at + 3];
  into.activityId = words[at + 4];
  into.code = (words[at + 6] & 0xffff) * 0x1_0000_0000 + words[at + 5];
  into.claimedAtMs = claimedAtMsAt(words, at);
  into.keyLo = words[at + 8];
  into.keyHi = words[at + 9];
  return into;
}

export function blankEntry(): ClaimEntry {
  return {
    templateId: 0,
    serial: 0,
    userLo: 0,
    userHi: 0,
    activityId: 0,
    code: 0,
    claimedAtMs: 0,
    keyLo: 0,
    keyHi: 0,
  };
}

/** The words of a byte run that holds whole entries; copies only when the bytes do not lie on a word boundary. */
export function entryWords(bytes: Uint8Array): Uint32Array {
  assert(bytes.byteLength % ENTRY_BYTES === 0, 'claim entries come whole');
  const aligned = bytes.byteOffset % 4 === 0 ? bytes : bytes.slice();
  return new Uint32Array(aligned.buffer, aligned.byteOffset, aligned.byteLength / 4);
}
