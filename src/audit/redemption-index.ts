/**
 * All redemptions of an audit, packed: what the events of coupons are held against, which come in another order. Some
 * 40 bytes a redemption and 9 for each coupon of one; coupons that were never locked take nothing. Of times the low 32
 * bits are kept, which is enough to see that two are not the same.
 */
import { EVENT_KINDS } from '../coupons/states.ts';
import type { CouponEventKind } from '../ports-coupons.ts';

const CHUNK_BITS = 14;
const CHUNK = 1 << CHUNK_BITS;

type Numbers = Float64Array | Uint32Array | Uint8Array;

/** A list of numbers that grows without being copied. */
class Column {
  length = 0;
  private readonly chunks: Numbers[] = [];
  private readonly make: new (
    length: number,
  ) => Numbers;

  constructor(make: new (length: number) => Numbers) {
    this.make = make;
  }

  push(value: number): void {
    const at = this.length++;
    if ((at & (CHUNK - 1)) === 0) this.chunks.push(new this.make(CHUNK));
    this.chunks[at >>> CHUNK_BITS]![at & (CHUNK - 1)] = value;
  }

  get(at: number): number {
    return this.chunks[at >>> CHUNK_BITS]![at & (CHUNK - 1)]!;
  }

  set(at: number, value: number): void {
    this.chunks[at >>> CHUNK_BITS]![at & (CHUNK - 1)] = value;
  }
}

export interface IndexedRedemption {
  readonly redemptionId: number;
  readonly stored: number;
  readonly userLo: number;
  readonly userHi: number;
  readonly couponIds: readonly number[];
  /** What the last event of each of its coupons may be. */
  readonly ends: readonly CouponEventKind[];
  readonly lockedAtMs: number;
  readonly usedAtMs: number | null;
  readonly endedAtMs: number | null;
  /** When its coupons were given back after a use, or it was reverted without one. */
  readonly revertedAtMs: number | null;
  readonly returns: readonly { readonly returnId: string; readonly atMs: number }[];
}

export class RedemptionIndex {
  private readonly ids = new Column(Float64Array);
  private readonly firstLinks = new Column(Uint32Array);
  private readonly storeds = new Column(Uint8Array);
  private readonly endMasks = new Column(Uint8Array);
  private readonly users = new Column(Uint32Array);
  private readonly lockedAts = new Column(Uint32Array);
  private readonly usedAts = new Column(Uint32Array);
  private readonly endedAts = new Column(Uint32Array);
  private readonly revertedAts = new Column(Uint32Array);
  private readonly returnCounts = new Column(Uint32Array);
  private readonly returnSums = new Column(Uint32Array);
  private readonly coupons = new Column(Float64Array);
  private readonly seen = new Column(Uint8Array);

  /** In the order of their ids. */
  add(one: IndexedRedemption): void {
    this.ids.push(one.redemptionId);
    this.firstLinks.push(this.coupons.length);
    this.storeds.push(one.stored);
    this.endMasks.push(one.ends.reduce((mask, kind) => mask | (1 << EVENT_KINDS.indexOf(kind)), 0));
    this.users.push((one.userLo ^ Math.imul(one.userHi, 0x9e3779b1)) >>> 0);
    this.lockedAts.push(low(one.lockedAtMs));
    this.usedAts.push(low(one.usedAtMs));
    this.endedAts.push(low(one.endedAtMs));
    this.revertedAts.push(low(one.revertedAtMs));
    this.returnCounts.push(one.returns.length);
    this.returnSums.push(one.returns.reduce((sum, { returnId, atMs }) => addReturn(sum, returnId, atMs), 0));
    for (const couponId of one.couponIds) {
      this.coupons.push(couponId);
      this.seen.push(0);
    }
  }

  /** The place of a redemption, or -1. */
  find(redemptionId: number): number {
    let below = 0;
    let above = this.ids.length - 1;
    while (below <= above) {
      const middle = (below + above) >>> 1;
      const id = this.ids.get(middle);
      if (id === redemptionId) return middle;
      if (id < redemptionId) below = middle + 1;
      else above = middle - 1;
    }
    return -1;
  }

  /** The place of a coupon among those that the redemption at `at` names, or -1. */
  link(at: number, couponId: number): number {
    const end = at + 1 < this.ids.length ? this.firstLinks.get(at + 1) : this.coupons.length;
    for (let link = this.firstLinks.get(at); link < end; link++) {
      if (this.coupons.get(link) === couponId) return link;
    }
    return -1;
  }

  /** Whether this is the first time. */
  see(link: number): boolean {
    if (this.seen.get(link) !== 0) return false;
    this.seen.set(link, 1);
    return true;
  }

  /** Visits what was never seen. */
  forEachUnseen(visit: (redemptionId: number, couponId: number) => void): void {
    let at = 0;
    for (let link = 0; link < this.coupons.length; link++) {
      if (this.seen.get(link) !== 0) continue;
      while (at + 1 < this.ids.length && this.firstLinks.get(at + 1) <= link) at++;
      visit(this.ids.get(at), this.coupons.get(link));
    }
  }

  stored(at: number): number {
    return this.storeds.get(at);
  }

  mayEndWith(at: number, kind: CouponEventKind): boolean {
    return (this.endMasks.get(at) & (1 << EVENT_KINDS.indexOf(kind))) !== 0;
  }

  isOf(at: number, userLo: number, userHi: number): boolean {
    return this.users.get(at) === (userLo ^ Math.imul(userHi, 0x9e3779b1)) >>> 0;
  }

  wasLockedAt(at: number, ms: number): boolean {
    return this.lockedAts.get(at) === low(ms);
  }

  wasUsedAt(at: number, ms: number): boolean {
    return this.usedAts.get(at) === low(ms);
  }

  hasEndedAt(at: number, ms: number): boolean {
    return this.endedAts.get(at) === low(ms);
  }

  wasRevertedAt(at: number, ms: number): boolean {
    return this.revertedAts.get(at) === low(ms);
  }

  returnCount(at: number): number {
    return this.returnCounts.get(at);
  }

  /** Of all its returns, by `addReturn`. */
  returnSum(at: number): number {
    return this.returnSums.get(at);
  }
}

/** A sum that tells sets of returns apart, in whatever order they are added. */
export function addReturn(sum: number, returnId: string, atMs: number): number {
  let hash = low(atMs);
  for (let i = 0; i < returnId.length; i++) hash = Math.imul(hash ^ returnId.charCodeAt(i), 0x01000193);
  return (sum + (hash ^ (hash >>> 15))) >>> 0;
}

function low(ms: number | null): number {
  return (ms ?? 0) >>> 0;
}
