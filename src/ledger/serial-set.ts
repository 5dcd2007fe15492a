/** A set of serials as sorted, disjoint, non-touching ranges. Small in practice: units move in long runs. */
import assert from 'node:assert/strict';
import type { SerialRange } from '../ports.ts';

export class SerialSet {
  private ranges: { from: number; to: number }[] = [];
  private units = 0;

  constructor(ranges: readonly SerialRange[] = []) {
    for (const range of ranges) this.add(range);
  }

  get size(): number {
    return this.units;
  }

  list(): SerialRange[] {
    return this.ranges.map(({ from, to }) => ({ from, to }));
  }

  /** Index of the first range that ends behind `serial`. */
  private indexOf(serial: number): number {
    let low = 0;
    let high = this.ranges.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if (this.ranges[middle].to > serial) high = middle;
      else low = middle + 1;
    }
    return low;
  }

  has(serial: number): boolean {
    const range = this.ranges[this.indexOf(serial)];
    return range !== undefined && range.from <= serial;
  }

  /** Adds serials that are not in the set yet; a serial added twice is a programmer error. */
  add({ from, to }: SerialRange): void {
    if (from === to) return;
    assert(from < to, 'range upside down');
    const i = this.indexOf(from);
    const after = this.ranges[i];
    assert(after === undefined || after.from >= to, `serials ${from}–${to} are in the set already`);
    const before = this.ranges[i - 1];
    const joinsBefore = before !== undefined && before.to === from;
    const joinsAfter = after !== undefined && after.from === to;
    if (joinsBefore && joinsAfter) {
      before.to = after.to;
      this.ranges.splice(i, 1);
    } else if (joinsBefore) before.to = to;
    else if (joinsAfter) after.from = from;
    else this.ranges.splice(i, 0, { from, to });
    this.units += to - from;
  }

  /** Removes serials that are all in the set; anything else is a programmer error. */
  remove({ from, to }: SerialRange): void {
    if (from === to) return;
    const i = this.indexOf(from);
    const range = this.ranges[i];
    assert(
      range !== undefined && range.from <= from && range.to >= to,
      `serials ${from}–${to} are not in the set`,
    );
    if (range.from === from && range.to === to) this.ranges.splice(i, 1);
    else if (range.from === from) range.from = to;
    else if (range.to === to) range.to = from;
    else {
      this.ranges.splice(i + 1, 0, { from: to, to: range.to });
      range.to = from;
    }
    this.units -= to - from;
  }

  /** Takes up to `units` serials, lowest first. */
  take(units: number): SerialRange[] {
    const taken: SerialRange[] = [];
    let left = Math.min(units, this.units);
    this.units -= left;
    let whole = 0;
    while (left > 0) {
      const range = this.ranges[whole];
      const n = Math.min(left, range.to - range.from);
      taken.push({ from: range.from, to: range.from + n });
      range.from += n;
      left -= n;
      if (range.from === range.to) whole++;
    }
    this.ranges.splice(0, whole);
    return taken;
  }
}
