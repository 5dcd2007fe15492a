import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  defaultSpaces,
  formatCode,
  matchCode,
  patternSpace,
  spaceOfDefaultCode,
  spacesOf,
  spacesOverlap,
} from '../../src/domain/code-space.ts';
import { CodeBook, CodeIndex, keyFingerprint } from '../../src/domain/codes.ts';
import type { CodeExtent } from '../../src/domain/template.ts';
import { CODE_SPACE_SHARE_MAX } from '../../src/limits.ts';
import { ff1Encrypt, fromNumerals, toNumerals } from './ff1-reference.ts';

const KEY = Uint8Array.from({ length: 32 }, (_, i) => i);
const UPPER = 'ABCDEFGHJKLMNPQRSTUVWXYZ23456789';
const PRINTABLE = Array.from({ length: 94 }, (_, i) => String.fromCharCode(0x21 + i)).filter(
  (c) => c !== '#' && c !== '|',
);

function spaceOf(pattern: string, charset: string): { space: string; size: number } {
  const result = patternSpace({ pattern, charset });
  if (!result.ok) throw new Error(result.problem.detail);
  return result.value;
}

function extent(space: string, more: Partial<CodeExtent> = {}): CodeExtent {
  return { templateId: 7, firstSerial: 0, length: 1000, offset: 0, ...more, space };
}

describe('default spaces', () => {
  const day = Date.UTC(2026, 6, 28, 23, 59, 59, 999); // 260728

  it('are all distinct orders of the publish date after product line and kind', () => {
    const spaces = defaultSpaces(3, 42, day, 5);
    expect(spaces).toHaveLength(360); // 6! / 2! for the two 2s
    expect(new Set(spaces.map((s) => s.space)).size).toBe(360);
    for (const { space, size } of spaces) {
      expect(space).toMatch(/^0342\d{6}$/);
      expect([...space.slice(4)].sort().join('')).toBe('022678');
      expect(size).toBe(1e8 * CODE_SPACE_SHARE_MAX);
    }
    expect(defaultSpaces(0, 1, Date.UTC(2011, 10, 11), 1).map((s) => s.space)).toEqual(['0001111111']);
  });

  it('begin with an order of the template, the same at every call', () => {
    const first = (id: number): string => defaultSpaces(1, 1, day, id)[0]!.space;
    expect(first(9)).toBe(first(9));
    expect(new Set(Array.from({ length: 100 }, (_, id) => first(id + 1))).size).toBeGreaterThan(50);
  });

  it('take the date in UTC', () => {
    const digits = (ms: number): string => [...defaultSpaces(0, 0, ms, 1)[0]!.space.slice(4)].sort().join('');
    expect(digits(day)).toBe('022678');
    expect(digits(day + 1)).toBe('022679');
  });

  it('refuse numbers that are not two digits', () => {
    for (const bad of [-1, 100, 1.5, Number.NaN]) {
      expect(() => defaultSpaces(bad, 1, day, 1)).toThrow(RangeError);
      expect(() => defaultSpaces(1, bad, day, 1)).toThrow(RangeError);
    }
  });

  it('are those of templates that have no pattern', () => {
    const template = { id: 5, productLine: 3, codeKind: 42, code: null };
    expect(spacesOf(template, day)).toEqual(defaultSpaces(3, 42, day, 5));
    const code = { pattern: 'SALE-######', charset: '0123456789' };
    expect(spacesOf({ ...template, code }, day)).toEqual([spaceOf(code.pattern, code.charset)]);
  });

  it('are named by their codes', () => {
    expect(spaceOfDefaultCode('034226072800000001')).toBe('0342260728');
    for (const text of [
      '',
      '03422607280000000',
      '0342260728000000011',
      '03422607280000000x',
      ' 034226072800000001',
    ]) {
      expect(spaceOfDefaultCode(text)).toBeNull();
    }
  });
});

describe('pattern spaces', () => {
  it('are named pattern|charset and give out a tenth', () => {
    expect(spaceOf('SUMMER-########', 'ABCDEFGHIJ')).toEqual({
      space: 'SUMMER-########|ABCDEFGHIJ',
      size: 1e7,
    });
    expect(spaceOf('######', '0123456789').size).toBe(1e5);
    expect(spaceOf('########', PRINTABLE.slice(0, 64).join('')).size).toBe(
      Math.floor(2 ** 48 * CODE_SPACE_SHARE_MAX),
    );
  });

  it.each([
    ['too few places', '#####', '0123456789'],
    ['no places', 'SUMMER', UPPER],
    ['too many possibilities', '##########', UPPER],
    ['far too many possibilities', '#'.repeat(64), UPPER],
    ['a charset of one', '########', 'A'],
    ['a charset of 65', '####', PRINTABLE.slice(0, 65).join('')],
    ['an empty charset', '########', ''],
    ['a character twice', '########', 'ABCDEFGHIJA'],
    ['# in the charset', '########', 'ABCDEFGHI#'],
    ['| in the charset', '########', 'ABCDEFGHI|'],
    ['| in the pattern', 'A|########', 'ABCDEFGHIJ'],
    ['a blank in the pattern', 'A ########', 'ABCDEFGHIJ'],
    ['a letter beyond ASCII in the pattern', 'É########', 'ABCDEFGHIJ'],
    ['a letter beyond ASCII in the charset', '########', 'ABCDEFGHIÉ'],
    ['a line end', '########\n', 'ABCDEFGHIJ'],
    ['65 characters', `${'A'.repeat(57)}########`, 'ABCDEFGHIJ'],
    ['18 digits', '0123456789########', '0123456789'],
    ['18 digits at times', '0123456789########', '9ABCDEFGH'],
  ])('refuse %s', (_, pattern, charset) => {
    expect(patternSpace({ pattern, charset })).toMatchObject({
      ok: false,
      problem: { code: 'invalid_request' },
    });
  });

  it('accept 18 characters that cannot all be digits', () => {
    expect(patternSpace({ pattern: '0123456789########', charset: 'ABCDEFGHIJ' }).ok).toBe(true);
    expect(patternSpace({ pattern: 'X123456789########', charset: '0123456789' }).ok).toBe(true);
    expect(patternSpace({ pattern: '012345678########', charset: '0123456789' }).ok).toBe(true);
    expect(patternSpace({ pattern: `${'A'.repeat(56)}########`, charset: 'ABCDEFGHIJ' }).ok).toBe(true);
  });

  it('overlap when a code could be of both', () => {
    const a = spaceOf('S-########', 'ABCDEFGHIJ').space;
    const overlaps = (pattern: string, charset: string): boolean => {
      const b = spaceOf(pattern, charset).space;
      expect(spacesOverlap(b, a)).toBe(spacesOverlap(a, b));
      return spacesOverlap(a, b);
    };
    expect(overlaps('S-########', 'JKLMNOPQRS')).toBe(true);
    expect(overlaps('S-########', 'KLMNOPQRST')).toBe(false);
    expect(overlaps('##########', 'ABCDEF')).toBe(false);
    expect(overlaps('##########', 'ABS-')).toBe(true);
    expect(overlaps('S-A#######', 'ABCDEFGHIJ')).toBe(true);
    expect(overlaps('S-Z#######', 'ABCDEFGHIJ')).toBe(false);
    expect(overlaps('T-########', 'ABCDEFGHIJ')).toBe(false);
    expect(overlaps('S-#########', 'ABCDEFGHIJ')).toBe(false);
    expect(spacesOverlap('0342260728', '0342260782')).toBe(false);
    expect(spacesOverlap('0342260728', a)).toBe(false);
  });
});

/** Any valid space, default or pattern, with a number inside it. */
const anySpace = fc.oneof(
  fc
    .record({
      line: fc.nat({ max: 99 }),
      kind: fc.nat({ max: 99 }),
      day: fc.integer({ min: 0, max: 4_000_000_000_000 }),
      id: fc.integer({ min: 1, max: 2 ** 21 - 1 }),
    })
    .map(({ line, kind, day, id }) => ({ ...defaultSpaces(line, kind, day, id)[0]!, charset: '0123456789' })),
  fc
    .record({
      charset: fc.uniqueArray(fc.constantFrom(...PRINTABLE), { minLength: 2, maxLength: 64 }),
      literals: fc.array(fc.constantFrom(...PRINTABLE), { maxLength: 16 }),
      more: fc.nat({ max: 60 }),
      seed: fc.infiniteStream(fc.nat()),
    })
    .map(({ charset, literals, more, seed }) => {
      const least = Math.ceil(Math.log(1e6) / Math.log(charset.length) - 1e-9);
      const most = Math.floor(48 / Math.log2(charset.length) + 1e-9);
      const chars = [...literals];
      for (let i = 0; i < least + (more % (most - least + 1)); i++) {
        chars.splice((seed.next().value as number) % (chars.length + 1), 0, '#');
      }
      return { pattern: chars.join(''), charset: charset.join('') };
    })
    .filter((code) => patternSpace(code).ok)
    .map(({ pattern, charset }) => ({ ...spaceOf(pattern, charset), charset })),
);

describe('codes', () => {
  it('are read back from their text', () => {
    fc.assert(
      fc.property(
        anySpace,
        fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true }),
        ({ space, size }, at) => {
          const value = Math.floor(at * size) * 10;
          const code = formatCode(space, value);
          expect(matchCode(space, code)).toBe(value);
          expect(matchCode(space, `${code}0`)).toBeNull();
          expect(matchCode(space, code.slice(1))).toBeNull();
          expect(spaceOfDefaultCode(code)).toBe(space.includes('|') ? null : space);
        },
      ),
      { numRuns: 300 },
    );
  });

  it('lead back to their unit, whatever the space, and are those of the reference FF1', () => {
    const book = new CodeBook(KEY);
    fc.assert(
      fc.property(
        anySpace,
        fc.nat({ max: 99_000 }),
        fc.nat({ max: 999 }),
        ({ space, charset }, offset, i) => {
          const own = extent(space, { firstSerial: 300, offset });
          const code = book.codeOf(own, 300 + i);
          expect(book.decode(code, new CodeIndex([own]))).toEqual({ templateId: 7, serial: 300 + i });

          const bar = space.indexOf('|');
          const pattern = bar < 0 ? `${space}########` : space.slice(0, bar);
          const tweak = new TextEncoder().encode(bar < 0 ? space : pattern);
          const places = pattern.split('#').length - 1;
          const numerals = ff1Encrypt(
            KEY,
            charset.length,
            tweak,
            toNumerals(charset.length, places, offset + i),
          );
          let next = 0;
          expect(code).toBe(pattern.replaceAll('#', () => charset[numerals[next++]!]!));
          expect(matchCode(space, code)).toBe(fromNumerals(charset.length, numerals));
        },
      ),
      { numRuns: 200 },
    );
  });

  it('of a run are distinct and those of its serials one by one', () => {
    const book = new CodeBook(KEY);
    for (const space of ['0342260728', spaceOf('SUMMER-########', UPPER).space]) {
      const own = extent(space, { firstSerial: 50, length: 20_000, offset: 777 });
      const lo = new Uint32Array(20_000);
      const hi = new Uint16Array(20_000);
      book.fill(own, 50, 10_000, lo, hi, 0);
      book.fill(own, 10_050, 10_000, lo, hi, 10_000);
      const codes = Array.from(lo, (low, i) => book.codeText(space, hi[i]! * 2 ** 32 + low));
      expect(new Set(codes).size).toBe(20_000);
      for (const i of [0, 1, 9_999, 10_000, 19_999]) expect(codes[i]).toBe(book.codeOf(own, 50 + i));
    }
  });

  it('are refused for serials outside the extent', () => {
    const book = new CodeBook(KEY);
    const own = extent('0342260728', { firstSerial: 10, length: 5 });
    expect(() => book.codeOf(own, 9)).toThrow(RangeError);
    expect(() => book.codeOf(own, 15)).toThrow(RangeError);
    expect(() => book.fill(own, 10, 6, new Uint32Array(9), new Uint16Array(9), 0)).toThrow(RangeError);
  });

  it('of two templates in one space are apart, and each leads to its own', () => {
    const book = new CodeBook(KEY);
    const a = extent('0342260728', { templateId: 1, offset: 0, length: 2000 });
    const b = extent('0342260728', { templateId: 2, offset: 2000, length: 1000 });
    const laterA = extent('0342260728', { templateId: 1, offset: 3000, length: 500, firstSerial: 2000 });
    const index = new CodeIndex([laterA, b, a]);
    const seen = new Set<string>();
    for (const e of [a, b, laterA]) {
      for (let serial = e.firstSerial; serial < e.firstSerial + e.length; serial += 7) {
        const code = book.codeOf(e, serial);
        expect(seen.has(code)).toBe(false);
        seen.add(code);
        expect(book.decode(code, index)).toEqual({ templateId: e.templateId, serial });
      }
    }
  });

  it('that nobody was given are no codes', () => {
    const book = new CodeBook(KEY);
    const own = extent('0342260728', { offset: 100, length: 10 });
    const index = new CodeIndex([own, extent(spaceOf('S-######', UPPER).space)]);
    const beyond = extent('0342260728', { offset: 0, length: 1000 });
    for (const serial of [0, 99, 110, 500])
      expect(book.decode(book.codeOf(beyond, serial), index)).toBeNull();
    expect(book.decode(book.codeOf(extent('0342260782'), 0), index)).toBeNull();
    for (const text of ['', 'hello', 'S-IIIIII', 'T-ABCDEF', 'S-######', '0342260728|#', '😀'.repeat(9)]) {
      expect(book.decode(text, index)).toBeNull();
    }
    expect(new CodeBook(KEY.map((b) => b ^ 1)).decode(book.codeOf(own, 0), index)).toBeNull();
  });

  it('are decoded among thousands of extents, also with more spaces than permutations are kept', () => {
    const book = new CodeBook(KEY);
    const extents = Array.from({ length: 3000 }, (_, i) =>
      i % 3 === 0
        ? extent(spaceOf(`T${i}-########`, UPPER).space, { templateId: i + 1, offset: i })
        : extent(`00012607${String(i % 30).padStart(2, '0')}`, { templateId: i + 1, offset: i * 1000 }),
    );
    const index = new CodeIndex(extents);
    for (const e of extents) {
      expect(book.decode(book.codeOf(e, 999), index)).toEqual({ templateId: e.templateId, serial: 999 });
    }
  });
});

describe('the index of extents', () => {
  it('takes the same extent twice and refuses one that overlaps', () => {
    const index = new CodeIndex([extent('0342260728', { offset: 1000 })]);
    index.add(extent('0342260728', { offset: 1000 }));
    index.add(extent('0342260728', { offset: 0 }));
    index.add(extent('0342260728', { offset: 2000 }));
    for (const more of [
      { offset: 999, length: 2 },
      { offset: 2999, length: 2 },
      { offset: 1000, templateId: 8 },
      { offset: 0, length: 5000 },
    ]) {
      expect(() => index.add(extent('0342260728', more))).toThrow('overlap');
    }
    index.add(extent('0342260782', { offset: 500 }));
    expect([...index.spaces()]).toEqual(['0342260728', '0342260782']);
  });

  it('finds what a scan finds', () => {
    const gaps = fc.array(fc.tuple(fc.nat({ max: 3 }), fc.integer({ min: 1, max: 4 })), { maxLength: 20 });
    fc.assert(
      fc.property(gaps, fc.infiniteStream(fc.nat()), (runs, order) => {
        let offset = 0;
        const extents: CodeExtent[] = runs.map(([gap, length], i) => {
          const e = extent('0342260728', { templateId: i + 1, offset: offset + gap, length });
          offset += gap + length;
          return e;
        });
        const shuffled: CodeExtent[] = [];
        for (const e of extents)
          shuffled.splice((order.next().value as number) % (shuffled.length + 1), 0, e);
        const index = new CodeIndex(shuffled);
        for (let place = 0; place <= offset; place++) {
          const expected = extents.find((e) => e.offset <= place && place < e.offset + e.length) ?? null;
          expect(index.extentAt('0342260728', place)).toBe(expected);
        }
      }),
    );
  });
});

describe('the key', () => {
  it('is an AES key', () => {
    for (const bytes of [0, 15, 31, 33])
      expect(() => new CodeBook(new Uint8Array(bytes))).toThrow(RangeError);
  });

  it('has a fingerprint that is short, stable and its own', () => {
    expect(keyFingerprint(KEY)).toMatch(/^[0-9a-f]{16}$/);
    expect(keyFingerprint(KEY)).toBe(keyFingerprint(Uint8Array.from(KEY)));
    expect(keyFingerprint(KEY)).not.toBe(keyFingerprint(KEY.map((b) => b ^ 1)));
  });
});
