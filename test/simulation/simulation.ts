/**
 * One seed: a crowd with everything going wrong for `events` events, then quiet. Then the rest must sell to the last
 * unit, all of it must arrive in the record store, and every promise must still be kept.
 */
import { Verdict } from '../../src/actors/verdict.ts';
import type { SimTemplate } from './catalog.ts';
import type { Claim } from './clients.ts';
import type { DeskPool } from './desk-pool.ts';
import { assertFacts } from './facts-of.ts';
import { FaultCounts } from './faults.ts';
import { identityOf } from './oracle.ts';
import { type Parts, realParts } from './parts.ts';
import { type Lateness, World } from './world.ts';

/** How long the quiet may take, in virtual time. */
const SELL_OUT_US = 60_000_000;
const DRAIN_US = 60_000_000;
const CROWD_GAP_US = 8_000;
const CROWD_CLAIMS = 8;
const REPEATS = 24;

export interface Outcome {
  readonly seed: number;
  readonly events: number;
  readonly faults: FaultCounts;
  readonly promises: number;
  /** null: all went well. */
  readonly failure: { readonly event: number; readonly error: Error } | null;
}

export interface Options {
  readonly events: number;
  readonly parts?: Parts;
  /** Threads get to run late, also in the quiet. */
  readonly lateness?: Lateness;
  readonly onTrace?: (line: string) => void;
}

export function simulate(seed: number, { events, parts = realParts, lateness, onTrace }: Options): Outcome {
  let world: World | null = null;
  let error: Error | null = null;
  try {
    world = new World(seed, parts, onTrace, lateness);
    while (world.scheduler.count < events && world.scheduler.step());
    world.calmDown();
    finish(world);
  } catch (thrown) {
    error = thrown instanceof Error ? thrown : new Error(String(thrown));
  }
  const event = world?.scheduler.count ?? 0;
  return {
    seed,
    events: event,
    faults: world?.faults ?? new FaultCounts(),
    promises: world?.oracle.winners.length ?? 0,
    failure: error === null ? null : { event, error },
  };
}

function finish(world: World): void {
  run(world, SELL_OUT_US, 'not all owners serve', () => isUp(world) && !world.operators.isBusy);
  world.operators.openWindows();
  const crowds = [...world.process!.desk.pools.values()]
    .filter((pool) => pool.open && pool.ref.activityId === 0)
    .map((pool) => new Crowd(world, pool));
  for (const template of world.templates) {
    for (const { id, status } of template.activities) {
      const pool = world.process!.desk.pool({ templateId: template.id, activityId: id });
      if (status === 'active' && pool !== undefined) crowds.push(new Crowd(world, pool));
    }
  }
  const soldOut = (): boolean => !world.operators.isBusy && crowds.every((crowd) => crowd.isOver);
  run(world, SELL_OUT_US, 'something never sold out', soldOut);
  for (const crowd of crowds) crowd.stop();
  run(world, DRAIN_US, 'the logs were never flushed', () => world.process!.flusher?.drained ?? false);
  for (const { ref, capacity, reported } of world.process!.desk.pools.values()) {
    if (reported !== capacity) {
      throw new Error(`pool ${ref.templateId}/${ref.activityId}: ${reported} of ${capacity} were sold`);
    }
  }
  for (const template of world.templates) {
    const stored = [...world.store.rows.keys()].filter(
      (id) => Math.floor(id / 2 ** 32) === template.id,
    ).length;
    if (stored !== template.total)
      throw new Error(`template ${template.id}: ${stored} rows of ${template.total} units`);
  }
  repeatWinners(world);
  assertFacts(world, true, true, 'at the end');
}

/** Winners that come again get their coupon; `unavailable` only where an owner was still dying of what happened before. */
function repeatWinners(world: World): void {
  for (let i = 0; i < REPEATS && world.oracle.winners.length > 0; i++) {
    const winner = world.random.pick(world.oracle.winners);
    if (identityOf(winner) < 0) continue;
    const { template, activityId, user, key } = winner;
    for (let tries = 0; ; tries++) {
      run(world, SELL_OUT_US, 'not all owners serve', () => isUp(world));
      const repeat: Claim = world.clients.claim(template, activityId, user, key, 0);
      world.process!.claims.claim(repeat);
      run(world, 1_000_000, 'a repeat was not answered', () => world.process!.claims.inFlight.size === 0);
      if (repeat.verdict === Verdict.alreadyClaimed) break;
      if (repeat.verdict !== Verdict.unavailable || tries === 2) {
        throw new Error(`claim ${repeat.number}, a repeat, was told ${repeat.verdict}`);
      }
    }
  }
}

function isUp({ process, owners }: World): boolean {
  return (
    process?.serving === true && process.lives.filter((life) => life !== null && !life.dead).length === owners
  );
}

function run(world: World, limitUs: number, complaint: string, condition: () => boolean): void {
  const untilUs = world.scheduler.nowUs + limitUs;
  while (!condition()) {
    if (world.scheduler.nowUs > untilUs || !world.scheduler.step()) throw new Error(complaint);
  }
}

/** New users who never stop coming to one pool, whatever they are told, until it is sold out. */
class Crowd {
  private readonly world: World;
  private readonly pool: DeskPool;
  private user: number;
  private active = true;

  constructor(world: World, pool: DeskPool) {
    this.world = world;
    this.pool = pool;
    const { templateId, activityId } = pool.ref;
    this.user = 500_000 + (activityId % 10) * 100_000;
    this.come(world.templates.find(({ id }) => id === templateId)!);
  }

  private come(template: SimTemplate): void {
    const { world, pool } = this;
    world.scheduler.later(CROWD_GAP_US, () => {
      if (!this.active) return;
      for (let n = pool.soldOut ? 1 : CROWD_CLAIMS; n > 0; n--) {
        world.process!.claims.claim(world.clients.claim(template, pool.ref.activityId, this.user++, 0, 0));
      }
      this.come(template);
    });
  }

  get isOver(): boolean {
    return this.pool.soldOut;
  }

  stop(): void {
    this.active = false;
  }
}
