/** This node's seat in one shard's ledger: taken, kept, seen to pass, given up. */
import { randomUUID } from 'node:crypto';
import type { ShardLedger, ShardSeat, ShardStamp } from '../ports-ledger.ts';

export class OwnSeat {
  private readonly ledger: ShardLedger;
  private readonly nodeId: string;
  private readonly shard: number;
  private readonly ttlMs: number;
  private seat: ShardSeat | null = null;
  private passed = false;
  /** Kept until a join has an answer: repeated, it is the same join. */
  private joinId: string | null = null;

  /** `ttlMs`: without a sign of life for so long it may be ended. */
  constructor(ledger: ShardLedger, nodeId: string, shard: number, ttlMs: number) {
    this.ttlMs = ttlMs;
    this.ledger = ledger;
    this.nodeId = nodeId;
    this.shard = shard;
  }

  get incarnation(): number | null {
    return this.seat?.incarnation ?? null;
  }

  /** Whether it is one of this incarnation and nobody has said that it is over. */
  holds(incarnation: number): boolean {
    return this.seat?.incarnation === incarnation && !this.passed;
  }

  fenced(epoch: number): void {
    if (this.seat?.epoch === epoch) this.passed = true;
  }

  /** What to send with calls of no seat. */
  stamp(incarnation: number): ShardStamp {
    const version = this.seat?.incarnation === incarnation ? this.seat.version : 0;
    return { shard: this.shard, incarnation, version };
  }

  /** An answer under `incarnation` told its version. */
  saw(incarnation: number, version: number): void {
    if (this.seat?.incarnation === incarnation && version > this.seat.version)
      this.seat = { ...this.seat, version };
  }

  /** → the incarnation that was found to be lost, or null. */
  async extend(): Promise<number | null> {
    const { seat } = this;
    if (seat === null || this.passed) return null;
    const kept = await this.ledger.extend(seat, this.ttlMs);
    if (kept.kind === 'lost') return seat.incarnation;
    if (kept.kind === 'fenced') this.fenced(seat.epoch);
    else this.saw(seat.incarnation, kept.version);
    return null;
  }

  /** Any seat of this node from before is over. → null: the incarnation is lost. */
  async join(incarnation: number): Promise<{ readonly seat: ShardSeat; readonly head: number } | null> {
    this.joinId ??= randomUUID();
    const joined = await this.ledger.join(this.stamp(incarnation), this.nodeId, this.joinId, this.ttlMs);
    if (joined.kind === 'lost') return null;
    const { version, epoch, head } = joined;
    return { seat: { shard: this.shard, incarnation, version, nodeId: this.nodeId, epoch }, head };
  }

  /** The seat is in use from now on. */
  take(seat: ShardSeat): void {
    this.seat = seat;
    this.passed = false;
    this.joinId = null;
  }

  drop(): void {
    this.seat = null;
  }

  /** Gives it up. → the length of the stream behind everything claimed under it, or null when that is not known. */
  async leave(): Promise<{ readonly incarnation: number; readonly head: number } | null> {
    const { seat } = this;
    if (seat === null) return null;
    this.seat = null;
    if ((await this.ledger.leave(seat)).kind === 'lost') return null;
    const head = await this.ledger.head(this.shard, seat.incarnation);
    return head === null ? null : { incarnation: seat.incarnation, head };
  }
}
