import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { AddressRateLimiter } from '../../src/auth/address-rate-limit.ts';
import { RateLimiter, rateShare } from '../../src/auth/rate-limit.ts';

/** The same rule with all the memory in the world. */
class Model {
  readonly tats = new Map<string, number>();
  readonly perSecond: number;
  constructor(perSecond: number) {
    this.perSecond = perSecond;
  }
  admit(lo: number, hi: number, nowMs: number): number {
    const intervalMs = 1000 / this.perSecond;
    const aheadMs = Math.max(0, (this.tats.get(`${lo},${hi}`) ?? 0) - nowMs);
    const overMs = aheadMs - intervalMs * (2 * this.perSecond - 1);
    if (overMs > 1e-6) return Math.ceil(overMs);
    this.tats.set(`${lo},${hi}`, nowMs + aheadMs + intervalMs);
    return 0;
  }
}

const calls = fc.array(
  fc.record({
    user: fc.integer({ min: 0, max: 30 }),
    waitMs: fc.oneof(fc.constant(0), fc.integer({ min: 0, max: 900 })),
  }),
  { maxLength: 400 },
);

test('admits and refuses like the model', () => {
  fc.assert(
    fc.property(calls, fc.integer({ min: 1, max: 20 }), fc.nat(), (list, perSecond, seed) => {
      const limiter = new RateLimiter(perSecond, { seed });
      const model = new Model(perSecond);
      let nowMs = 1_000_000;
      for (const { user, waitMs } of list) {
        nowMs += waitMs;
        expect(limiter.admit(user, user * 7, nowMs)).toBe(model.admit(user, user * 7, nowMs));
      }
    }),
  );
});

test('like the model also while the table grows under many users', () => {
  const limiter = new RateLimiter(2, { seed: 1 });
  const model = new Model(2);
  for (let i = 0; i < 100_000; i++) {
    const lo = (i * 7919) % 20_011;
    const nowMs = 5000 + i / 50;
    expect(limiter.admit(lo, 1, nowMs)).toBe(model.admit(lo, 1, nowMs));
  }
  expect(limiter.entries).toBeGreaterThan(1024);
});

describe('one user', () => {
  test('gets a burst of twice the rate, then the rate', () => {
    const limiter = new RateLimiter(5);
    const burst = Array.from({ length: 11 }, () => limiter.admit(1, 0, 1000));
    expect(burst).toEqual([0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 200]);
    expect(limiter.admit(1, 0, 1199)).toBe(1);
    expect(limiter.admit(1, 0, 1200)).toBe(0);
    expect(limiter.admit(1, 0, 1200)).toBe(200);
    expect(limiter.admit(2, 0, 1200)).toBe(0);
    expect(limiter.admit(1, 1, 1200)).toBe(0);
  });

  test('is admitted after the wait it was told, at any rate', () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 1, max: 1000 }),
        fc.double({ min: 1, max: 1e12, noNaN: true }),
        (rate, nowMs) => {
          const limiter = new RateLimiter(rate);
          let waitMs = 0;
          for (let i = 0; i <= 2 * rate && waitMs === 0; i++) waitMs = limiter.admit(3, 4, nowMs);
          expect(waitMs).toBeGreaterThan(0);
          expect(limiter.admit(3, 4, nowMs + waitMs)).toBe(0);
        },
      ),
    );
  });

  test('is not shut out by a clock that is set back', () => {
    const limiter = new RateLimiter(1);
    limiter.admit(1, 0, 1e9);
    expect(limiter.admit(1, 0, 1000)).toBe(0);
  });
});

test('limiters of several threads count in one table like one', () => {
  fc.assert(
    fc.property(calls, fc.integer({ min: 1, max: 20 }), (all, perSecond) => {
      const share = rateShare(4096);
      const limiters = [0, 1, 2].map(() => new RateLimiter(perSecond, { share }));
      const model = new Model(perSecond);
      let nowMs = 1_790_000_000_000;
      for (const [i, { user, waitMs }] of all.entries()) {
        nowMs += waitMs;
        expect(limiters[i % 3]!.admit(user, 7, nowMs)).toBe(model.admit(user, 7, nowMs));
      }
    }),
    { numRuns: 50 },
  );
});

test('a lock that was left by a thread that ended does not keep the others', () => {
  const share = rateShare(4096);
  new Int32Array(share.locks).fill(1);
  const limiter = new RateLimiter(1, { share });
  expect([limiter.admit(5, 0, 1000), limiter.admit(5, 0, 1000), limiter.admit(5, 0, 1000)]).toEqual([
    0, 0, 1000,
  ]);
});

test('0 is off', () => {
  const limiter = new RateLimiter(0);
  for (let i = 0; i < 1000; i++) expect(limiter.admit(1, 0, 5)).toBe(0);
});

test('at its bound it stays there, and the entry nearest to empty gives way', () => {
  const limiter = new RateLimiter(1, { entriesMax: 8, seed: 3 });
  for (let user = 1; user <= 8; user++) expect(limiter.admit(user, 0, 1000)).toBe(0);
  for (let user = 2; user <= 8; user++) expect(limiter.admit(user, 0, 1000)).toBe(0);
  expect(limiter.admit(9, 0, 1000)).toBe(0);
  expect(limiter.entries).toBe(8);
  for (let user = 2; user <= 8; user++) expect(limiter.admit(user, 0, 1000)).toBe(1000);
});

describe('addresses', () => {
  const v4 = (...bytes: number[]) => Uint8Array.from(bytes);
  const v6 = (text: string) =>
    Uint8Array.from(
      text.split(':').flatMap((w) => [Number.parseInt(w, 16) >> 8, Number.parseInt(w, 16) & 255]),
    );
  const spend = (limiter: AddressRateLimiter, address: Uint8Array) => {
    while (limiter.admit(address, 1000) === 0);
  };

  test('each IPv4 address counts for itself', () => {
    const limiter = new AddressRateLimiter(1);
    spend(limiter, v4(192, 0, 2, 1));
    expect(limiter.admit(v4(192, 0, 2, 2), 1000)).toBe(0);
    expect(limiter.admit(v4(0, 0, 0, 0), 1000)).toBe(0);
  });

  test('IPv4 shown as IPv6 is the same address', () => {
    const limiter = new AddressRateLimiter(1);
    spend(limiter, v4(192, 0, 2, 1));
    expect(limiter.admit(v6('0:0:0:0:0:ffff:c000:0201'), 1000)).toBeGreaterThan(0);
    expect(limiter.admit(v6('0:0:0:0:0:ffff:c000:0202'), 1000)).toBe(0);
  });

  test('IPv6 counts by its first 64 bits', () => {
    const limiter = new AddressRateLimiter(1);
    spend(limiter, v6('2001:db8:1:2:0:0:0:1'));
    expect(limiter.admit(v6('2001:db8:1:2:ffff:0:0:9'), 1000)).toBeGreaterThan(0);
    expect(limiter.admit(v6('2001:db8:1:3:0:0:0:1'), 1000)).toBe(0);
  });

  test('what is no address is admitted', () => {
    const limiter = new AddressRateLimiter(1);
    for (let i = 0; i < 10; i++) expect(limiter.admit(new Uint8Array(0), 1000)).toBe(0);
  });
});
