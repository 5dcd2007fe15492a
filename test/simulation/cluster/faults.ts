/** What may go wrong between nodes, counted wherever it takes effect: a fault never seen tests nothing. */
export const CLUSTER_FAULTS = [
  'requestLost',
  'requestLate',
  'replyLost',
  'requestsHeld',
  'requestCut',
  'requestWaited',
  'noticeLost',
  'redisRestarted',
  'redisRolledBack',
  'redisEmptied',
  'redisFlushed',
  'redisFrozen',
  'redisFrozenLong',
  'redisDown',
  'nodeCut',
  'streamTrimmed',
  'cutOff',
  'seatExpired',
  'nodeFrozen',
  'nodeFrozenLong',
  'nodeKilled',
  'powerCut',
  'killedStarting',
  'cleanStop',
  'ownerKilled',
  'syncFailed',
  'storeDown',
  'storeRequestLost',
  'storeReplyLost',
  'storeLate',
  'commitStale',
  'commitFenced',
  'shardLost',
  'shardOpened',
  'filledIn',
  'waitedForMember',
  'codesLater',
  'repeatElsewhere',
  'logsRemoved',
] as const;

export type ClusterFault = (typeof CLUSTER_FAULTS)[number];

export class ClusterFaults {
  readonly counts = new Map<ClusterFault, number>(CLUSTER_FAULTS.map((kind) => [kind, 0]));

  seen(kind: ClusterFault): void {
    this.counts.set(kind, this.counts.get(kind)! + 1);
  }

  addTo(total: ClusterFaults): void {
    for (const [kind, count] of this.counts) total.counts.set(kind, total.counts.get(kind)! + count);
  }
}
