import fc from 'fast-check';
import { expect, test } from 'vitest';
import { CodeCheck } from '../../src/claimlog/code-check.ts';
import { CodeBook } from '../../src/domain/codes.ts';
import type { CodeExtent } from '../../src/domain/template.ts';
import { type Claim, entriesOf } from '../records/batches.ts';

const book = new CodeBook(new Uint8Array(16).fill(9));
const EXTENTS: readonly CodeExtent[] = [
  { templateId: 1, firstSerial: 0, length: 50, space: '0703101112', offset: 100 },
  { templateId: 1, firstSerial: 50, length: 50, space: '0703101121', offset: 0 },
  { templateId: 2, firstSerial: 0, length: 60, space: '0703101112', offset: 150 },
];

function codeOf(templateId: number, serial: number): number {
  const extent = EXTENTS.find(
    (e) => e.templateId === templateId && serial >= e.firstSerial && serial < e.firstSerial + e.length,
  )!;
  const [lo, hi] = [new Uint32Array(1), new Uint16Array(1)];
  book.fill(extent, serial, 1, lo, hi, 0);
  return hi[0] * 2 ** 32 + lo[0];
}

const units = fc.uniqueArray(fc.tuple(fc.constantFrom(1, 2), fc.nat(59)), {
  selector: ([templateId, serial]) => `${templateId}/${serial}`,
  maxLength: 80,
  size: 'max',
});

function claimOf([templateId, serial]: readonly [number, number], change = 0): Claim {
  return { templateId, serial, user: '7', atMs: 1, code: codeOf(templateId, serial) + change };
}

test('right codes are right, in any order and across extents', () => {
  fc.assert(
    fc.property(units, (all) => {
      expect(new CodeCheck(book, EXTENTS).wrongCodes(entriesOf(all.map((unit) => claimOf(unit))))).toEqual(
        [],
      );
    }),
  );
});

test('exactly the wrong ones are named, in order', () => {
  fc.assert(
    fc.property(units, fc.array(fc.boolean()), (all, wrong) => {
      const claims = all.map((unit, i) => claimOf(unit, wrong[i] ? 1 : 0));
      const named = new CodeCheck(book, EXTENTS).wrongCodes(entriesOf(claims));
      const expected = all.filter((_, i) => wrong[i]).sort((a, b) => a[0] - b[0] || a[1] - b[1]);
      expect(named.map(({ templateId, serial }) => [templateId, serial])).toEqual(expected);
    }),
  );
});

test('a unit that no extent covers is named, until its extent is known', () => {
  const check = new CodeCheck(book, EXTENTS.slice(0, 1));
  const entries = entriesOf([claimOf([1, 49]), claimOf([1, 50]), claimOf([1, 51])]);
  const none = { templateId: 1, detail: 'no code extent covers this unit' };
  expect(check.wrongCodes(entries)).toEqual([
    { ...none, serial: 50 },
    { ...none, serial: 51 },
  ]);
  check.add(EXTENTS[1]);
  expect(check.wrongCodes(entries)).toEqual([]);
});
