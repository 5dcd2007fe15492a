/** What the shared unit memory says about a template's units, for computing the ledger at start. */
import type { UnitTable } from '../actors/unit-table.ts';
import type { SerialRange } from '../ports.ts';

export function unclaimedRanges(units: UnitTable, from: number, to: number): SerialRange[] {
  const ranges: SerialRange[] = [];
  let start = -1;
  for (let serial = from; serial < to; serial++) {
    if (units.isClaimed(serial)) {
      if (start >= 0) ranges.push({ from: start, to: serial });
      start = -1;
    } else if (start < 0) start = serial;
  }
  if (start >= 0) ranges.push({ from: start, to });
  return ranges;
}

/** Claimed units of one activity. */
export function claimedIn(units: UnitTable, from: number, to: number, activityId: number): number {
  let claimed = 0;
  for (let serial = from; serial < to; serial++) {
    if (units.isClaimed(serial) && units.activityId(serial) === activityId) claimed++;
  }
  return claimed;
}
