/**
 * Ids of logs. Under those of streams and fills the record store keeps what did not come from a local log: the streams
 * of shards, and what local logs filled in when an incarnation was lost. Local logs stay below all of them.
 *
 * Of local logs those of a node of a cluster have ids of their own. Several nodes number them alike, and none of them is
 * flushed under its id, so no watermark is about them. The one node of the profile `single` flushes its logs, and their
 * watermarks stay in the record store that all share: taken for another node's log of the same number, one of them
 * would say of claims that are nowhere else that they are stored.
 */
import assert from 'node:assert/strict';
import { SHARDS } from '../ports-ledger.ts';

const CLUSTER_LOGS = 2 ** 31;
const STREAMS = 2 ** 40;
const FILLS = 2 ** 41;
/** Incarnations of one shard. */
const INCARNATIONS = 2 ** 28;

export interface ShardLog {
  readonly kind: 'stream' | 'fill';
  readonly shard: number;
  readonly incarnation: number;
}

/** Whether a local log was written by a node of a cluster. */
export function isClusterLog(logId: number): boolean {
  return logId >= CLUSTER_LOGS && logId < STREAMS;
}

/** The next local log's id in this profile; `taken`: those on the disk, and those that the record store knows. */
export function nextLocalLogId(isCluster: boolean, taken: readonly number[]): number {
  let last = isCluster ? CLUSTER_LOGS - 1 : 0;
  for (const logId of taken)
    if (isClusterLog(logId) === isCluster && logId < STREAMS) last = Math.max(last, logId);
  return last + 1;
}

/** The log of a shard's stream: offsets are positions times ENTRY_BYTES. */
export function streamLogId(shard: number, incarnation: number): number {
  return STREAMS + place(shard, incarnation);
}

/** Claims that members found in their local logs while `incarnation` was being replaced. It has no offsets. */
export function fillLogId(shard: number, incarnation: number): number {
  return FILLS + place(shard, incarnation);
}

/** Null for a local log. */
export function shardLogOf(logId: number): ShardLog | null {
  const kind = logId >= FILLS ? 'fill' : 'stream';
  const at = logId - (kind === 'fill' ? FILLS : STREAMS);
  if (at < 0 || at >= SHARDS * INCARNATIONS) return null;
  return { kind, shard: Math.floor(at / INCARNATIONS), incarnation: at % INCARNATIONS };
}

function place(shard: number, incarnation: number): number {
  assert(shard >= 0 && shard < SHARDS, `there is no shard ${shard}`);
  assert(incarnation >= 0 && incarnation < INCARNATIONS, `there is no incarnation ${incarnation}`);
  return shard * INCARNATIONS + incarnation;
}
