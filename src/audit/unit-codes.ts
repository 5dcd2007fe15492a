/**
 * The codes that units must have. The checker asks for one after the other in the order of serials; they are computed
 * in runs ahead of it, which costs a fraction of asking the permutation for each, and the runs grow only while they
 * are used, so that a few claims in a huge stock stay cheap.
 */
import { formatCode } from '../domain/code-space.ts';
import { type CodeBook, CodeIndex, extentOfSerial } from '../domain/codes.ts';
import { couponId } from '../domain/coupon-id.ts';
import type { CodeExtent } from '../domain/template.ts';
import type { CodeRules } from './facts.ts';

const RUN_MIN = 8;
const RUN_MAX = 4096;

export class UnitCodes implements CodeRules {
  readonly faults: string[];
  private readonly book: CodeBook;
  private readonly index = new CodeIndex();
  private readonly extents = new Map<number, CodeExtent[]>();
  private readonly lo = new Uint32Array(RUN_MAX);
  private readonly hi = new Uint16Array(RUN_MAX);
  private extent: CodeExtent | null = null;
  private runFrom = 0;
  private runTo = 0;

  constructor(book: CodeBook, extents: Iterable<CodeExtent>, faults: readonly string[] = []) {
    this.book = book;
    this.faults = [...faults];
    for (const extent of extents) {
      const list = this.extents.get(extent.templateId);
      if (list === undefined) this.extents.set(extent.templateId, [extent]);
      else list.push(extent);
      try {
        this.index.add(extent);
      } catch (error) {
        // Two units on one code: each row's code is then right by itself, so it must be told here.
        this.faults.push((error as Error).message);
      }
    }
  }

  codeOf(templateId: number, serial: number): string | null {
    const value = this.valueOf(templateId, serial);
    return value === null ? null : formatCode(this.extent!.space, value);
  }

  valueOf(templateId: number, serial: number): number | null {
    const known = this.extent?.templateId === templateId && serial >= this.runFrom && serial < this.runTo;
    if (!known && !this.fill(templateId, serial)) return null;
    const i = serial - this.runFrom;
    return this.hi[i] * 0x1_0000_0000 + this.lo[i];
  }

  couponOf(code: string): number | null {
    const unit = this.book.decode(code, this.index);
    return unit === null ? null : couponId(unit.templateId, unit.serial);
  }

  private fill(templateId: number, serial: number): boolean {
    const extent = extentOfSerial(this.extents.get(templateId) ?? [], serial);
    if (extent === undefined) return false;
    const goesOn = extent === this.extent && serial === this.runTo;
    const wanted = goesOn ? Math.min(RUN_MAX, 2 * (this.runTo - this.runFrom)) : RUN_MIN;
    const count = Math.min(wanted, extent.firstSerial + extent.length - serial);
    this.book.fill(extent, serial, count, this.lo, this.hi, 0);
    this.extent = extent;
    this.runFrom = serial;
    this.runTo = serial + count;
    return true;
  }
}
