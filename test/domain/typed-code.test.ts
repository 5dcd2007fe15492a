/** Codes as people type them lead to the coupon they are of, and never to another one. */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { patternSpace, shapeOf, spacesOverlap } from '../../src/domain/code-space.ts';
import { CodeBook, CodeIndex } from '../../src/domain/codes.ts';
import type { CodeExtent } from '../../src/domain/template.ts';
import {
  readTyped,
  reduce,
  shapesConfusable,
  type TypedShape,
  typedShape,
} from '../../src/domain/typed-code.ts';

const book = new CodeBook(Uint8Array.from({ length: 32 }, (_, i) => i));
const DASHES = [
  '-',
  '\u2010',
  '\u2011',
  '\u2012',
  '\u2013',
  '\u2014',
  '\u2015',
  '\u2212',
  '\uff0d',
  '\ufe63',
  '\u207b',
  '\u2e3a',
  '\u30fc',
];

function extentOf(pattern: string, charset: string, templateId = 7): CodeExtent {
  const space = patternSpace({ pattern, charset });
  if (!space.ok) throw new Error(space.problem.detail);
  return { templateId, firstSerial: 0, length: 1000, offset: 0, space: space.value.space };
}

const UPPER = 'ABCDEFGHJKLMNPQRSTUVWXYZ23456789';

describe('a code as it is typed', () => {
  const summer = extentOf('SUMMER-####-####', UPPER);
  const index = new CodeIndex([summer]);
  const code = book.codeOf(summer, 42);
  const found = { templateId: 7, serial: 42 };

  it.each([
    ['as it is', code],
    ['in small letters', code.toLowerCase()],
    ['with a blank behind', `${code} `],
    ['with blanks of other kinds around', `\t\u3000${code}\u00a0\r\n`],
    ['with what cannot be seen', `\ufeff\u200b${code.slice(0, 3)}\u00ad${code.slice(3)}\u2060`],
    ...DASHES.map((dash) => [`with ${dash}`, code.replaceAll('-', dash)]),
    ['without dashes', code.replaceAll('-', '')],
    ['with dashes elsewhere', [...code.replaceAll('-', '')].join('-')],
    ['in full width', code.replace(/./g, (char) => String.fromCharCode(char.charCodeAt(0) + 0xfee0))],
  ])('%s', (_, text) => {
    expect(book.decode(text, index)).toEqual(found);
  });

  it.each([
    ['with a blank inside', code.replace('-', ' ')],
    ['with an underscore', code.replace('-', '_')],
    ['cut', code.slice(0, -1)],
    ['twice', code + code],
    ['nothing', ' '],
    ['dashes', '---'],
    // Both become S and K in capitals.
    ['with letters that only look so in capitals', code.replace('S', '\u017f')],
  ])('%s is none', (_, text) => {
    expect(book.decode(text, index)).toBeNull();
  });

  it('of the default form may be grouped', () => {
    const own: CodeExtent = { templateId: 1, firstSerial: 0, length: 10, offset: 5, space: '0342260728' };
    const text = book.codeOf(own, 3);
    const at = new CodeIndex([own, summer]);
    for (const typed of [` ${text} `, text.replace(/(.{4})/g, '$1-'), text.replace(/(.{6})/g, '$1–')])
      expect(book.decode(typed, at)).toEqual({ templateId: 1, serial: 3 });
  });

  it('keeps its case where the charset has both', () => {
    const mixed = extentOf('x#######', 'ABCDEFGHabcdefgh');
    const both = new CodeIndex([mixed]);
    const text = book.codeOf(mixed, 5);
    expect(book.decode(`${text} `, both)).toEqual({ templateId: 7, serial: 5 });
    expect(book.decode(`${text.slice(0, 4)}-${text.slice(4)}`, both)).toEqual({ templateId: 7, serial: 5 });
    for (const other of [text.toUpperCase(), text.toLowerCase()]) {
      const unit = other === text ? { templateId: 7, serial: 5 } : null;
      expect(book.decode(other, both)).toEqual(unit);
    }
  });

  it('keeps its dashes where the charset has one, whichever is typed', () => {
    const dashed = extentOf('A########', 'BCDEFGHIJ-');
    const at = new CodeIndex([dashed]);
    const serial = Array.from({ length: 1000 }, (_, i) => i).find((i) =>
      book.codeOf(dashed, i).includes('-'),
    )!;
    const text = book.codeOf(dashed, serial);
    expect(book.decode(text.toLowerCase().replaceAll('-', '—'), at)).toEqual({ templateId: 7, serial });
    expect(book.decode(text.replaceAll('-', ''), at)).toBeNull();
  });

  it('that might be several others is none, and to the letter it is the one it is', () => {
    // No longer published side by side, but some may be.
    const one = extentOf('SUMMER-######', 'ABCDEFGHIJ', 1);
    const other = extentOf('summer-######', 'abcdefghij', 2);
    const wide = { ...other, length: 10_000 };
    const rivals = new CodeIndex([one, wide]);
    const serialOf = new Map(
      Array.from({ length: wide.length }, (_, serial) => [book.codeOf(wide, serial).toUpperCase(), serial]),
    );
    const serial = Array.from({ length: 1000 }, (_, i) => i).find((i) => serialOf.has(book.codeOf(one, i)))!;
    const text = book.codeOf(one, serial);
    expect(book.decode(text.replace('SU', 'Su'), rivals)).toBeNull();
    expect(book.decode(text, rivals)).toEqual({ templateId: 1, serial });
    expect(book.decode(text.toLowerCase(), rivals)).toEqual({ templateId: 2, serial: serialOf.get(text) });
  });
});

describe('patterns that could be taken for one another', () => {
  const overlap = (a: [string, string], b: [string, string]): boolean => {
    const [x, y] = [extentOf(...a).space, extentOf(...b).space];
    expect(spacesOverlap(y, x)).toBe(spacesOverlap(x, y));
    return spacesOverlap(x, y);
  };

  it('overlap', () => {
    expect(overlap(['S-######', 'ABCDEFGHIJ'], ['s-######', 'abcdefghij'])).toBe(true);
    expect(overlap(['S-######', 'ABCDEFGHIJ'], ['S######', 'ABCDEFGHIJ'])).toBe(true);
    expect(overlap(['S-######', 'ABCDEFGHIJ'], ['S###-###', 'JKLMNOPQRS'])).toBe(true);
    expect(overlap(['AB######', '0123456789'], ['Ab######', '9ABCDEFGHab'])).toBe(true);
    expect(overlap(['AB######', 'ABCDEFGHIJab'], ['ab######', 'ABCDEFGHIJab'])).toBe(false);
    expect(overlap(['A#######', '012345678-'], ['A######', '0123456789'])).toBe(true);
    expect(overlap(['A#######', '012345678-'], ['B######', '0123456789'])).toBe(false);
    expect(overlap(['A######', '012345678-'], ['A#######', '0123456789'])).toBe(false);
  });

  it.each([
    ['0342-2607-28-########', '0123456789'],
    ['-##################', '0123'],
    ['034226072800#######', '0123456789-'],
    ['0342260728-########', '9ABCDEFGH'],
  ])('%s with %s produces default codes', (pattern, charset) => {
    const space = patternSpace({ pattern, charset });
    expect(space.ok ? null : space.problem.detail).toMatch('default codes');
  });

  it('are those for which something can be typed that is a code of both', () => {
    const shape = fc
      .tuple(
        fc.stringMatching(/^[AaB#-]{0,3}$/),
        fc.constantFrom('AB', 'ab', 'Ab', 'A-', 'aB-', 'CD', 'c-', 'aAb'),
      )
      .map(([pattern, charset]) => typedShape(pattern, charset));
    const texts = [''];
    for (let length = 1; length <= 3; length++) {
      const shorter = texts.filter((text) => text.length === length - 1);
      for (const text of shorter) for (const char of 'AaBbCcD-') texts.push(text + char);
    }
    const takes = (form: TypedShape, typed: string): boolean => {
      const text = reduce(typed, form);
      if (text.length !== form.pattern.length) return false;
      return [...text].every((char, i) =>
        form.pattern[i] === '#' ? form.charset.includes(char) : form.pattern[i] === char,
      );
    };
    fc.assert(
      fc.property(shape, shape, (a, b) => {
        expect(shapesConfusable(a, b)).toBe(texts.some((text) => takes(a, text) && takes(b, text)));
        expect(shapesConfusable(b, a)).toBe(shapesConfusable(a, b));
      }),
      { numRuns: 400 },
    );
  });
});

describe('whatever is published side by side', () => {
  const charset = fc.constantFrom(
    '0123456789',
    'ABCDEFGHIJ',
    'abcdefghij',
    'ABCDEabcde',
    'ABCDEFGHI-',
    '01234abcd-',
    '0123456789ABCDEF',
  );
  const pattern = fc
    .tuple(fc.stringMatching(/^[SsT0-]{0,4}$/), fc.integer({ min: 0, max: 7 }), fc.boolean())
    .map(([literal, at, dashed]) => `${literal}${'#'.repeat(at)}${dashed ? '-' : ''}${'#'.repeat(7 - at)}`);
  const spaces = fc.array(fc.tuple(pattern, charset), { minLength: 1, maxLength: 8 }).map((all) => {
    const published: CodeExtent[] = [];
    for (const [i, [text, chars]] of all.entries()) {
      const own = extentOf(text, chars, i + 1);
      if (!published.some(({ space }) => space === own.space || spacesOverlap(space, own.space)))
        published.push(own);
    }
    return published;
  });

  it('is found however it is typed, and nothing else is', () => {
    fc.assert(
      fc.property(
        spaces,
        fc.nat({ max: 7 }),
        fc.nat({ max: 999 }),
        fc.array(fc.nat({ max: 255 }), { minLength: 40, maxLength: 40 }),
        (published, which, serial, dice) => {
          const own = published[which % published.length]!;
          const index = new CodeIndex(published);
          const { caseMatters, dashesMatter } = shapeOf(own.space).typed;
          const code = book.codeOf(own, serial);
          let text = dice[0]! % 2 === 0 ? ' ' : '';
          for (const [i, char] of [...code].entries()) {
            const die = dice[(i + 1) % 40]!;
            const dash = DASHES[die % DASHES.length]!;
            if (char === '-') text += dashesMatter || die % 2 === 0 ? dash : '';
            else text += caseMatters ? char : die % 2 === 0 ? char.toLowerCase() : char.toUpperCase();
            if (!dashesMatter && die % 5 === 0) text += dash;
          }
          text += dice[39]! % 2 === 0 ? '\u3000' : '';
          expect(book.decode(text, index)).toEqual({ templateId: own.templateId, serial });
        },
      ),
      { numRuns: 300 },
    );
  });

  it('is found for nothing that is not one of its codes', () => {
    fc.assert(
      fc.property(spaces, fc.stringMatching(/^[SsT0A-Ja-j1-9 –-]{5,13}$/), (published, text) => {
        const wide = published.map((own) => ({ ...own, length: 900_000 }));
        const unit = book.decode(text, new CodeIndex(wide));
        if (unit === null) return;
        const own = wide.find(({ templateId }) => templateId === unit.templateId)!;
        const { typed } = shapeOf(own.space);
        expect(reduce(readTyped(text)!, typed)).toBe(reduce(book.codeOf(own, unit.serial), typed));
      }),
      { numRuns: 500 },
    );
  });
});
