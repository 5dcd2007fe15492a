/** What a shard's server holds, as plain data: lists and sets of serials, nothing clever. */
import type { PoolRef, SerialRange } from '../../../src/ports.ts';
import type { SupplyOutcome } from '../../../src/ports-ledger.ts';

export interface Seat {
  readonly epoch: number;
  readonly joinId: string;
  readonly expiresAtMs: number;
}

/** What a node was told last of a pool. `done`: to giveBack. */
export interface Answer {
  readonly epoch: number;
  readonly sequence: number;
  readonly outcome: Exclude<SupplyOutcome, { kind: 'lost' | 'fenced' | 'late' }> | { readonly kind: 'done' };
}

export interface Pool {
  readonly ref: PoolRef;
  units: number;
  closed: boolean;
  thirsty: boolean;
  /** In the order they are to be leased. */
  free: number[];
  leases: Map<string, Set<number>>;
  answers: Map<string, Answer>;
}

export interface Coupon {
  readonly serial: number;
  readonly activityId: number;
  readonly keyLo: number;
  readonly keyHi: number;
}

export interface OwnerMemory {
  readonly life: number;
  readonly sequence: number;
  readonly head: number;
  readonly verdicts: readonly number[];
  readonly serials: readonly number[];
}

export interface ShardData {
  /** 0: none is open. */
  incarnation: number;
  sealed: number;
  version: number;
  server: number;
  epochs: number;
  seats: Map<string, Seat>;
  pools: Map<string, Pool>;
  /** By template, then user; oldest coupon first. */
  users: Map<number, Map<string, Coupon[]>>;
  /** By epoch and owner. */
  owners: Map<string, OwnerMemory>;
  /** All claims ever, ten words each, and where batches end. */
  claims: number[][];
  batchEnds: number[];
  trimmedTo: number;
  /** Units that were reported as sold, by template: their claims stand elsewhere. */
  reported: Map<number, Set<number>>;
}

export function noData(): ShardData {
  return {
    incarnation: 0,
    sealed: 0,
    version: 0,
    server: 0,
    epochs: 0,
    seats: new Map(),
    pools: new Map(),
    users: new Map(),
    owners: new Map(),
    claims: [],
    batchEnds: [],
    trimmedTo: 0,
    reported: new Map(),
  };
}

export function poolKey({ templateId, activityId }: PoolRef): string {
  return `${templateId}.${activityId}`;
}

export function newPool(ref: PoolRef): Pool {
  return {
    ref: { templateId: ref.templateId, activityId: ref.activityId },
    units: 0,
    closed: false,
    thirsty: false,
    free: [],
    leases: new Map(),
    answers: new Map(),
  };
}

export function leasedUnits(pool: Pool): number {
  return [...pool.leases.values()].reduce((units, lease) => units + lease.size, 0);
}

export function serialsOf(ranges: readonly SerialRange[]): number[] {
  return ranges.flatMap(({ from, to }) => Array.from({ length: to - from }, (_, i) => from + i));
}

/** As ranges, in the order given. */
export function rangesOf(serials: Iterable<number>): SerialRange[] {
  const ranges: { from: number; to: number }[] = [];
  for (const serial of serials) {
    const last = ranges.at(-1);
    if (last?.to === serial) last.to++;
    else ranges.push({ from: serial, to: serial + 1 });
  }
  return ranges;
}

export function ascending(serials: Iterable<number>): number[] {
  return [...serials].sort((a, b) => a - b);
}

/** Up to `units` off the front, in at most `most` runs. */
export function takeFree(pool: Pool, units: number, most = Number.POSITIVE_INFINITY): number[] {
  const taken: number[] = [];
  while (taken.length < units && pool.free.length > 0) {
    const next = pool.free[0];
    if (rangesOf([...taken, next]).length > most) break;
    taken.push(next);
    pool.free.shift();
  }
  return taken;
}
