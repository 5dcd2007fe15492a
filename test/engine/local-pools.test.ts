/** Pools whose units are all in this process: units change pools while they are sold. */
import { describe, expect, test, vi } from 'vitest';
import { Verdict } from '../../src/actors/verdict.ts';
import { Unavailable } from '../../src/problems.ts';
import { activity } from '../records/samples.ts';
import { LocalMarket, TEMPLATE } from './local-market.ts';

const GENERAL = { templateId: TEMPLATE, activityId: 0 };
const NOON = { templateId: TEMPLATE, activityId: 12 };

function noon(stock: number) {
  return activity({ id: 12, templateId: TEMPLATE, stock, startsAtMs: 0, endsAtMs: 1e12 });
}

async function opened(total: number, stock: number, owners = 1): Promise<LocalMarket> {
  const market = new LocalMarket(owners, owners, total);
  await market.pools.start([market.view]);
  const taken = market.resize(noon(stock));
  await market.settle();
  expect(await taken).toEqual({ ok: true });
  await market.settle();
  return market;
}

/** How many of `users` get a unit, all messages delivered. */
async function sell(market: LocalMarket, activityId: number, users: number): Promise<number> {
  const slots = market.come(activityId, users);
  await market.settle();
  return slots.filter((slot) => market.answers[slot] === Verdict.claimed).length;
}

/** All it has left is leased, so the next units sold are known to no message. */
async function leaseAll(market: LocalMarket, activityId: number): Promise<void> {
  const ref = { templateId: TEMPLATE, activityId };
  while (market.free(ref) > 0) {
    for (const thread of market.threads) {
      for (const actor of thread.owner.allActors())
        market.desk.lease(
          ref,
          { owner: thread.index, partition: actor.partition },
          actor.pools.get(activityId)!.epoch,
          [],
        );
    }
    await market.settle();
  }
}

describe('an activity that is enlarged', () => {
  test('has all its new stock to sell though sales were not reported yet', async () => {
    const market = await opened(1_000, 100);
    await leaseAll(market, 12);
    expect(market.desk.ledger.stock(NOON)).toMatchObject({ free: 0, leased: 100 });
    expect(await sell(market, 12, 60)).toBe(60);
    // Durable, counted, and still in the owner's slice as far as the ledger knows.
    expect(market.view.pools.get(12)!.claimedUnits).toBe(60);
    expect(market.desk.ledger.stock(NOON).leased).toBe(100);
    const taken = market.resize(noon(150));
    await market.settle();
    expect(await taken).toEqual({ ok: true });
    expect([market.units(NOON), market.units(GENERAL)]).toEqual([150, 850]);
    expect(await sell(market, 12, 200)).toBe(90);
    expect(await sell(market, 0, 1_000)).toBe(850);
  });

  test('takes no more than its new stock while codes of the old one are being made', async () => {
    // More than codes are made ahead for: what the activity gets has none yet.
    const market = await opened(400_000, 1);
    await market.resize(noon(100_000));
    expect(market.making.length).toBe(1);
    const taken = market.resize(noon(120_000));
    await market.settle();
    expect(await taken).toEqual({ ok: true });
    expect([market.units(NOON), market.units(GENERAL)]).toEqual([120_000, 280_000]);
  });

  test('gets units that were leased while codes were being made, by asking for them back', async () => {
    const market = await opened(300, 100);
    await market.raise(1);
    expect(market.making.length).toBe(1);
    const taken = market.resize(noon(250));
    await leaseAll(market, 0);
    await market.settle();
    expect(await taken).toEqual({ ok: true });
    expect([market.units(NOON), market.units(GENERAL)]).toEqual([250, 51]);
  });

  test('may be told again, which moves nothing', async () => {
    const market = await opened(1_000, 100);
    await leaseAll(market, 12);
    await sell(market, 12, 60);
    for (let i = 0; i < 2; i++) expect(await market.pools.resizeActivity(noon(100))).toEqual({ ok: true });
    expect([market.units(NOON), market.units(GENERAL)]).toEqual([100, 900]);
  });

  test('beyond what is left is refused with just what is unsold, and nothing was moved', async () => {
    const market = await opened(300, 100, 2);
    await sell(market, 0, 77);
    const taken = market.resize(noon(301));
    await market.settle();
    expect(await taken).toEqual({ ok: false, available: 200 - 77 });
    expect([market.units(NOON), market.units(GENERAL)]).toEqual([100, 200]);
    expect(await sell(market, 0, 300)).toBe(200 - 77);
  });
});

describe('an activity that is made smaller, because its growth could not be stored', () => {
  test('gives the difference back, from free units or out of slices', async () => {
    for (const isLeased of [false, true]) {
      const market = await opened(1_000, 100);
      if (isLeased) await leaseAll(market, 12);
      expect(await sell(market, 12, 60)).toBe(60);
      const taken = market.pools.resizeActivity(noon(80));
      await market.settle();
      expect(await taken).toEqual({ ok: true });
      expect([market.units(NOON), market.units(GENERAL)]).toEqual([80, 920]);
      expect(await sell(market, 12, 50)).toBe(20);
      market.assertUnits();
    }
  });

  test('keeps what was sold meanwhile, and is not asked for it for ever', async () => {
    const market = await opened(1_000, 100);
    expect(await sell(market, 12, 60)).toBe(60);
    for (let i = 0; i < 2; i++) {
      const taken = market.pools.resizeActivity(noon(40));
      await market.settle();
      expect(await taken).toEqual({ ok: true });
      expect([market.units(NOON), market.units(GENERAL)]).toEqual([60, 940]);
    }
    expect(await sell(market, 12, 5)).toBe(0);
  });
});

test('an activity that is stopped gives back what it did not sell, sales that were not reported left out', async () => {
  const market = await opened(1_000, 100, 2);
  await leaseAll(market, 12);
  expect(await sell(market, 12, 60)).toBe(60);
  const stopped = market.stop(noon(100));
  await market.settle();
  await stopped;
  expect([market.desk.ledger.isOpen(NOON), market.claimed(12), market.units(GENERAL)]).toEqual([
    false,
    60,
    940,
  ]);
  // Told again, as after a failure: nothing is there any more.
  await market.pools.closeActivity(noon(100));
  expect(await sell(market, 0, 2_000)).toBe(940);
});

test('a new start gives each active activity what is left of its stock, and it grows from there', async () => {
  const market = await opened(300, 100, 2);
  expect(await sell(market, 12, 60)).toBe(60);
  expect(await sell(market, 0, 25)).toBe(25);
  // The next process: the same claims, nothing else.
  const next = new LocalMarket(2, 2, 300, market);
  await next.pools.start([next.view]);
  await next.settle();
  expect([next.units(NOON), next.units(GENERAL)]).toEqual([100, 200]);
  const taken = next.resize(noon(130));
  await next.settle();
  expect(await taken).toEqual({ ok: true });
  expect(await sell(next, 12, 300)).toBe(70);
  expect(await sell(next, 0, 300)).toBe(145);
});

test('units whose holders do not answer are waited for only so long, then nothing is changed', async () => {
  const market = await opened(300, 100);
  await leaseAll(market, 0);
  await leaseAll(market, 12);
  for (const change of [
    () => market.pools.resizeActivity(noon(150)),
    () => market.pools.resizeActivity(noon(50)),
  ]) {
    vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] });
    try {
      const refused = expect(change()).rejects.toThrow(Unavailable);
      await vi.advanceTimersByTimeAsync(5_000);
      await refused;
    } finally {
      vi.useRealTimers();
    }
    await market.settle();
    expect([market.units(NOON), market.units(GENERAL)]).toEqual([100, 200]);
  }
  expect([await sell(market, 12, 300), await sell(market, 0, 300)]).toEqual([100, 200]);
});
