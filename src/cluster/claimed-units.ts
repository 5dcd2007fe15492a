/** Which units of one template are claimed, as the record store has it: a bit a unit, a count an activity. */
import assert from 'node:assert/strict';
import type { SerialRange } from '../ports.ts';

export class ClaimedUnits {
  readonly total: number;
  private readonly bits: Uint8Array;
  private readonly byActivity = new Map<number, number>();

  constructor(total: number) {
    this.total = total;
    this.bits = new Uint8Array(Math.ceil(total / 8));
  }

  /** False when it was there already: a claim may be stored in two blocks. */
  add(serial: number, activityId: number): boolean {
    assert(serial < this.total, `unit ${serial} is beyond the ${this.total} of its template`);
    const bit = 1 << (serial & 7);
    if ((this.bits[serial >>> 3] & bit) !== 0) return false;
    this.bits[serial >>> 3] |= bit;
    this.byActivity.set(activityId, this.claimedIn(activityId) + 1);
    return true;
  }

  claimedIn(activityId: number): number {
    return this.byActivity.get(activityId) ?? 0;
  }

  get claimed(): number {
    let claimed = 0;
    for (const count of this.byActivity.values()) claimed += count;
    return claimed;
  }

  /** The other units, in order. */
  unclaimed(): SerialRange[] {
    const ranges: SerialRange[] = [];
    let from = -1;
    for (let serial = 0; serial < this.total; serial++) {
      const claimed = (this.bits[serial >>> 3] & (1 << (serial & 7))) !== 0;
      if (claimed && from >= 0) ranges.push({ from, to: serial });
      if (claimed) from = -1;
      else if (from < 0) from = serial;
    }
    if (from >= 0) ranges.push({ from, to: this.total });
    return ranges;
  }
}
