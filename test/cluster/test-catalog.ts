/** Templates of the tests, and the codes of their units. */
import { CodeBook } from '../../src/domain/codes.ts';
import type { CodeExtent } from '../../src/domain/template.ts';

export const CODE_KEY = new Uint8Array(32).fill(7);
const book = new CodeBook(CODE_KEY);

export function extentOf(templateId: number, length: number): CodeExtent {
  return { templateId, firstSerial: 0, length, space: '0703101112', offset: templateId * 10_000 };
}

/** A unit as owners offer it: serial, code, and no high word of the time. */
export function unitWords(templateId: number, serial: number): Uint32Array {
  const [lo, hi] = [new Uint32Array(1), new Uint16Array(1)];
  book.fill(extentOf(templateId, 10_000), serial, 1, lo, hi, 0);
  return Uint32Array.of(serial, lo[0], hi[0]);
}
