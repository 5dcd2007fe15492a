import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { parseUserId, userIdFromJson, userIdText } from '../../src/domain/user-id.ts';

const MAX = 2n ** 63n - 1n;
const ids = fc.oneof(
  fc.bigInt({ min: 1n, max: MAX }),
  fc.bigInt({ min: 0n, max: 1000n }).map((n) => MAX - n),
  fc.bigInt({ min: 1n, max: 10n ** 6n }),
  fc
    .tuple(fc.integer({ min: 0, max: 62 }), fc.bigInt({ min: -2n, max: 2n }))
    .map(([bits, n]) => 2n ** BigInt(bits) + n)
    .filter((n) => n >= 1n && n <= MAX),
  fc.integer({ min: 0, max: 18 }).map((digits) => 10n ** BigInt(digits)),
);

function parsed(text: string): [number, number] | null {
  const out = new Uint32Array([7, 9]);
  if (parseUserId(text, out)) return [out[0]!, out[1]!];
  expect([...out]).toEqual([7, 9]);
  return null;
}

describe('every user id', () => {
  test('has the words BigInt gives it, and the text again', () => {
    fc.assert(
      fc.property(ids, (id) => {
        const lo = Number(id & 0xffff_ffffn);
        const hi = Number(id >> 32n);
        expect(parsed(String(id))).toEqual([lo, hi]);
        expect(userIdText(lo, hi)).toBe(String(id));
        expect(userIdFromJson(String(id))).toBe(String(id));
      }),
      { numRuns: 2000 },
    );
  });
});

describe('what is no user id', () => {
  test('digits are one exactly when they are canonical and in range', () => {
    fc.assert(
      fc.property(fc.stringMatching(/^\d{1,21}$/), (text) => {
        const id = BigInt(text);
        expect(parsed(text) !== null).toBe(id >= 1n && id <= MAX && String(id) === text);
      }),
      { numRuns: 2000 },
    );
  });

  test('any other text', () => {
    const texts = fc.string().filter((text) => !/^\d+$/.test(text));
    fc.assert(fc.property(texts, (text) => parsed(text) === null));
  });

  test.each(['', '0', '00', '01', '-1', '+1', ' 1', '1 ', '1.0', '1e3', '0x10', '１', '9223372036854775808'])(
    '%j',
    (text) => {
      expect(parsed(text)).toBeNull();
      expect(userIdFromJson(text)).toBeNull();
    },
  );

  test.each([
    [0],
    [-1],
    [1.5],
    [2 ** 53],
    [Number.NaN],
    [Number.POSITIVE_INFINITY],
    [null],
    [undefined],
    [true],
    [[]],
    [{}],
  ])('JSON %j', (value) => expect(userIdFromJson(value)).toBeNull());
});

test('a JSON number is accepted while it is a safe integer', () => {
  expect(userIdFromJson(42)).toBe('42');
  expect(userIdFromJson(Number.MAX_SAFE_INTEGER)).toBe('9007199254740991');
});
