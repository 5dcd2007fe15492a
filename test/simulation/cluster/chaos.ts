/** Decides what goes wrong, now and then while the crowd comes. */
import { ENTRY_BYTES } from '../../../src/claimlog/entry.ts';
import { streamLogId } from '../../../src/cluster/log-ids.ts';
import { SHARDS } from '../../../src/ports-ledger.ts';
import { Killed } from '../faults.ts';
import type { SimNode } from './sim-node.ts';
import type { World } from './world.ts';

type Deed = (world: World) => void;

const any = (world: World): SimNode => world.random.pick(world.nodes);

const DEEDS = [
  [3, 'restart redis', ({ redis }) => redis.restart()],
  [4, 'roll redis back', ({ redis }) => redis.rollBackSoon()],
  [2, 'empty redis', ({ redis }) => redis.restartEmpty()],
  [1, 'flush redis', ({ redis }) => redis.flush()],
  [3, 'freeze redis', ({ redis, random }) => redis.freeze(random.skewed(50_000, 1_500_000))],
  [2, 'freeze redis for long', ({ redis, random }) => redis.freeze(random.between(3_000_000, 25_000_000))],
  [2, 'redis down', ({ redis, random }) => redis.down(random.skewed(100_000, 15_000_000))],
  [
    4,
    'cut a node off',
    (world) => world.redis.cutOff(any(world).id, world.random.skewed(200_000, 20_000_000)),
  ],
  [3, 'trim', trim],
  [2, 'trim in front of a node', trimAhead],
  [4, 'freeze a node', (world) => any(world).freeze(world.random.skewed(20_000, 4_000_000))],
  [3, 'freeze a node for long', (world) => any(world).freeze(world.random.between(10_500_000, 25_000_000))],
  [4, 'kill a node', (world) => any(world).kill(false)],
  [4, 'cut the power of a node', (world) => any(world).kill(true)],
  [2, 'kill a node that starts again', killTwice],
  [2, 'stop a node', stop],
  [3, 'kill an owner', killOwner],
  [2, 'fail syncs', failSync],
  [3, 'store down', ({ records, random }) => records.down(random.skewed(100_000, 20_000_000))],
  [2, 'power cut and redis back', both],
  [2, 'power cut and redis back at an answer', betray],
  [3, 'freeze a node whose requests arrive later', holdBack],
  [3, 'kill an owner whose requests arrive later', holdBackOwner],
  [2, 'empty redis while the store is away for long', emptyBehind],
] as const satisfies readonly (readonly [weight: number, name: string, deed: Deed])[];

export type DeedName = (typeof DEEDS)[number][1];

/** Each seed knows only some of them, so that each is met by many of its kind and not always by all others. */
const DEED_CHANCE = 0.4;

export class Chaos {
  private readonly world: World;
  private readonly gapUs: number;
  private readonly deeds: readonly (typeof DEEDS)[number][];

  /** Only the deeds of these names, or what the seed picks. */
  constructor(world: World, only: readonly DeedName[] | null) {
    this.world = world;
    this.gapUs = world.random.skewed(1_000_000, 12_000_000);
    const { random, redis, records } = world;
    const picked = DEEDS.filter(() => random.chance(DEED_CHANCE));
    this.deeds = only === null ? picked : DEEDS.filter(([, name]) => only.includes(name));
    redis.faultRate = random.chance(0.6) ? random.skewed(1, 150) / 1_000 : 0;
    records.faultRate = random.chance(0.5) ? random.skewed(1, 60) / 1_000 : 0;
    this.next();
  }

  private next(): void {
    const { random, scheduler } = this.world;
    scheduler.later(random.int(this.gapUs * 2) + 1, () => {
      if (this.world.calm) return;
      this.next();
      this.strike();
    });
  }

  private strike(): void {
    let left = this.world.random.int(this.deeds.reduce((sum, [weight]) => sum + weight, 0));
    for (const [weight, name, deed] of this.deeds) {
      left -= weight;
      if (left >= 0) continue;
      this.world.trace(() => `chaos: ${name}`);
      deed(this.world);
      return;
    }
  }
}

/** Whatever is stored may go out of the streams. */
function trim({ redis, records, faults }: World): void {
  for (let shard = 0; shard < SHARDS; shard++) {
    const { incarnation } = redis.data(shard);
    const stored = (records.marks.get(streamLogId(shard, incarnation))?.offset ?? 0) / ENTRY_BYTES;
    if (incarnation === 0 || stored === 0) continue;
    faults.seen('streamTrimmed');
    redis.at(shard, false, (model) => model.trim(incarnation, stored));
  }
}

/** A node reads nothing for so long that what it has not read goes out of the stream. */
function trimAhead(world: World): void {
  const forUs = world.random.between(2_000_000, 9_000_000);
  any(world).freeze(forUs);
  world.scheduler.later(forUs - 100_000, () => {
    if (!world.calm) trim(world);
  });
}

function failSync(world: World): void {
  world.faults.seen('syncFailed');
  any(world).disk.syncsToFail = 1;
}

function stop(world: World): void {
  const { process } = any(world);
  if (process?.serving) process.stop();
}

/** As soon as it is seen to begin again. */
function killTwice(world: World): void {
  const node = any(world);
  node.kill(false);
  const watch = (): void => {
    if (world.calm) return;
    if (node.process === null) world.scheduler.later(world.random.skewed(20_000, 400_000), watch);
    else if (!node.process.serving) node.kill(false);
  };
  watch();
}

function killOwner(world: World): void {
  const life = world.random.pick(any(world).process?.lives ?? [null]);
  if (life == null) return;
  world.faults.seen('ownerKilled');
  life.die(new Killed('killed'));
}

/** A machine and the ledger's last moments go together. */
function both(world: World): void {
  world.redis.rollBackSoon();
  world.scheduler.later(world.random.skewed(10_000, 3_000_000), () => {
    if (!world.calm) any(world).kill(true);
  });
}

/** The same at once with an answer: what it rests on must be on a disk. */
function betray(world: World): void {
  const rollBack = world.redis.snapshot();
  world.oracle.onPromise = ({ node }) => {
    world.oracle.onPromise = null;
    world.scheduler.later(world.random.int(500), () => {
      if (world.calm) return;
      rollBack();
      node.kill(true);
    });
  };
}

/** What it has just sent arrives when its seat has long passed, and it goes on a little earlier or later. */
function holdBack(world: World): void {
  const node = any(world);
  const { random, scheduler, redis } = world;
  redis.holdBack(node.id, random.between(20_000, 500_000), random.between(10_500_000, 20_000_000));
  scheduler.later(random.between(20_000, 500_000), () => {
    if (!world.calm) node.freeze(random.between(10_500_000, 20_000_000));
  });
}

/** What an owner has just sent arrives when its next life serves. */
function holdBackOwner(world: World): void {
  const node = any(world);
  const { random, scheduler, redis } = world;
  redis.holdBack(node.id, random.between(20_000, 300_000), random.between(200_000, 2_000_000));
  scheduler.later(random.between(20_000, 300_000), () => {
    const life = random.pick(node.process?.lives ?? [null]);
    if (life == null || world.calm) return;
    world.faults.seen('ownerKilled');
    life.die(new Killed('killed'));
  });
}

function emptyBehind(world: World): void {
  const { records, redis, random, scheduler } = world;
  const forUs = random.between(8_000_000, 18_000_000);
  records.down(forUs);
  scheduler.later(forUs - random.between(1_000, 500_000), () => {
    if (!world.calm) redis.restartEmpty();
  });
}
