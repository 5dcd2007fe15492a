/**
 * Two nodes, one Redis, any interleaving of claims, flushes, changes, deaths in the midst of a change, and reads: a read
 * shows every claim that was acknowledged before it began, nothing that was never claimed, and of each coupon a state
 * that it had between the read's beginning and its end. What a node has changed that dies before it tells so counts as
 * acknowledged from its death on.
 */
import { randomBytes } from 'node:crypto';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { couponId } from '../../src/domain/coupon-id.ts';
import { RedisConnection } from '../../src/ledger/redis/redis-connection.ts';
import type { CouponRow, CouponStatus } from '../../src/ports.ts';
import { RedisWalletL2 } from '../../src/wallet/redis-wallet-l2.ts';
import { statusOf } from '../../src/wallet/wallet.ts';
import { Random } from '../support/random.ts';
import { NOW_MS, NodeMemory, query, VALID_MS, WalletShop } from './two-nodes.ts';

type State = CouponRow['state'];
/** Of the node that makes a change, before the store has it or after. */
type Death = 'announced' | 'stored' | null;

/** What is known of one coupon: its states in order, and how far their storing and announcing has come. */
interface Known {
  readonly id: number;
  readonly user: string;
  readonly validUntilMs: number;
  readonly states: State[];
  /** Index of the last state whose change was acknowledged. */
  acknowledged: number;
  changing: boolean;
}

type Step =
  | { kind: 'claim'; which: number; atMs: number }
  | { kind: 'flush'; count: number }
  | { kind: 'hear' | 'arrive' }
  | { kind: 'change'; pick: number; state: State; dies: Death }
  | { kind: 'page'; status: CouponStatus | null; late: boolean; limit: number }
  | { kind: 'coupon'; pick: number };

const nat = fc.nat(1_000);
const step: fc.Arbitrary<Step> = fc.oneof(
  {
    weight: 3,
    arbitrary: fc.record({ kind: fc.constant('claim' as const), which: fc.nat(1), atMs: fc.nat(3) }),
  },
  {
    weight: 2,
    arbitrary: fc.record({ kind: fc.constant('flush' as const), count: fc.integer({ min: 1, max: 5 }) }),
  },
  { weight: 2, arbitrary: fc.record({ kind: fc.constantFrom('hear', 'arrive') }) },
  {
    weight: 3,
    arbitrary: fc.record({
      kind: fc.constant('change' as const),
      pick: nat,
      state: fc.constantFrom<State>('usable', 'locked', 'used'),
      dies: fc.constantFrom<Death>(null, null, null, 'announced', 'stored'),
    }),
  },
  {
    weight: 6,
    arbitrary: fc.record({
      kind: fc.constant('page' as const),
      status: fc.constantFrom<(CouponStatus | null)[]>(null, null, 'usable', 'locked', 'used', 'expired'),
      late: fc.boolean(),
      limit: fc.constantFrom(2, 200),
    }),
  },
  { weight: 2, arbitrary: fc.record({ kind: fc.constant('coupon' as const), pick: nat }) },
);
const move = fc.record({ step, node: fc.nat(1), user: fc.constantFrom('1', '2') });
type Move = typeof move extends fc.Arbitrary<infer M> ? M : never;

class Trial {
  readonly coupons: Known[] = [];
  readonly shop: WalletShop;
  readonly nodes: NodeMemory[];
  deaths = 0;
  private readonly start: () => NodeMemory;
  flushing: Promise<void> = Promise.resolve();

  constructor(shop: WalletShop, start: () => NodeMemory) {
    this.shop = shop;
    this.start = start;
    this.nodes = [start(), start()];
  }

  async run({ step, node: at, user }: Move): Promise<void> {
    const node = this.nodes[at]!;
    const { shop } = this;
    switch (step.kind) {
      case 'claim': {
        const { templateId, serial, atMs } = shop.claim(node, user, step.which, NOW_MS + step.atMs);
        const id = couponId(templateId, serial);
        const validUntilMs = atMs + VALID_MS;
        this.coupons.push({ id, user, validUntilMs, states: ['usable'], acknowledged: 0, changing: false });
        return;
      }
      case 'flush':
        this.flushing = this.flushing.then(() => shop.flush(step.count));
        return this.flushing;
      case 'hear':
        // Told of its own claims only as they arrive: the engine counts what it knows.
        node.arrive(shop.claims);
        return shop.hear(node);
      case 'arrive':
        return node.arrive(shop.claims);
      case 'change':
        return this.change(at, step);
      case 'page':
        return this.page(node, user, step);
      case 'coupon':
        return this.one(node, step.pick);
    }
  }

  /** Like a redemption: the row is stored by then, and one change of a coupon is under way at a time. */
  private async change(at: number, { pick, state, dies }: Step & { kind: 'change' }): Promise<void> {
    const node = this.nodes[at]!;
    const stored = this.coupons.filter(({ changing }, i) => i < this.shop.flushed && !changing);
    const coupon = stored[pick % stored.length];
    if (coupon === undefined || (await this.shop.store.coupon(coupon.id)) === null || coupon.changing) return;
    coupon.changing = true;
    const change = await node.cache.announce(coupon.user, [coupon.id]);
    await this.shop.pause();
    if (dies !== 'announced') {
      coupon.states.push(state);
      this.shop.setState(coupon.id, state);
      await this.shop.pause();
    }
    if (dies === null) await node.cache.changed(coupon.user, [coupon.id], change);
    else this.die(at);
    coupon.acknowledged = coupon.states.length - 1;
    coupon.changing = false;
  }

  /** In its next life it has what the disk has. */
  private die(at: number): void {
    this.deaths++;
    this.nodes[at] = this.start();
    this.nodes[at].arrive(this.shop.claims);
  }

  private async page(
    node: NodeMemory,
    user: string,
    { status, late, limit }: Step & { kind: 'page' },
  ): Promise<void> {
    const nowMs = late ? NOW_MS + VALID_MS + 2 : NOW_MS;
    const mine = () => this.coupons.filter((coupon) => coupon.user === user);
    const before = new Map(mine().map((coupon) => [coupon.id, coupon.acknowledged]));
    const page = await node.wallet.page(query(user, { status, nowMs, limit }));
    const shown = new Map(page.map((row) => [row.couponId, row]));
    expect(shown.size).toBe(page.length);
    const sorted = [...page].sort((x, y) => y.claimedAtMs - x.claimedAtMs || y.couponId - x.couponId);
    expect(page).toEqual(sorted);
    const last = page.length === limit ? page.at(-1)! : null;
    for (const coupon of mine()) {
      const row = shown.get(coupon.id);
      shown.delete(coupon.id);
      const { validUntilMs } = coupon;
      const possible = coupon.states.slice(before.get(coupon.id) ?? 0);
      if (row !== undefined) {
        expect(possible).toContain(row.state);
        if (status !== null) expect(statusOf(row, nowMs)).toBe(status);
        continue;
      }
      if (!before.has(coupon.id)) continue;
      const place = { claimedAtMs: validUntilMs - VALID_MS, couponId: coupon.id };
      if (last !== null && (place.claimedAtMs - last.claimedAtMs || place.couponId - last.couponId) < 0)
        continue;
      const statuses = possible.map((state) => statusOf({ state, validUntilMs } as CouponRow, nowMs));
      expect(status !== null && statuses.some((one) => one !== status)).toBe(true);
    }
    expect([...shown.keys()]).toEqual([]);
  }

  private async one(node: NodeMemory, pick: number): Promise<void> {
    const coupon = this.coupons[pick % this.coupons.length];
    if (coupon === undefined) return;
    const { acknowledged } = coupon;
    const row = await node.wallet.coupon(coupon.id);
    expect(coupon.states.slice(acknowledged)).toContain(row?.state);
  }
}

test.each([
  ['long-lived entries', 60_000, 5_000],
  ['entries that expire all the time', 8, 2],
])('two nodes show what is so, with %s', async (_, ttlMs, l1TtlMs) => {
  const redis = new RedisConnection({ url: process.env.TEST_REDIS_URL! });
  await redis.connect();
  let [hits, loads, failures, deaths] = [0, 0, 0, 0];
  await fc.assert(
    fc.asyncProperty(
      fc.array(fc.array(move, { minLength: 1, maxLength: 6 }), { minLength: 1, maxLength: 12 }),
      fc.integer({ min: 0 }),
      async (rounds, seed) => {
        const shop = new WalletShop();
        await shop.open(2);
        const random = new Random(seed);
        shop.pause = async () => {
          if (random.below(3) === 0) await new Promise((resolve) => setTimeout(resolve, random.below(4)));
          else for (let turns = random.below(12); turns > 0; turns--) await null;
        };
        const installation = randomBytes(6).toString('hex');
        const lives: NodeMemory[] = [];
        const trial = new Trial(shop, () => {
          const node = new NodeMemory(shop, new RedisWalletL2({ redis, installation, ttlMs }), { l1TtlMs });
          lives.push(node);
          return node;
        });
        try {
          for (const round of rounds) await Promise.all(round.map((one) => trial.run(one)));
        } finally {
          deaths += trial.deaths;
          for (const { cache } of lives) {
            hits += cache.l1Hits + cache.l2Hits;
            loads += cache.loads;
            failures += cache.l2Failures;
          }
          await shop.close();
        }
      },
    ),
    { numRuns: 100 },
  );
  await redis.disconnect();
  expect(hits).toBeGreaterThan(100);
  expect(deaths).toBeGreaterThan(10);
  expect(loads).toBeGreaterThan(100);
  expect(failures).toBeLessThan(loads / 10);
});
