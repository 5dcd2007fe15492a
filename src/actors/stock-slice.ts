/**
 * The units one actor may sell of one pool: the ranges it was granted, in order, with two cursors on them.
 *
 *     reported ── sold durably, not yet told to the ledger ──▶ durable ── pending ──▶ taken ── unsold ──▶ end
 *
 * Units are taken in order and become durable in order, so counting is enough to know which they are.
 */
import assert from 'node:assert/strict';
import type { SerialRange } from '../ports.ts';

export class StockSlice {
  private ranges: { from: number; to: number }[] = [];
  /** Index of the range units are taken from. */
  private takingIndex = 0;
  private takingNext = 0;
  private takingEnd = 0;
  /** Units from the first range's start on that are durable and not reported. */
  private durable = 0;
  private pendingUnits = 0;
  private unsoldUnits = 0;

  /** Units not yet sold. */
  get unsold(): number {
    return this.unsoldUnits;
  }

  /** Units sold whose claims are not durable yet. */
  get pending(): number {
    return this.pendingUnits;
  }

  /** Durable sales the ledger has not been told. */
  get unreported(): number {
    return this.durable;
  }

  add(granted: readonly SerialRange[]): void {
    for (const { from, to } of granted) {
      assert(from < to, 'empty range granted');
      this.ranges.push({ from, to });
      this.unsoldUnits += to - from;
    }
    if (this.takingNext === this.takingEnd) this.nextRange();
  }

  /** The next unit's serial, or -1 when none is left. */
  take(): number {
    if (this.takingNext === this.takingEnd) {
      this.nextRange();
      if (this.takingNext === this.takingEnd) return -1;
    }
    this.unsoldUnits--;
    this.pendingUnits++;
    return this.takingNext++;
  }

  /** The last `units` of those taken are not sold after all: they are next again. */
  untake(units: number): void {
    assert(units <= this.pendingUnits, 'more put back than taken');
    this.pendingUnits -= units;
    this.unsoldUnits += units;
    for (let left = units; left > 0; ) {
      const n = Math.min(left, this.takingNext - this.ranges[this.takingIndex].from);
      this.takingNext -= n;
      left -= n;
      if (left === 0) break;
      this.takingIndex--;
      this.takingNext = this.takingEnd = this.ranges[this.takingIndex].to;
    }
  }

  /** `units` of those taken, oldest first, are durable now. */
  settle(units: number): void {
    assert(units <= this.pendingUnits, 'more settled than taken');
    this.pendingUnits -= units;
    this.durable += units;
  }

  /** Takes out what is durable and not reported, as ranges for the ledger. */
  report(): SerialRange[] {
    const sold: SerialRange[] = [];
    while (this.durable > 0) {
      const first = this.ranges[0];
      const n = Math.min(this.durable, first.to - first.from);
      sold.push({ from: first.from, to: first.from + n });
      first.from += n;
      this.durable -= n;
      if (first.from === first.to) {
        this.ranges.shift();
        // When it was the range being sold from, the next one starts afresh; otherwise the index moves with the rest.
        if (this.takingIndex > 0) this.takingIndex--;
        else {
          this.takingNext = 0;
          this.takingEnd = 0;
          this.openFirst();
        }
      }
    }
    return sold;
  }

  /** Gives up to `units` unsold units back, from the far end, as ranges for the ledger. */
  giveBack(units: number): SerialRange[] {
    const back: SerialRange[] = [];
    let left = Math.min(units, this.unsoldUnits);
    this.unsoldUnits -= left;
    while (left > 0) {
      const index = this.ranges.length - 1;
      const last = this.ranges[index];
      const taking = index === this.takingIndex;
      const start = taking ? this.takingNext : last.from;
      const n = Math.min(left, last.to - start);
      assert(n > 0, 'unsold units counted but not found');
      back.push({ from: last.to - n, to: last.to });
      last.to -= n;
      left -= n;
      if (taking) this.takingEnd = last.to;
      if (last.from === last.to) this.ranges.pop();
    }
    if (this.ranges.length === 0) this.takingIndex = this.takingNext = this.takingEnd = 0;
    else if (this.takingIndex >= this.ranges.length) {
      // The range being sold from went away untouched: stand at the end of the one before.
      this.takingIndex = this.ranges.length - 1;
      this.takingNext = this.takingEnd = this.ranges[this.takingIndex].to;
    }
    return back;
  }

  private openFirst(): void {
    if (this.ranges.length === 0) return;
    this.takingIndex = 0;
    this.takingNext = this.ranges[0].from;
    this.takingEnd = this.ranges[0].to;
  }

  private nextRange(): void {
    if (this.takingEnd === 0) {
      this.openFirst();
      return;
    }
    if (this.takingIndex + 1 >= this.ranges.length) return;
    this.takingIndex++;
    this.takingNext = this.ranges[this.takingIndex].from;
    this.takingEnd = this.ranges[this.takingIndex].to;
  }
}
