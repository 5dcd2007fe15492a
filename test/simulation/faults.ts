/** What may go wrong in a simulation: counted wherever it takes effect, because a fault never seen tests nothing. */
export const FAULT_KINDS = [
  'ownerKilled',
  'ownerKilledMidDrain',
  'ownerKilledBeforeWrite',
  'ownerKilledAfterWrite',
  'ownerKilledSyncing',
  'killedInDiskOperation',
  'processKilled',
  'processKilledStarting',
  'powerCut',
  'powerCutAfterKill',
  'cleanStop',
  'diskFull',
  'writeFailed',
  'syncFailed',
  'dirSyncFailed',
  'slowDisk',
  'unsyncedBytesLost',
  'unsyncedNamesLost',
  'tornTail',
  'storeDown',
  'commitLost',
  'answerLost',
  'commitLate',
  'commitTwice',
  'flusherKilled',
  'leaseFenced',
  'lateMessage',
  'duplicateClaim',
  'retriedClaim',
  'stockRaised',
  'activityOpened',
  'activityStopped',
  'activityEnlarged',
  'windowMoved',
  'idleReturn',
  'recall',
  'logCopied',
  'segmentsRemoved',
] as const;

export type FaultKind = (typeof FAULT_KINDS)[number];

export class FaultCounts {
  readonly counts = new Map<FaultKind, number>(FAULT_KINDS.map((kind) => [kind, 0]));

  seen(kind: FaultKind): void {
    this.counts.set(kind, this.counts.get(kind)! + 1);
  }

  addTo(total: FaultCounts): void {
    for (const [kind, count] of this.counts) total.counts.set(kind, total.counts.get(kind)! + count);
  }
}

/** An injected failure: whoever meets it may fail, the simulation goes on. Any other error is a finding. */
export class Injected extends Error {
  override name = 'Injected';
}

/** The thread that did this is gone: nothing it would have done next happens. */
export class Killed extends Injected {
  override name = 'Killed';
}
