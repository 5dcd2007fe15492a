/** Owners and main on a machine that is busy with other things: messages take as long as claims wait, or longer. */
import { expect, test } from 'vitest';
import { Verdict } from '../../src/actors/verdict.ts';
import type { SimTemplate } from './catalog.ts';
import { realParts } from './parts.ts';
import type { Random } from './random.ts';
import { simulate } from './simulation.ts';
import { tellOwners } from './view.ts';
import { World } from './world.ts';

const SEEDS = Number(process.env.SIM_SLOW_SEEDS ?? 100);
const LANES = 16;
const LOOK_US = 2_000;
/** As a client of the contract comes again, at the earliest. */
const AGAIN_US = 10_000;
const ANSWER_US = 20_000_000;
const SELL_OUT_US = 600_000_000;
/** One way of a message. */
const HOP_US = 500_000;

const nowAndThen = (random: Random): number => (random.chance(0.05) ? random.skewed(20_000, 900_000) : 0);
const always = (random: Random): number => random.between(HOP_US / 4, HOP_US);

test.runIf(process.env.SIM_SEED === undefined)(
  `${SEEDS} seeds keep every promise`,
  { timeout: 600_000 },
  () => {
    const failures: string[] = [];
    for (let seed = 1; seed <= SEEDS && failures.length < 3; seed++) {
      const { failure } = simulate(seed, { events: 2_000, lateness: nowAndThen });
      if (failure !== null) failures.push(`seed ${seed}, event ${failure.event}: ${failure.error.stack}`);
    }
    expect(failures).toEqual([]);
  },
);

/** A template of several partitions on several owners, and nothing that goes wrong. */
class Sale {
  readonly world: World;
  readonly template: SimTemplate;
  private user = 500_000;
  private open = 0;
  private soldOut = false;

  constructor(world: World, template: SimTemplate) {
    this.world = world;
    this.template = template;
    world.calmDown();
    this.run('the owners never served', () => world.process?.serving === true);
    world.operators.openWindows();
  }

  private run(complaint: string, condition: () => boolean): void {
    const { scheduler } = this.world;
    const untilUs = scheduler.nowUs + SELL_OUT_US;
    while (!condition()) if (scheduler.nowUs > untilUs || !scheduler.step()) throw new Error(complaint);
  }

  /** New users over a few connections, each coming again until it gets an answer; how long until one is told sold out. */
  sellOutUs(): number {
    const startUs = this.world.scheduler.nowUs;
    this.soldOut = false;
    for (let i = 0; i < LANES; i++) {
      this.open++;
      this.lane();
    }
    this.run('it never sold out', () => this.soldOut && this.open === 0);
    return this.world.scheduler.nowUs - startUs;
  }

  private lane(): void {
    if (this.soldOut) this.open--;
    else this.ask(this.user++);
  }

  private ask(user: number): void {
    const { world, template } = this;
    const { scheduler } = world;
    const claim = world.clients.claim(template, 0, user, 0, 0);
    const askedUs = scheduler.nowUs;
    world.process!.claims.claim(claim);
    const look = (): void => {
      if (claim.verdict === 0) {
        if (scheduler.nowUs - askedUs > ANSWER_US)
          throw new Error(`claim ${claim.number} was never answered`);
        scheduler.later(LOOK_US, look);
      } else if (claim.verdict === Verdict.unavailable)
        scheduler.later(AGAIN_US + HOP_US, () => this.ask(user));
      else {
        this.soldOut ||= claim.verdict === Verdict.soldOut;
        scheduler.later(LOOK_US, () => this.lane());
      }
    };
    look();
  }

  raise(units: number): void {
    const { template } = this;
    const { desk } = this.world.process!;
    const from = template.total;
    template.total += units;
    tellOwners(this.world.process!, template);
    desk.add({ templateId: template.id, activityId: 0 }, [{ from, to: template.total }], []);
  }
}

/** Of seeds from 1 on, those with what it takes for units to go round. */
function* sales(count: number): Generator<Sale> {
  for (let seed = 1, found = 0; found < count; seed++) {
    const world = new World(seed, realParts, null, always);
    const template = world.templates.find(({ partitions }) => partitions >= 4);
    if (template === undefined || world.owners < 3) continue;
    found++;
    yield new Sale(world, template);
  }
}

test('the last units do not go round between partitions, and units added sell too', {
  timeout: 600_000,
}, () => {
  const seconds: number[] = [];
  for (const sale of sales(24)) {
    seconds.push(sale.sellOutUs() / 1e6);
    sale.raise(43);
    seconds.push(sale.sellOutUs() / 1e6);
  }
  const mean = seconds.reduce((sum, one) => sum + one, 0) / seconds.length;
  console.log(`sold out in ${mean.toFixed(1)} s on average, ${Math.max(...seconds).toFixed(1)} s at most`);
  // Messages are four times as slow as where a claim gets its unit while it waits: about four times as long, no more.
  expect(mean).toBeLessThan(17);
  expect(Math.max(...seconds)).toBeLessThan(60);
});
