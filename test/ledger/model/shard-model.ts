/**
 * A model of one shard's ledger: what the scripts must answer, call by call, versions included. It stands in for Redis
 * in the simulation, and the scripts are compared with it. It can be restarted, emptied and rolled back.
 */
import assert from 'node:assert/strict';
import { ENTRY_WORDS } from '../../../src/claimlog/entry.ts';
import type { PoolRef, SerialRange } from '../../../src/ports.ts';
import type { CommitAnswer, CommitBatch } from '../../../src/ports-commit.ts';
import type {
  HeldCoupon,
  JoinOutcome,
  MoveOutcome,
  PoolPlan,
  PoolState,
  Refused,
  ShardNotice,
  ShardSeat,
  ShardStamp,
} from '../../../src/ports-ledger.ts';
import { commitInto, ownerKey } from './commit-model.ts';
import * as states from './model-states.ts';
import { noData, poolKey, type ShardData } from './shard-data.ts';
import * as stock from './stock-model.ts';
import { assertUnits } from './unit-check.ts';

type Lost = Extract<Refused, { kind: 'lost' }>;
type Done = { readonly kind: 'done'; readonly version: number };

export class ShardModel {
  /** What was told to all nodes, oldest first; take from it. */
  readonly notices: ShardNotice[] = [];
  readonly shard: number;
  private data: ShardData = noData();
  private serverId = 1;
  private nowMs = 0;

  constructor(shard: number) {
    this.shard = shard;
  }

  // ---- faults
  advance(ms: number): void {
    this.nowMs += ms;
  }

  /** The server comes back, with what it knew or empty. */
  restart({ empty = false } = {}): void {
    this.serverId++;
    if (empty) this.data = noData();
  }

  snapshot(): ShardData {
    return structuredClone(this.data);
  }

  /** The server comes back with what it knew then. */
  rollBack(snapshot: ShardData): void {
    this.serverId++;
    this.data = structuredClone(snapshot);
  }

  /** Everything is deleted while the server runs on. */
  flush(): void {
    this.data = noData();
  }

  assertUnits(): void {
    assertUnits(this.data);
  }

  // ---- membership
  join(stamp: ShardStamp, nodeId: string, joinId: string, ttlMs: number): JoinOutcome {
    const lost = this.gate(stamp);
    if (lost !== null) return lost;
    const { data } = this;
    const last = data.seats.get(nodeId);
    if (last !== undefined && last.joinId !== joinId) stock.endSeat(this.context, nodeId);
    const epoch = last?.joinId === joinId ? last.epoch : ++data.epochs;
    data.seats.set(nodeId, { epoch, joinId, expiresAtMs: this.nowMs + ttlMs });
    return { kind: 'joined', version: ++data.version, epoch, head: data.claims.length };
  }

  extend(seat: ShardSeat, ttlMs: number): Done | Refused {
    const refused = this.gateSeat(seat);
    if (refused !== null) return refused;
    const { seats } = this.data;
    const present = seats.get(seat.nodeId);
    assert(present !== undefined);
    seats.set(seat.nodeId, { ...present, expiresAtMs: this.nowMs + ttlMs });
    return this.changed();
  }

  reclaim(
    stamp: ShardStamp,
  ): Lost | { kind: 'reclaimed'; version: number; nodeIds: readonly string[]; head: number } {
    const lost = this.gate(stamp);
    if (lost !== null) return lost;
    const { data, nowMs } = this;
    const nodeIds = [...data.seats.keys()]
      .filter((nodeId) => (data.seats.get(nodeId)?.expiresAtMs ?? 0) <= nowMs)
      .sort();
    for (const nodeId of nodeIds) stock.endSeat(this.context, nodeId);
    if (nodeIds.length > 0) data.version++;
    return { kind: 'reclaimed', version: data.version, nodeIds, head: data.claims.length };
  }

  leave(seat: ShardSeat): Done | Refused {
    const refused = this.gateSeat(seat);
    if (refused !== null) return refused;
    stock.endSeat(this.context, seat.nodeId);
    return this.changed();
  }

  // ---- stock
  lease(
    seat: ShardSeat,
    ref: PoolRef,
    sequence: number,
    sold: readonly SerialRange[],
    unsold: readonly SerialRange[],
    want: number,
  ) {
    return this.gateSeat(seat) ?? stock.lease(this.context, seat, ref, sequence, sold, unsold, want);
  }

  giveBack(
    seat: ShardSeat,
    ref: PoolRef,
    sequence: number,
    sold: readonly SerialRange[],
    unsold: readonly SerialRange[],
  ) {
    return this.gateSeat(seat) ?? stock.giveBack(this.context, seat, ref, sequence, sold, unsold);
  }

  recall(stamp: ShardStamp, ref: PoolRef): Done | Lost {
    const lost = this.gate(stamp);
    if (lost !== null) return lost;
    this.notices.push({ kind: 'recall', shard: this.shard, ref, all: true });
    return { kind: 'done', version: this.data.version };
  }

  raise(stamp: ShardStamp, templateId: number, total: number): Done | Lost {
    return this.gate(stamp) ?? stock.raise(this.context, templateId, total);
  }

  fund(stamp: ShardStamp, ref: PoolRef, units: number): MoveOutcome {
    return this.gate(stamp) ?? stock.fund(this.context, ref, units);
  }

  closePool(stamp: ShardStamp, ref: PoolRef): Done | Lost {
    return this.gate(stamp) ?? stock.closePool(this.context, ref);
  }

  // ---- claims
  commit(batch: CommitBatch): CommitAnswer {
    return this.gateSeat(batch.seat) ?? commitInto(this.data, batch, this.notices);
  }

  fenceOwner(
    seat: ShardSeat,
    owner: number,
    life: number,
  ): { kind: 'done'; version: number; head: number } | { kind: 'late' } | Refused {
    const refused = this.gateSeat(seat);
    if (refused !== null) return refused;
    const { data } = this;
    const head = data.claims.length;
    const key = ownerKey(seat.epoch, owner);
    const lastLife = data.owners.get(key)?.life ?? -1;
    if (lastLife > life) return { kind: 'late' };
    if (lastLife < life) {
      data.owners.set(key, { life, sequence: -1, head, verdicts: [], serials: [] });
      data.version++;
    }
    return { kind: 'done', version: data.version, head };
  }

  // ---- incarnations
  seal(incarnation: number): void {
    this.data.sealed = Math.max(this.data.sealed, incarnation);
  }

  /** Throws when this number, or a later one, was open or sealed before. */
  open(incarnation: number, pools: readonly PoolPlan[], held: readonly HeldCoupon[]): void {
    const { sealed } = this.data;
    assert(incarnation > Math.max(this.data.incarnation, sealed), 'the incarnation comes too late');
    this.data = states.loaded(incarnation, sealed, this.serverId, pools, held);
  }

  // ---- looking
  /** Claims from `from` on; throws when they were trimmed. */
  read(incarnation: number, from: number, max = Number.POSITIVE_INFINITY): Uint8Array {
    if (this.data.incarnation !== incarnation || from < this.data.trimmedTo)
      throw Object.assign(new Error('trimmed'), { name: 'StreamTrimmed' });
    const claims = this.data.claims.slice(from, from + max);
    const words = new Uint32Array(claims.length * ENTRY_WORDS);
    claims.forEach((claim, i) => void words.set(claim, i * ENTRY_WORDS));
    return new Uint8Array(words.buffer);
  }

  head(incarnation: number): number | null {
    return this.data.incarnation === incarnation ? this.data.claims.length : null;
  }

  /** The first claim that is still there. */
  start(incarnation: number): number | null {
    return this.data.incarnation === incarnation ? this.data.trimmedTo : null;
  }

  trim(incarnation: number, position: number): void {
    if (this.data.incarnation !== incarnation) return;
    const ends = this.data.batchEnds.filter((end) => end <= position);
    this.data.trimmedTo = Math.max(this.data.trimmedTo, ends.at(-1) ?? 0);
  }

  pools(incarnation: number): PoolState[] {
    return this.data.incarnation === incarnation ? states.poolStates(this.data) : [];
  }

  isOpen(ref: PoolRef): boolean {
    return this.data.pools.get(poolKey(ref))?.closed === false;
  }

  private get context(): stock.Context {
    return { data: this.data, notices: this.notices, shard: this.shard };
  }

  private changed(): Done {
    return { kind: 'done', version: ++this.data.version };
  }

  private gate({ incarnation, version }: ShardStamp): Lost | null {
    const { data } = this;
    const lost = (detail: string): Lost => ({ kind: 'lost', detail });
    if (data.incarnation === 0) return lost('the shard is not there');
    if (data.incarnation !== incarnation) return lost(`incarnation ${data.incarnation} is there`);
    if (data.sealed >= incarnation) return lost('the incarnation is sealed');
    if (data.server !== this.serverId) return lost('the server was restarted or replaced');
    if (data.version < version) return lost(`version ${data.version} is older than ${version}`);
    return null;
  }

  private gateSeat(seat: ShardSeat): Refused | null {
    const lost = this.gate(seat);
    if (lost !== null) return lost;
    return this.data.seats.get(seat.nodeId)?.epoch === seat.epoch ? null : { kind: 'fenced' };
  }
}
