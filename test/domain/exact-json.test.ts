import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { parseExactJson } from '../../src/domain/exact-json.ts';

describe('numbers in JSON', () => {
  it.each([
    '9007199254740990.6',
    '9007199254740990.4',
    '90071992547409906e-1',
    '900719925474099.0600000000000000000001e1',
    '1.00000000000000000001',
    '-0.99999999999999999999',
    '4503599627370497.50000001',
    '1e-400',
    '-1e-400',
    `0.${'0'.repeat(400)}1`,
  ])('%s is no integer', (literal) => {
    expect(Number.isInteger(JSON.parse(literal))).toBe(true);
    for (const text of [literal, `[${literal}]`, `{"a":{"b":[1,${literal}]}}`, `{"a":${literal}}`]) {
      expect(JSON.stringify(parseExactJson(text), (_, value) => (value === Infinity ? 'no' : value))).toBe(
        text.replace(literal, '"no"'),
      );
    }
  });

  it.each([
    '0',
    '-0',
    '1',
    '1.0',
    '-1.500e1',
    '1e3',
    '1E+3',
    '100e-2',
    '0e-5',
    '0.000',
    '1.5',
    '9007199254740993',
  ])('%s is what it always was', (literal) => {
    expect(parseExactJson(`[${literal}]`)).toEqual(JSON.parse(`[${literal}]`));
  });

  it('are found behind any blanks', () => {
    for (const blank of [' ', '\t', '\n', '\r'])
      for (const text of [`${blank}1.00000000000000000001`, `[1,${blank}1.00000000000000000001]`])
        expect(JSON.stringify(parseExactJson(text))).toMatch('null');
  });

  it('are not looked for in texts', () => {
    const value = {
      '1.00000000000000000001': '1.00000000000000000001',
      'a"1.00000000000000000001': ['\\"1.00000000000000000001,', '\\'],
    };
    expect(parseExactJson(JSON.stringify(value))).toEqual(value);
    expect(parseExactJson('{"a\\"":1.00000000000000000001,"b":"-"}')).toEqual({ 'a"': Infinity, b: '-' });
  });

  it.each(['', '{', '01.00000000000000000001', '[1.]', '1.00000000000000000001x', '"', '[-]', '.5'])(
    '%j is no JSON',
    (text) => {
      expect(() => parseExactJson(text)).toThrow(SyntaxError);
    },
  );

  it('are those of JSON.parse whatever the value', () => {
    fc.assert(
      fc.property(fc.jsonValue(), fc.constantFrom(0, 2), (value, indent) => {
        const text = JSON.stringify(value, null, indent);
        expect(parseExactJson(text)).toEqual(JSON.parse(text));
      }),
    );
  });

  it('are exact wherever they are integers', () => {
    const digits = fc.stringMatching(/^\d{1,20}$/);
    fc.assert(
      fc.property(digits, digits, fc.integer({ min: -25, max: 25 }), (whole, fraction, exponent) => {
        const literal = `${BigInt(whole)}.${fraction}e${exponent}`;
        const value = parseExactJson(literal) as number;
        if (!Number.isSafeInteger(value)) return;
        // literal = digits / 10^places, so it is this integer exactly if digits = integer × 10^places.
        const places = fraction.length - exponent;
        const written = BigInt(whole + fraction);
        const [left, right] =
          places >= 0
            ? [written, BigInt(value) * 10n ** BigInt(places)]
            : [written * 10n ** BigInt(-places), BigInt(value)];
        expect(left).toBe(right);
      }),
      { numRuns: 2_000 },
    );
  });

  it('with very many digits cost no more than their length', () => {
    const text = `[0.${'0'.repeat(60_000)}1,"${'\\"'.repeat(60_000)}"]`;
    const startMs = performance.now();
    expect((parseExactJson(text) as unknown[])[0]).toBe(Infinity);
    expect(performance.now() - startMs).toBeLessThan(3_000);
  });
});
