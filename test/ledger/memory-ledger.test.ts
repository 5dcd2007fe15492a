import { describe, expect, test } from 'vitest';
import { SLICE_UNITS_MAX, SLICE_UNITS_MIN } from '../../src/limits.ts';
import { holder, LedgerStage, REF, runOf } from './ledger-stage.ts';

describe('slices', () => {
  test('shrink as the pool drains, between the bounds', () => {
    const stage = new LedgerStage(runOf(0, 400_000));
    let epoch = 0;
    const sizes: number[] = [];
    while (stage.ledger.stock(REF).free > 0) {
      const grant = stage.granted(1, epoch);
      epoch = grant.epoch;
      sizes.push(grant.ranges.reduce((sum, { from, to }) => sum + to - from, 0));
    }
    expect(sizes[0]).toBe(SLICE_UNITS_MAX);
    for (let i = 1; i < sizes.length; i++) expect(sizes[i]).toBeLessThanOrEqual(sizes[i - 1]);
    expect(sizes.at(-2)).toBe(SLICE_UNITS_MIN);
    expect(sizes.reduce((a, b) => a + b)).toBe(400_000);
  });

  test('leave something for the others', () => {
    const stage = new LedgerStage(runOf(0, 4000));
    for (const owner of [1, 2, 3]) stage.granted(owner);
    expect(stage.ledger.stock(REF).free).toBeGreaterThan(1000);
  });
});

describe('epochs', () => {
  test('fence a holder that was reclaimed: it can change nothing', () => {
    const stage = new LedgerStage(runOf(0, 10));
    const { epoch } = stage.granted(1);
    stage.ledger.reclaim(1, () => false);
    const before = stage.ledger.snapshot();
    expect(stage.lease(1, epoch, runOf(0, 5))).toEqual({ kind: 'fenced' });
    expect(stage.giveBack(1, epoch, runOf(0, 5), runOf(5, 10))).toBe(false);
    expect(stage.ledger.snapshot()).toEqual(before);
  });

  test('differ from life to life of a holder', () => {
    const stage = new LedgerStage(runOf(0, 10));
    const { epoch } = stage.granted(1);
    stage.ledger.reclaim(1, () => false);
    expect(stage.granted(1).epoch).toBeGreaterThan(epoch);
    expect(stage.lease(1, epoch)).toEqual({ kind: 'fenced' });
  });

  test('fence a holder that forgot its lease', () => {
    const stage = new LedgerStage(runOf(0, 10));
    stage.granted(1);
    expect(stage.lease(1, 0)).toEqual({ kind: 'fenced' });
  });

  test('are told only with units: a holder that was refused may come again without one', () => {
    const stage = new LedgerStage([]);
    expect(stage.lease(1)).toEqual({ kind: 'exhausted' });
    stage.ledger.add(REF, runOf(0, 5));
    stage.granted(1);
  });
});

describe('exhausted', () => {
  test('is not said while the asker itself holds something unreported', () => {
    const stage = new LedgerStage(runOf(0, 10));
    const { epoch } = stage.granted(1);
    expect(stage.lease(1, epoch)).toEqual({ kind: 'recalling' });
    expect(stage.lease(1, epoch, runOf(0, 9))).toEqual({ kind: 'recalling' });
    expect(stage.recalled).toEqual([]);
    expect(stage.lease(1, epoch, runOf(9, 10))).toEqual({ kind: 'exhausted' });
  });

  test('is not said while another holds something: that one is asked, once', () => {
    const stage = new LedgerStage(runOf(0, 10));
    const { epoch } = stage.granted(1);
    expect(stage.lease(2)).toEqual({ kind: 'recalling' });
    expect(stage.lease(3)).toEqual({ kind: 'recalling' });
    expect(stage.recalled).toEqual([{ owner: 1, all: false }]);
    stage.giveBack(1, epoch, runOf(0, 4), runOf(4, 10));
    expect(stage.replenished.sort()).toEqual([2, 3]);
    expect(stage.granted(2).ranges).toEqual(runOf(4, 10));
  });

  test('is news for those who wait when the last report comes, by a return or with a request', () => {
    const returned = new LedgerStage(runOf(0, 10));
    const { epoch } = returned.granted(1);
    returned.lease(2);
    returned.giveBack(1, epoch, runOf(0, 9), []);
    expect(returned.replenished).toEqual([]);
    returned.giveBack(1, epoch, runOf(9, 10), []);
    expect(returned.replenished).toEqual([2]);

    const requested = new LedgerStage(runOf(0, 10));
    requested.granted(1);
    requested.lease(2);
    requested.lease(1, 1, runOf(0, 10));
    expect(requested.replenished).toEqual([2]);
  });

  test('is not said while units are on their way into the pool', () => {
    const stage = new LedgerStage([]);
    stage.ledger.expect(REF, true);
    expect(stage.lease(1)).toEqual({ kind: 'recalling' });
    expect(stage.ledger.isExhausted(REF)).toBe(false);
    stage.ledger.expect(REF, false);
    expect(stage.replenished).toEqual([1]);
    expect(stage.lease(1)).toEqual({ kind: 'exhausted' });
  });

  test('holders are not sent asking again when nothing more is expected and nothing was before', () => {
    const stage = new LedgerStage([]);
    expect(stage.lease(1)).toEqual({ kind: 'exhausted' });
    stage.ledger.expect(REF, false);
    expect(stage.replenished).toEqual([]);
  });

  test('holders are told when units are added', () => {
    const stage = new LedgerStage([]);
    stage.lease(1);
    stage.ledger.add(REF, runOf(0, 3));
    expect(stage.replenished).toEqual([1]);
    expect(stage.granted(1).ranges).toEqual(runOf(0, 3));
  });
});

describe('holding a pool', () => {
  test('stops granting, asks every holder for everything, and tells those who wait when it ends', () => {
    const stage = new LedgerStage(runOf(0, 1000));
    stage.granted(1);
    stage.granted(2);
    stage.ledger.hold(REF, true);
    expect(stage.recalled).toEqual([
      { owner: 1, all: true },
      { owner: 2, all: true },
    ]);
    expect(stage.lease(3)).toEqual({ kind: 'recalling' });
    stage.ledger.hold(REF, false);
    expect(stage.replenished).toEqual([3]);
    stage.granted(3);
  });

  test('asks also a holder that was asked for a part before', () => {
    const stage = new LedgerStage(runOf(0, 10));
    stage.granted(1);
    stage.lease(2);
    stage.ledger.hold(REF, true);
    expect(stage.recalled).toEqual([
      { owner: 1, all: false },
      { owner: 1, all: true },
    ]);
  });

  test('is not exhausted, whatever is left', () => {
    const stage = new LedgerStage([]);
    stage.ledger.hold(REF, true);
    expect(stage.lease(1)).toEqual({ kind: 'recalling' });
    expect(stage.ledger.isExhausted(REF)).toBe(false);
  });
});

describe('an owner that is gone', () => {
  test('leaves what it sold durably sold, and the rest free for those who wait', () => {
    const stage = new LedgerStage(runOf(0, 10));
    stage.granted(1);
    stage.lease(2);
    stage.ledger.reclaim(1, (templateId, serial) => templateId === 1 && serial < 4);
    expect(stage.replenished).toEqual([2]);
    expect(stage.granted(2).ranges).toEqual(runOf(4, 10));
    expect(stage.ledger.stock(REF)).toEqual({ total: 6, free: 0, leased: 6 });
  });

  test('ends the leases of all its partitions and of no other owner', () => {
    const stage = new LedgerStage(runOf(0, 1000));
    for (const one of [holder(1, 0), holder(1, 2), holder(2, 1)]) stage.ledger.lease(REF, one, 0, []);
    stage.ledger.reclaim(1, () => false);
    expect(stage.ledger.snapshot()[0].leases.map((lease) => lease.holder)).toEqual([holder(2, 1)]);
  });

  test('with nothing left anywhere: those who wait learn that it is over', () => {
    const stage = new LedgerStage(runOf(0, 10));
    stage.granted(1);
    stage.lease(2);
    stage.ledger.reclaim(1, () => true);
    expect(stage.replenished).toEqual([2]);
    expect(stage.lease(2)).toEqual({ kind: 'exhausted' });
  });
});

describe('a pool', () => {
  test('gives exactly what is asked, or nothing', () => {
    const stage = new LedgerStage(runOf(0, 10));
    expect(stage.ledger.take(REF, 11)).toBeNull();
    expect(stage.ledger.take(REF, 4)).toEqual(runOf(0, 4));
    expect(stage.ledger.stock(REF)).toEqual({ total: 6, free: 6, leased: 0 });
  });

  test('is closed with what is free, but not while units are leased', () => {
    const stage = new LedgerStage(runOf(0, 10));
    const { epoch } = stage.granted(1);
    expect(() => stage.ledger.close(REF)).toThrow('leased units');
    stage.giveBack(1, epoch, runOf(0, 1), runOf(1, 10));
    expect(stage.ledger.close(REF)).toEqual(runOf(1, 10));
    expect(stage.lease(1, epoch)).toEqual({ kind: 'closed' });
    expect(stage.giveBack(1, epoch, [], [])).toBe(false);
    expect(stage.ledger.close(REF)).toEqual([]);
  });

  test('is opened once, and must be open to be changed', () => {
    const stage = new LedgerStage([]);
    expect(() => stage.ledger.open(REF, [])).toThrow('open already');
    stage.ledger.close(REF);
    expect(() => stage.ledger.add(REF, runOf(0, 1))).toThrow('not open');
    expect(stage.ledger.isExhausted(REF)).toBe(false);
  });

  test('refuses a report of units that are not in the lease', () => {
    const stage = new LedgerStage(runOf(0, 1000));
    const { epoch } = stage.granted(1);
    expect(() => stage.lease(1, epoch, runOf(990, 991))).toThrow('not in the set');
  });
});
