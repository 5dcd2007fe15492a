/** Decides what goes wrong, and what operators do, now and then while the crowd comes. */
import { Killed } from './faults.ts';
import type { World } from './world.ts';

type Deed = (world: World) => void;

const OWNER_DEATHS = ['midDrain', 'beforeWrite', 'afterWrite', 'syncing'] as const;

const DEEDS: readonly (readonly [weight: number, deed: Deed])[] = [
  [3, killOwner],
  [4, doomOwner],
  [2, (world) => world.crash(false)],
  [3, (world) => world.crash(true)],
  [3, crashTwice],
  [1, (world) => world.process?.stop()],
  [2, (world) => forAWhile(world, (on) => (world.disk.full = on))],
  [2, (world) => (world.disk.writesToFail = 1)],
  [4, (world) => (world.disk.syncsToFail = world.random.between(1, 2))],
  [2, (world) => (world.disk.dirSyncsToFail = 1)],
  [2, (world) => forAWhile(world, (on) => (world.disk.slow = on))],
  [4, (world) => (world.disk.killIn = world.random.int(12))],
  [2, (world) => forAWhile(world, (on) => (world.store.down = on))],
  [3, (world) => forAWhile(world, (on) => (world.store.slow = on))],
  [2, (world) => world.process?.flusher?.kill()],
  [2, (world) => (world.fencesToCome = 1)],
  [3, (world) => world.operators.raiseStock()],
  [3, (world) => world.operators.openActivity()],
  [3, (world) => world.operators.stopActivity()],
  [2, (world) => world.operators.enlargeActivity()],
  [2, (world) => world.operators.moveWindow()],
];

const WEIGHT = DEEDS.reduce((sum, [weight]) => sum + weight, 0);

export class Chaos {
  private readonly world: World;
  private readonly rate: number;

  constructor(world: World) {
    this.world = world;
    this.rate = 1 / world.random.between(8, 80);
  }

  maybe(): void {
    const { random } = this.world;
    if (!random.chance(this.rate)) return;
    let left = random.int(WEIGHT);
    for (const [weight, deed] of DEEDS) {
      left -= weight;
      if (left < 0) {
        this.world.trace(() => `chaos: ${deed.name || deed.toString().slice(11, 60)}`);
        deed(this.world);
        return;
      }
    }
  }
}

function forAWhile({ random, scheduler }: World, set: (on: boolean) => void): void {
  set(true);
  scheduler.later(random.skewed(2_000, 600_000), () => set(false));
}

function killOwner(world: World): void {
  const life = world.random.pick(world.process?.lives ?? [null]);
  if (life == null || life.dead) return;
  world.faults.seen('ownerKilled');
  life.die(String(new Killed('killed')));
}

function doomOwner(world: World): void {
  const life = world.random.pick(world.process?.lives ?? [null]);
  if (life != null) life.dieAt = world.random.pick(OWNER_DEATHS);
}

/** Killed, and cut off while it starts again: what the start had not made durable yet is put to the test. */
function crashTwice(world: World): void {
  world.crash(false);
  world.scheduler.later(world.random.skewed(1_000, 60_000), () => {
    if (world.calm || world.process === null) return;
    world.faults.seen('powerCutAfterKill');
    world.crash(true);
  });
}
