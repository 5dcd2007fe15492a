/**
 * Ids under which the record store keeps what did not come from a local log: the streams of shards, and what local
 * logs filled in when an incarnation was lost. Local logs stay below all of them; all are safe integers.
 */
import assert from 'node:assert/strict';
import { SHARDS } from '../ports-ledger.ts';

const STREAMS = 2 ** 40;
const FILLS = 2 ** 41;
/** Incarnations of one shard. */
const INCARNATIONS = 2 ** 28;

export interface ShardLog {
  readonly kind: 'stream' | 'fill';
  readonly shard: number;
  readonly incarnation: number;
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
