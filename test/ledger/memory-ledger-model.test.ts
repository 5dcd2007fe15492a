/** Every unit is free, in exactly one lease, or sold: after any calls, also of holders that are fenced. */
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { SerialRange } from '../../src/ports.ts';
import { LedgerStage, REF, runOf } from './ledger-stage.ts';

const OWNERS = 3;

/** A holder as it sees itself. */
interface Seen {
  epoch: number;
  /** Serials of its lease, not sold. */
  held: number[];
  /** Serials sold, not reported. */
  sold: number[];
  waits: boolean;
}

function serialsOf(ranges: readonly SerialRange[]): number[] {
  return ranges.flatMap(({ from, to }) => Array.from({ length: to - from }, (_, i) => from + i));
}

function units(serials: readonly number[]): SerialRange[] {
  return serials.map((serial) => ({ from: serial, to: serial + 1 }));
}

class Shop {
  total = 0;
  readonly soldUnits = new Set<number>();
  readonly outside = new Set<number>();
  readonly stage = new LedgerStage([]);
  holders: Seen[] = Array.from({ length: OWNERS }, () => ({ epoch: 0, held: [], sold: [], waits: false }));
  readonly ghosts: { owner: number; seen: Seen }[] = [];
  held = false;
  expecting = false;

  lease(owner: number): void {
    const seen = this.holders[owner];
    const outcome = this.stage.lease(owner, seen.epoch, units(seen.sold));
    seen.sold = [];
    if (outcome.kind === 'granted') {
      seen.epoch = outcome.epoch;
      seen.held.push(...serialsOf(outcome.ranges));
    }
    if (outcome.kind === 'exhausted') {
      const left = this.holders.some(({ held, sold }) => held.length + sold.length > 0);
      expect([left, this.held, this.expecting, this.soldUnits.size + this.outside.size]).toEqual([
        false,
        false,
        false,
        this.total,
      ]);
    }
    expect(outcome.kind).not.toBe('fenced');
    seen.waits = outcome.kind !== 'granted';
    this.told();
  }

  sell(owner: number, n: number): void {
    const seen = this.holders[owner];
    const sold = seen.held.splice(0, n);
    seen.sold.push(...sold);
    for (const serial of sold) this.soldUnits.add(serial);
  }

  giveBack(owner: number, n: number): void {
    const seen = this.holders[owner];
    if (seen.epoch === 0) return;
    const back = seen.held.splice(Math.max(0, seen.held.length - n));
    expect(this.stage.giveBack(owner, seen.epoch, units(seen.sold), units(back))).toBe(true);
    seen.sold = [];
    this.told();
  }

  /** The owner dies; what it believed stays behind as a ghost that goes on calling. */
  reclaim(owner: number): void {
    this.ghosts.push({ owner, seen: this.holders[owner] });
    this.holders[owner] = { epoch: 0, held: [], sold: [], waits: false };
    this.stage.ledger.reclaim(owner, (_templateId, serial) => this.soldUnits.has(serial));
    this.told();
  }

  haunt(n: number): void {
    const ghost = this.ghosts[n % Math.max(1, this.ghosts.length)];
    if (ghost === undefined || ghost.seen.epoch === 0) return;
    const before = this.stage.ledger.snapshot();
    const { epoch, held, sold } = ghost.seen;
    expect(this.stage.lease(ghost.owner, epoch, units(sold)).kind).toBe('fenced');
    expect(this.stage.giveBack(ghost.owner, epoch, units(sold), units(held))).toBe(false);
    expect(this.stage.ledger.snapshot()).toEqual(before);
  }

  add(n: number): void {
    this.stage.ledger.add(REF, runOf(this.total, this.total + n));
    this.total += n;
    this.told();
  }

  take(n: number): void {
    for (const serial of serialsOf(this.stage.ledger.take(REF, n) ?? [])) this.outside.add(serial);
  }

  hold(held: boolean): void {
    this.held = held;
    this.stage.ledger.hold(REF, held);
    this.told();
  }

  expect(expecting: boolean): void {
    this.expecting = expecting;
    this.stage.ledger.expect(REF, expecting);
    this.told();
  }

  /** Those who were told need not wait any more: they may ask again. */
  told(): void {
    for (const owner of this.stage.replenished.splice(0)) this.holders[owner].waits = false;
  }

  check(): void {
    const [pool] = this.stage.ledger.snapshot();
    const leased = pool.leases.flatMap(({ serials }) => serialsOf(serials));
    const reported = [...this.soldUnits].filter((serial) => !leased.includes(serial));
    const all = [...serialsOf(pool.free), ...leased, ...reported, ...this.outside];
    expect(all.sort((a, b) => a - b)).toEqual(Array.from({ length: this.total }, (_, serial) => serial));
    for (const { holder, epoch, serials } of pool.leases) {
      const seen = this.holders[holder.owner];
      expect(epoch).toBe(seen.epoch);
      expect(serialsOf(serials)).toEqual([...seen.held, ...seen.sold].sort((a, b) => a - b));
    }
    // Nobody may wait while there is something to be had.
    if (!this.held && pool.free.length > 0)
      expect(this.holders.map(({ waits }) => waits)).not.toContain(true);
  }
}

const owner = fc.nat(OWNERS - 1);
const n = fc.integer({ min: 1, max: 90 });
const step: fc.Arbitrary<(shop: Shop) => void> = fc.oneof(
  { weight: 5, arbitrary: owner.map((o) => (shop: Shop) => shop.lease(o)) },
  {
    weight: 4,
    arbitrary: fc.tuple(owner, n).map(
      ([o, k]) =>
        (shop: Shop) =>
          shop.sell(o, k),
    ),
  },
  {
    weight: 3,
    arbitrary: fc.tuple(owner, n).map(
      ([o, k]) =>
        (shop: Shop) =>
          shop.giveBack(o, k),
    ),
  },
  { weight: 1, arbitrary: owner.map((o) => (shop: Shop) => shop.reclaim(o)) },
  { weight: 1, arbitrary: fc.nat(9).map((k) => (shop: Shop) => shop.haunt(k)) },
  { weight: 2, arbitrary: n.map((k) => (shop: Shop) => shop.add(k)) },
  { weight: 1, arbitrary: n.map((k) => (shop: Shop) => shop.take(k)) },
  { weight: 1, arbitrary: fc.boolean().map((held) => (shop: Shop) => shop.hold(held)) },
  { weight: 1, arbitrary: fc.boolean().map((on) => (shop: Shop) => shop.expect(on)) },
);

describe('the memory ledger', () => {
  test('loses no unit, doubles none, and lets nobody wait for units that are there', () => {
    fc.assert(
      fc.property(fc.array(step, { maxLength: 60, size: 'max' }), (steps) => {
        const shop = new Shop();
        for (const one of steps) {
          one(shop);
          shop.check();
        }
        // At the end whoever asks long enough has everything sold.
        shop.hold(false);
        shop.expect(false);
        for (let round = 0; round < 3; round++) {
          for (let o = 0; o < OWNERS; o++) {
            for (let k = 0; k < 20; k++) {
              shop.sell(o, 1000);
              shop.lease(o);
            }
            shop.check();
          }
        }
        expect(shop.soldUnits.size + shop.outside.size).toBe(shop.total);
        expect(shop.stage.ledger.isExhausted(REF)).toBe(true);
      }),
      { numRuns: 60 },
    );
  });
});
