/** The codes of units, as the installation's key makes them. */
import { CodeBook } from '../../../src/domain/codes.ts';
import type { CodeExtent } from '../../../src/domain/template.ts';

export const CODE_KEY = new Uint8Array(32).fill(7);
const UNITS_MAX = 100_000;
const book = new CodeBook(CODE_KEY);

export function extentOf(templateId: number, firstSerial: number, length: number): CodeExtent {
  return {
    templateId,
    firstSerial,
    length,
    space: '0703101112',
    offset: templateId * UNITS_MAX + firstSerial,
  };
}

export function codesOf(templateId: number, from: number, to: number): { lo: Uint32Array; hi: Uint16Array } {
  const [lo, hi] = [new Uint32Array(to - from), new Uint16Array(to - from)];
  book.fill(extentOf(templateId, 0, UNITS_MAX), from, to - from, lo, hi, 0);
  return { lo, hi };
}
