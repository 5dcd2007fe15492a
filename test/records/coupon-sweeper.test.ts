/** What time does to coupons is written behind them: all there is, at once, and neither kind waits for the other. */
import { afterEach, expect, test } from 'vitest';
import type { Swept } from '../../src/ports-coupons.ts';
import { keepCouponsSwept, type SweepListener } from '../../src/records/coupon-sweeper.ts';
import { until } from '../support/wait.ts';

const NOTHING: Swept = { coupons: [], lateMs: 0 };

const cleanups: (() => Promise<void>)[] = [];
afterEach(async () => {
  for (const cleanup of cleanups.splice(0).reverse()) await cleanup();
});

function sweptOf(count: number): Swept {
  return { coupons: Array.from({ length: count }, (_, i) => ({ couponId: i, userId: '1' })), lateMs: 7 };
}

class Heard implements SweepListener {
  readonly counts: number[] = [];
  readonly failures: unknown[] = [];

  swept(coupons: number): void {
    this.counts.push(coupons);
  }

  failed(error: unknown): void {
    this.failures.push(error);
  }
}

/** An answer that comes when it is let go. */
function held(): { readonly answer: Promise<Swept>; readonly letGo: (swept: Swept) => void } {
  let letGo: (swept: Swept) => void = () => {};
  const answer = new Promise<Swept>((resolve) => {
    letGo = resolve;
  });
  return { answer, letGo };
}

/** Answers full sweeps, so many, and none after them. */
function full(sweeps: number): { asked: number; readonly sweep: (limit: number) => Promise<Swept> } {
  const state = {
    asked: 0,
    sweep: async (limit: number) => (++state.asked <= sweeps ? sweptOf(limit) : NOTHING),
  };
  return state;
}

test('locks that take long hold up no coupons that expire', async () => {
  const heard = new Heard();
  const expiry = full(3);
  const { answer, letGo } = held();
  cleanups.push(keepCouponsSwept({ expireSome: expiry.sweep, lapseSome: () => answer }, heard));
  cleanups.push(async () => letGo(NOTHING));
  await until(() => expiry.asked > 4, 'expiry goes on');
  expect(heard.counts).toHaveLength(3);
});

test('nor do locks that cannot be released, which are left for some time', async () => {
  const heard = new Heard();
  const expiry = full(1);
  let locks = 0;
  const lapseSome = async (): Promise<Swept> => {
    locks++;
    throw new Error('away');
  };
  cleanups.push(keepCouponsSwept({ expireSome: expiry.sweep, lapseSome }, heard));
  await until(() => expiry.asked > 3, 'expiry goes on');
  expect([heard.failures, heard.counts.length, locks]).toEqual([[new Error('away')], 1, 1]);
});

test('stopping waits for what is under way', async () => {
  const heard = new Heard();
  const { answer, letGo } = held();
  const stop = keepCouponsSwept({ expireSome: () => answer, lapseSome: async () => NOTHING }, heard);
  let isStopped = false;
  const stopping = stop().then(() => {
    isStopped = true;
  });
  await new Promise(setImmediate);
  expect(isStopped).toBe(false);
  letGo(sweptOf(2));
  await stopping;
  expect(heard.counts).toEqual([2]);
});
