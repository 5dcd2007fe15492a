import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { Ff1 } from '../../src/domain/ff1.ts';
import { ff1Decrypt, ff1Encrypt, fromNumerals, toNumerals } from './ff1-reference.ts';

const KEY_256 = '2B7E151628AED2A6ABF7158809CF4F3CEF4359D8D580AA4F7F036D6F04FC6A94';
const KEYS = [KEY_256.slice(0, 32), KEY_256.slice(0, 48), KEY_256];

/** The nine FF1 samples NIST publishes with SP 800-38G: [key, radix, tweak, plaintext, ciphertext]. */
const SAMPLES: readonly (readonly [string, number, string, string, string])[] = [
  [KEYS[0]!, 10, '', '0123456789', '2433477484'],
  [KEYS[0]!, 10, '39383736353433323130', '0123456789', '6124200773'],
  [KEYS[0]!, 36, '3737373770717273373737', '0123456789abcdefghi', 'a9tv40mll9kdu509eum'],
  [KEYS[1]!, 10, '', '0123456789', '2830668132'],
  [KEYS[1]!, 10, '39383736353433323130', '0123456789', '2496655549'],
  [KEYS[1]!, 36, '3737373770717273373737', '0123456789abcdefghi', 'xbj3kv35jrawxv32ysr'],
  [KEYS[2]!, 10, '', '0123456789', '6657667009'],
  [KEYS[2]!, 10, '39383736353433323130', '0123456789', '1001623463'],
  [KEYS[2]!, 36, '3737373770717273373737', '0123456789abcdefghi', 'xs8a0azh2avyalyzuwd'],
];

const hex = (text: string): Uint8Array => Buffer.from(text, 'hex');
const digits = (text: string, radix: number): number[] => [...text].map((c) => Number.parseInt(c, radix));

describe('FF1 on the published samples', () => {
  it.each(SAMPLES)('reference: key %s radix %i tweak %s', (key, radix, tweak, plain, secret) => {
    expect(ff1Encrypt(hex(key), radix, hex(tweak), digits(plain, radix))).toEqual(digits(secret, radix));
    expect(ff1Decrypt(hex(key), radix, hex(tweak), digits(secret, radix))).toEqual(digits(plain, radix));
  });

  it.each(SAMPLES.filter(([, radix]) => radix === 10))(
    'fast: key %s radix %i tweak %s',
    (key, radix, tweak, plain, secret) => {
      const ff1 = new Ff1(hex(key), radix, plain.length, hex(tweak));
      expect(ff1.encrypt(Number(plain))).toBe(Number(secret));
      expect(ff1.decrypt(Number(secret))).toBe(Number(plain));
    },
  );
});

/** Every radix with every length that fits 2^48. */
const domain = fc.integer({ min: 2, max: 256 }).chain((radix) =>
  fc.record({
    radix: fc.constant(radix),
    length: fc.integer({ min: 2, max: Math.floor(48 / Math.log2(radix) + 1e-9) }),
    key: fc.constantFrom(16, 24, 32).chain((n) => fc.uint8Array({ minLength: n, maxLength: n })),
    tweak: fc.uint8Array({ maxLength: 50 }),
    at: fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true }),
  }),
);

describe('FF1 in batches', () => {
  it('equals the reference, and decrypts to what was encrypted', () => {
    fc.assert(
      fc.property(domain, ({ radix, length, key, tweak, at }) => {
        const ff1 = new Ff1(key, radix, length, tweak);
        const value = Math.floor(at * ff1.size);
        const expected = ff1Encrypt(key, radix, tweak, toNumerals(radix, length, value));
        expect(ff1.encrypt(value)).toBe(fromNumerals(radix, expected));
        expect(ff1.decrypt(ff1.encrypt(value))).toBe(value);
      }),
      { numRuns: 300 },
    );
  });

  it('a run equals its numbers one by one, over chunk borders and at any output index', () => {
    fc.assert(
      fc.property(domain, fc.nat({ max: 5000 }), fc.nat({ max: 7 }), (d, wanted, at) => {
        const ff1 = new Ff1(d.key, d.radix, d.length, d.tweak);
        const first = Math.floor(d.at * ff1.size);
        const count = Math.min(wanted, ff1.size - first);
        const lo = new Uint32Array(at + count + 1);
        const hi = new Uint16Array(at + count + 1);
        ff1.encryptRun(first, count, lo, hi, at);
        const seen = new Set<number>();
        for (let i = 0; i < count; i++) seen.add(hi[at + i]! * 2 ** 32 + lo[at + i]!);
        expect(seen.size).toBe(count);
        for (const i of [0, 1, 2047, 2048, 4095, 4096, count - 1]) {
          if (i < 0 || i >= count) continue;
          expect(hi[at + i]! * 2 ** 32 + lo[at + i]!).toBe(ff1.encrypt(first + i));
        }
        // Nothing is written outside the run.
        expect([...lo.subarray(0, at), lo[at + count]]).toEqual(new Array(at + 1).fill(0));
      }),
      { numRuns: 60 },
    );
  });

  it('permutes a whole domain', () => {
    const ff1 = new Ff1(hex(KEY_256), 10, 5, new Uint8Array(0));
    const lo = new Uint32Array(ff1.size);
    ff1.encryptRun(0, ff1.size, lo, new Uint16Array(ff1.size), 0);
    expect(lo.sort().every((value, i) => value === i)).toBe(true);
  });

  it('is exact at the top of the largest domains', () => {
    for (const [radix, length] of [
      [2, 48],
      [64, 8],
      [256, 6],
      [10, 14],
      [48, 8],
    ] as const) {
      const ff1 = new Ff1(hex(KEY_256), radix, length, new Uint8Array(20));
      for (const value of [0, 1, ff1.size - 2, ff1.size - 1]) {
        const expected = ff1Encrypt(
          hex(KEY_256),
          radix,
          new Uint8Array(20),
          toNumerals(radix, length, value),
        );
        expect(ff1.encrypt(value)).toBe(fromNumerals(radix, expected));
        expect(ff1.decrypt(ff1.encrypt(value))).toBe(value);
      }
    }
  });

  it('refuses what is outside its domain', () => {
    const key = hex(KEY_256);
    const none = new Uint8Array(0);
    expect(() => new Ff1(new Uint8Array(20), 10, 8, none)).toThrow(RangeError);
    expect(() => new Ff1(key, 1, 8, none)).toThrow(RangeError);
    expect(() => new Ff1(key, 257, 4, none)).toThrow(RangeError);
    expect(() => new Ff1(key, 10, 1, none)).toThrow(RangeError);
    expect(() => new Ff1(key, 10, 15, none)).toThrow(RangeError);
    const ff1 = new Ff1(key, 10, 8, none);
    expect(() => ff1.encrypt(1e8)).toThrow(RangeError);
    expect(() => ff1.encrypt(-1)).toThrow(RangeError);
    expect(() => ff1.decrypt(0.5)).toThrow(RangeError);
    const lo = new Uint32Array(10);
    const hi = new Uint16Array(10);
    expect(() => ff1.encryptRun(1e8 - 5, 6, lo, hi, 0)).toThrow(RangeError);
    expect(() => ff1.encryptRun(0, 10, lo, hi, 1)).toThrow(RangeError);
  });
});
