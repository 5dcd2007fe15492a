/** What scripts answer, as values. Every answer is an array that begins with its kind. */
import assert from 'node:assert/strict';
import type { Done, JoinOutcome, MoveOutcome, Refused, SupplyOutcome } from '../../ports-ledger.ts';
import { unpackRanges } from './packed-ranges.ts';

export type Reply = readonly [Buffer, ...(Buffer | number | Buffer[])[]];
export type Lost = Extract<Refused, { kind: 'lost' }>;
export type Reclaimed = {
  readonly kind: 'reclaimed';
  readonly version: number;
  readonly nodeIds: readonly string[];
  readonly head: number;
};

function parse(answer: unknown, ...expected: readonly string[]): { kind: string; reply: Reply; lost: Lost } {
  const reply = answer as Reply;
  const kind = String(reply[0]);
  assert(expected.includes(kind), `a script answered ${kind}`);
  return { kind, reply, lost: { kind: 'lost', detail: String(reply[1]) } };
}

export function joinOutcome(answer: unknown): JoinOutcome {
  const { kind, reply, lost } = parse(answer, 'joined', 'lost');
  if (kind === 'lost') return lost;
  return { kind: 'joined', version: Number(reply[1]), epoch: Number(reply[2]), head: Number(reply[3]) };
}

export function doneOrLost(answer: unknown): Done | Lost {
  const { kind, reply, lost } = parse(answer, 'done', 'lost');
  return kind === 'lost' ? lost : { kind: 'done', version: Number(reply[1]) };
}

export function doneOrRefused(answer: unknown): Done | Refused {
  const { kind, reply, lost } = parse(answer, 'done', 'fenced', 'lost');
  if (kind === 'lost') return lost;
  return kind === 'fenced' ? { kind } : { kind: 'done', version: Number(reply[1]) };
}

export function returnOutcome(answer: unknown): Done | { readonly kind: 'late' } | Refused {
  const { kind } = parse(answer, 'done', 'late', 'fenced', 'lost');
  return kind === 'late' ? { kind } : doneOrRefused(answer);
}

export function reclaimOutcome(answer: unknown): Reclaimed | Lost {
  const { kind, reply, lost } = parse(answer, 'reclaimed', 'lost');
  if (kind === 'lost') return lost;
  const nodeIds = (reply[2] as Buffer[]).map(String);
  return { kind: 'reclaimed', version: Number(reply[1]), nodeIds, head: Number(reply[3]) };
}

export function supplyOutcome(answer: unknown): SupplyOutcome {
  const kinds = ['granted', 'recalling', 'exhausted', 'closed', 'late', 'fenced', 'lost'] as const;
  const { reply, lost } = parse(answer, ...kinds);
  const kind = String(reply[0]) as (typeof kinds)[number];
  const version = Number(reply[1]);
  switch (kind) {
    case 'granted':
      return { kind, version, ranges: unpackRanges(reply[2] as Buffer) };
    case 'exhausted':
      return { kind, version, head: Number(reply[2]) };
    case 'recalling':
    case 'closed':
      return { kind, version };
    case 'late':
    case 'fenced':
      return { kind };
    case 'lost':
      return lost;
  }
}

export function moveOutcome(answer: unknown): MoveOutcome {
  const { kind, reply, lost } = parse(answer, 'done', 'short', 'lost');
  if (kind === 'lost') return lost;
  const version = Number(reply[1]);
  return kind === 'short'
    ? { kind, version, unclaimed: Number(reply[2]), asked: Number(reply[3]) }
    : { kind: 'done', version };
}
