/**
 * Activities are opened, enlarged, made smaller and stopped while everything is sold and owners die, in any order of
 * messages: each unit is always in one place, and all that is offered sells to the last unit.
 */
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { Verdict } from '../../src/actors/verdict.ts';
import type { TakenUnits } from '../../src/catalog/engine-port.ts';
import type { Activity } from '../../src/domain/template.ts';
import { activity } from '../records/samples.ts';
import { LocalMarket, TEMPLATE, turn } from './local-market.ts';

const ACTIVITIES = [11, 12];

/** A market, and what it must come to. */
class Run {
  readonly market: LocalMarket;
  /** What of each activity is on offer, or null when it never was, or is over. */
  readonly offered = new Map<number, Activity>();
  private readonly over = new Set<number>();
  /** A change of pools under way: one at a time, as in the catalog. */
  private busy = false;
  failure: unknown = null;

  constructor(owners: number, partitions: number, total: number) {
    this.market = new LocalMarket(owners, partitions, total);
  }

  private change(work: () => Promise<void>): void {
    if (this.busy) return;
    this.busy = true;
    work().then(
      () => {
        this.busy = false;
      },
      (error: unknown) => {
        this.failure ??= error;
      },
    );
  }

  /** Opens it, or makes it larger. */
  enlarge(id: number, units: number): void {
    if (this.over.has(id)) return;
    const stock = (this.offered.get(id)?.stock ?? 0) + units;
    const wanted = activity({ id, templateId: TEMPLATE, stock, startsAtMs: 0, endsAtMs: 1e12 });
    this.change(async () => this.took(wanted, units, await this.market.resize(wanted)));
  }

  private took(wanted: Activity, needed: number, taken: TakenUnits): void {
    if (taken.ok) this.offered.set(wanted.id, wanted);
    else expect(taken.available).toBeLessThan(needed);
  }

  /** Takes units for it, cannot store that, and gives them back. */
  enlargeInVain(id: number, units: number): void {
    const known = this.offered.get(id);
    if (known === undefined) return;
    this.change(async () => {
      const { pools } = this.market;
      const taken = await pools.resizeActivity({ ...known, stock: known.stock + units });
      if (!taken.ok) return;
      expect(await pools.resizeActivity(known)).toEqual({ ok: true });
      // What was sold of it in between it keeps.
      const stock = Math.max(known.stock, this.market.claimed(id));
      this.offered.set(id, { ...known, stock });
      if (stock > known.stock) await this.market.resize({ ...known, stock });
    });
  }

  stop(id: number): void {
    const known = this.offered.get(id);
    if (known === undefined) return;
    this.change(async () => {
      this.over.add(id);
      this.offered.delete(id);
      await this.market.stop(known);
    });
  }

  raise(units: number): void {
    this.change(() => this.market.raise(units));
  }

  come(pool: number, users: number): void {
    if (pool === 0 || this.market.activity(pool) !== undefined) this.market.come(pool, users);
  }

  thread(at: number) {
    return this.market.threads[at % this.market.owners];
  }

  deliver(at: number, toMain: boolean, messages: number): void {
    const { index } = this.thread(at);
    for (let i = 0; i < messages; i++) this.market.deliver(index, toMain);
  }

  async finish(): Promise<void> {
    const { market } = this;
    await market.settle();
    if (this.failure !== null) throw this.failure;
    expect(this.busy).toBe(false);
    market.assertUnits();
    let ofActivities = 0;
    for (const id of ACTIVITIES) {
      const stock = this.offered.get(id)?.stock;
      if (stock !== undefined) await this.sellOut(id, stock);
      ofActivities += market.claimed(id);
    }
    await this.sellOut(0, market.view.template.total - ofActivities);
    market.assertUnits();
    const waiting = market.waiting.filter((pool) => !this.over.has(pool));
    expect(waiting).toEqual([]);
  }

  /** `units`: what must be claimed of the pool in the end. */
  private async sellOut(pool: number, units: number): Promise<void> {
    const { market } = this;
    const left = units - market.claimed(pool);
    const slots = market.come(pool, left + 3);
    await market.settle();
    const told = slots.map((slot) => market.answers[slot]);
    expect({ pool, claimed: market.claimed(pool) }).toEqual({ pool, claimed: units });
    expect(told.filter((verdict) => verdict === Verdict.claimed).length).toBe(left);
    expect(told.filter((verdict) => verdict === Verdict.soldOut).length).toBe(3);
  }
}

const pool = fc.constantFrom(0, ...ACTIVITIES);
const id = fc.constantFrom(...ACTIVITIES);
const owner = fc.nat(2);
const few = fc.integer({ min: 1, max: 30 });
const many = fc.integer({ min: 1, max: 150 });

type Step = [deed: keyof typeof DEEDS, at: number, amount: number];

const DEEDS = {
  come: (run: Run, at: number, users: number) => run.come(at, users),
  enlarge: (run: Run, at: number, units: number) => run.enlarge(at, units),
  enlargeInVain: (run: Run, at: number, units: number) => run.enlargeInVain(at, units),
  stop: (run: Run, at: number) => run.stop(at),
  raise: (run: Run, _at: number, units: number) => run.raise(units),
  toMain: (run: Run, at: number, messages: number) => run.deliver(at, true, messages),
  toOwner: (run: Run, at: number, messages: number) => run.deliver(at, false, messages),
  sync: (run: Run, at: number) => run.thread(at).sync(),
  die: (run: Run, at: number, kept: number) => run.thread(at).die(kept - 1),
  code: (run: Run) => run.market.code(),
  settle: (run: Run) => run.market.settle(),
};

function step(
  weight: number,
  deed: keyof typeof DEEDS,
  at: fc.Arbitrary<number>,
  amount: fc.Arbitrary<number>,
): fc.WeightedArbitrary<Step> {
  return { weight, arbitrary: fc.tuple(fc.constant(deed), at, amount) };
}

const steps = fc.array(
  fc.oneof(
    step(6, 'come', pool, few),
    step(5, 'toMain', owner, few),
    step(5, 'toOwner', owner, few),
    step(4, 'sync', owner, few),
    step(2, 'code', owner, few),
    step(3, 'enlarge', id, many),
    step(2, 'enlargeInVain', id, many),
    step(1, 'stop', id, few),
    step(1, 'raise', id, many),
    step(1, 'die', owner, fc.integer({ min: 1, max: 4 })),
    step(2, 'settle', owner, few),
  ),
  { maxLength: 60, size: 'max' },
);

const RUNS = Number(process.env.POOLS_RUNS ?? 150);

test('units that change pools while they are sold are lost to nobody', { timeout: 600_000 }, async () => {
  const places = fc.record({ owners: fc.integer({ min: 1, max: 3 }), partitions: fc.constantFrom(1, 2, 4) });
  await fc.assert(
    fc.asyncProperty(places, fc.nat(400), steps, async ({ owners, partitions }, total, all) => {
      const run = new Run(owners, partitions, total);
      await run.market.pools.start([run.market.view]);
      for (const [deed, at, amount] of all) {
        await DEEDS[deed](run, at, amount);
        await turn();
        run.market.assertUnits();
      }
      await run.finish();
    }),
    { numRuns: RUNS },
  );
});
