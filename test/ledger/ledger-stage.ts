/** A ledger with its signals kept to look at. */
import { MemoryLedger } from '../../src/ledger/memory-ledger.ts';
import type { Holder, LeaseOutcome, SerialRange } from '../../src/ports.ts';

export const REF = { templateId: 1, activityId: 0 };

export function holder(owner: number, partition = owner): Holder {
  return { owner, partition };
}

export function runOf(from: number, to: number): SerialRange[] {
  return from < to ? [{ from, to }] : [];
}

export class LedgerStage {
  readonly recalled: { owner: number; all: boolean }[] = [];
  readonly replenished: number[] = [];
  readonly ledger = new MemoryLedger({
    recall: (_ref, { owner }, all) => this.recalled.push({ owner, all }),
    replenished: (_ref, { owner }) => this.replenished.push(owner),
  });

  constructor(free: readonly SerialRange[]) {
    this.ledger.open(REF, free);
  }

  lease(owner: number, epoch = 0, sold: readonly SerialRange[] = []): LeaseOutcome {
    return this.ledger.lease(REF, holder(owner), epoch, sold);
  }

  giveBack(
    owner: number,
    epoch: number,
    sold: readonly SerialRange[],
    unsold: readonly SerialRange[],
  ): boolean {
    return this.ledger.giveBack(REF, holder(owner), epoch, sold, unsold);
  }

  /** Leases and expects units; returns them. */
  granted(owner: number, epoch = 0): { epoch: number; ranges: readonly SerialRange[] } {
    const outcome = this.lease(owner, epoch);
    if (outcome.kind !== 'granted') throw new Error(`owner ${owner} got ${outcome.kind}`);
    return outcome;
  }
}
