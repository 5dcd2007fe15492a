/** A machine of the cluster: its disk stays, processes come and go, and all of it may stand still for a while. */
import { LOG_ROOT } from '../log-root.ts';
import { SimDisk } from '../sim-disk.ts';
import { SimProcess } from './sim-process.ts';
import type { Machine } from './thread.ts';
import type { World } from './world.ts';

export class SimNode implements Machine {
  readonly id: string;
  readonly world: World;
  readonly owners: number;
  readonly disk: SimDisk;
  process: SimProcess | null = null;
  frozen = false;
  /** When it last came to life, or went on. */
  upUs = 0;
  private held: (() => void)[] = [];
  private starts = 0;

  constructor(world: World, id: string) {
    this.world = world;
    this.id = id;
    this.owners = world.random.between(1, 2);
    this.disk = new SimDisk(world.random, world.scheduler, world.diskFaults, LOG_ROOT);
    this.disk.slow = world.random.chance(0.2);
  }

  boot(): void {
    if (this.process !== null) return;
    this.upUs = this.world.scheduler.nowUs;
    this.process = new SimProcess(this, `${this.id}-${++this.starts}`);
    this.world.parts.prepare(this.process);
    this.process.main.enter(() => void this.process!.start());
  }

  bootLater(fromUs: number, toUs: number): void {
    this.world.scheduler.later(this.world.random.between(fromUs, toUs), () => this.boot());
  }

  // ---------------------------------------------------------------- faults

  hold(run: () => void): void {
    this.held.push(run);
  }

  freeze(forUs: number): void {
    if (this.frozen) return;
    this.world.faults.seen(forUs > 10_000_000 ? 'nodeFrozenLong' : 'nodeFrozen');
    this.frozen = true;
    this.world.scheduler.later(forUs, () => this.thaw());
  }

  thaw(): void {
    if (!this.frozen) return;
    this.frozen = false;
    const { scheduler } = this.world;
    this.upUs = scheduler.nowUs;
    const { held } = this;
    this.held = [];
    for (const run of held) scheduler.at(scheduler.nowUs, run);
  }

  /** Its process is gone, with the machine's power or without. */
  kill(power: boolean): void {
    const { process, world } = this;
    if (process === null) return;
    world.faults.seen(power ? 'powerCut' : process.serving ? 'nodeKilled' : 'killedStarting');
    this.end();
    if (power) this.disk.powerCut();
    // The store is told of the next start only after whatever the last one has sent.
    this.bootLater(2_500_000, world.random.chance(0.2) ? 25_000_000 : 6_000_000);
  }

  died(why: string): void {
    if (this.process === null) return;
    this.world.trace(() => `${this.id} ends: ${why}`);
    this.end();
    this.bootLater(2_500_000, 6_000_000);
  }

  stopped(settled: boolean): void {
    this.world.faults.seen('cleanStop');
    this.world.trace(() => `${this.id} stopped, settled: ${settled}`);
    this.end();
    this.bootLater(2_500_000, 15_000_000);
  }

  private end(): void {
    const { process } = this;
    if (process === null) return;
    process.alive = false;
    this.process = null;
    this.held = [];
    this.disk.processGone();
    this.frozen = false;
    this.world.clients.lost(process);
  }
}
