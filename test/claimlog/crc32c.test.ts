import fc from 'fast-check';
import { expect, test } from 'vitest';
import { crc32c } from '../../src/claimlog/crc32c.ts';

/** Bit by bit, over bytes: slow and plain. */
function reference(bytes: Uint8Array): number {
  let crc = 0xffffffff;
  for (const byte of bytes) {
    crc ^= byte;
    for (let bit = 0; bit < 8; bit++) crc = crc & 1 ? (crc >>> 1) ^ 0x82f63b78 : crc >>> 1;
  }
  return ~crc >>> 0;
}

function bytesOf(words: Uint32Array): Uint8Array {
  return new Uint8Array(words.buffer, words.byteOffset, words.byteLength);
}

test('the reference has the check value of the published parameters', () => {
  expect(reference(new TextEncoder().encode('123456789'))).toBe(0xe3069283);
});

// RFC 3720, appendix B.4: the values as numbers (the RFC prints their bytes in the order of the wire).
test.each<[string, (i: number) => number, number]>([
  ['zeroes', () => 0, 0x8a9136aa],
  ['ones', () => 0xff, 0x62a8ab43],
  ['ascending', (i) => i, 0x46dd794e],
  ['descending', (i) => 31 - i, 0x113fdb5c],
])('32 bytes of iSCSI, %s', (_, byte, expected) => {
  const words = new Uint32Array(8);
  bytesOf(words).set(Array.from({ length: 32 }, (_, i) => byte(i)));
  expect(crc32c(words, 0, 8)).toBe(expected);
});

test('any run of words has the value of its bytes', () => {
  const words = fc.uint32Array({ maxLength: 40, size: 'max' });
  fc.assert(
    fc.property(words, fc.nat(40), fc.nat(40), (all, a, b) => {
      const from = Math.min(a, b, all.length);
      const to = Math.min(Math.max(a, b), all.length);
      expect(crc32c(all, from, to)).toBe(reference(bytesOf(all.slice(from, to))));
    }),
    { numRuns: 500 },
  );
});
