import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import {
  blankEntry,
  ENTRY_BYTES,
  ENTRY_WORDS,
  entryWords,
  readEntry,
  writeEntry,
} from '../../src/claimlog/entry.ts';
import {
  checkFrame,
  type FrameHeader,
  HEADER_BYTES,
  HEADER_WORDS,
  sealFrame,
} from '../../src/claimlog/frame.ts';

const word = fc.nat(0xffff_ffff);
const LOG_ID = 3;
const OFFSET = 5 * 2 ** 32 + 40;

function sealed(count: number, synced = 80): Uint32Array {
  const words = new Uint32Array(HEADER_WORDS + count * ENTRY_WORDS);
  for (let i = HEADER_WORDS; i < words.length; i++) words[i] = i * 2_654_435_761;
  sealFrame(words, count, LOG_ID, OFFSET, synced);
  return words;
}

function header(): FrameHeader {
  return { length: 0, count: -1, synced: -1 };
}

describe('an entry', () => {
  test('is read as it was written, every bit of it', () => {
    const timeMs = fc.maxSafeNat().map((ms) => ms % 2 ** 48);
    fc.assert(
      fc.property(
        fc.tuple(word, word, word, word, word),
        fc.nat(2 ** 32 - 1),
        fc.nat(0xffff),
        timeMs,
        word,
        word,
        (ids, codeLo, codeHi, ms, keyLo, keyHi) => {
          const words = new Uint32Array(ENTRY_WORDS + 6);
          const [templateId, serial, userLo, userHi, activityId] = ids;
          const [timeLo, timeHi] = [ms % 2 ** 32, Math.floor(ms / 2 ** 32)];
          writeEntry(
            words,
            3,
            templateId,
            serial,
            userLo,
            userHi,
            activityId,
            codeLo,
            codeHi,
            timeLo,
            timeHi,
            keyLo,
            keyHi,
          );
          expect(readEntry(words, 3, blankEntry())).toEqual({
            templateId,
            serial,
            userLo,
            userHi,
            activityId,
            code: codeHi * 2 ** 32 + codeLo,
            claimedAtMs: ms,
            keyLo,
            keyHi,
          });
          expect([...words.subarray(0, 3), ...words.subarray(3 + ENTRY_WORDS)]).toEqual([0, 0, 0, 0, 0, 0]);
        },
      ),
    );
  });

  test('comes whole, from any place in a buffer', () => {
    const bytes = new Uint8Array(2 * ENTRY_BYTES + 3).map((_, i) => i);
    const aligned = entryWords(bytes.slice(1, 1 + ENTRY_BYTES));
    expect(entryWords(bytes.subarray(1, 1 + ENTRY_BYTES))).toEqual(aligned);
    expect(() => entryWords(bytes.subarray(0, ENTRY_BYTES + 1))).toThrow('whole');
  });
});

describe('a frame', () => {
  test('is whole where and only where it belongs', () => {
    const words = sealed(3);
    const into = header();
    expect(checkFrame(words, 0, LOG_ID, OFFSET, into)).toBe('whole');
    expect(into).toEqual({ length: HEADER_BYTES + 3 * ENTRY_BYTES, count: 3, synced: 80 });
    expect(checkFrame(words, 0, LOG_ID, OFFSET + 40, header())).toBe('damaged');
    expect(checkFrame(words, 0, LOG_ID + 1, OFFSET, header())).toBe('damaged');
  });

  test('keeps offsets beyond 2^32', () => {
    const into = header();
    checkFrame(sealed(1, 4 * 2 ** 32 + 120), 0, LOG_ID, OFFSET, into);
    expect(into.synced).toBe(4 * 2 ** 32 + 120);
  });

  test('that ends early is short, and its header says how much is needed', () => {
    const words = sealed(3);
    for (let end = 0; end < words.length; end++) {
      const into = header();
      expect(checkFrame(words.subarray(0, end), 0, LOG_ID, OFFSET, into)).toBe('short');
      expect(into.length).toBe(end < HEADER_WORDS ? HEADER_BYTES : words.length * 4);
    }
  });

  test('with any one bit changed is not whole', () => {
    const words = sealed(2);
    for (let i = 0; i < words.length; i++) {
      for (let bit = 0; bit < 32; bit++) {
        words[i] ^= 1 << bit;
        expect(checkFrame(words, 0, LOG_ID, OFFSET, header())).not.toBe('whole');
        words[i] ^= 1 << bit;
      }
    }
    expect(checkFrame(words, 0, LOG_ID, OFFSET, header())).toBe('whole');
  });
});
