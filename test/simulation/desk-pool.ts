/** What the main thread keeps of a pool beside the ledger. */
import type { SerialSet } from '../../src/ledger/serial-set.ts';
import type { PoolRef, SerialRange } from '../../src/ports.ts';

export interface DeskPool {
  readonly ref: PoolRef;
  /** Units given to this pool and not taken out again, claimed or not. */
  capacity: number;
  /** Claims the ledger knows of. */
  reported: number;
  readonly bare: SerialSet;
  /** Units whose codes are being made. */
  filling: readonly SerialRange[];
  open: boolean;
  soldOut: boolean;
}

export function unitsIn(ranges: readonly SerialRange[]): number {
  let units = 0;
  for (const { from, to } of ranges) units += to - from;
  return units;
}

export function poolNumber({ templateId, activityId }: PoolRef): number {
  return templateId * 1024 + activityId;
}
