/** All there is in one simulated run: what is durable, what is running now, who wants coupons, and what goes wrong. */
import { SimTemplate } from './catalog.ts';
import { Chaos } from './chaos.ts';
import { type Claim, Clients } from './clients.ts';
import { assertFacts } from './facts-of.ts';
import { FaultCounts } from './faults.ts';
import { LOG_ROOT } from './log-root.ts';
import { Operators } from './operators.ts';
import { Oracle } from './oracle.ts';
import type { Parts } from './parts.ts';
import { Process } from './process.ts';
import { Random } from './random.ts';
import { Scheduler } from './scheduler.ts';
import { SimDisk } from './sim-disk.ts';
import type { SimStore } from './sim-store.ts';

const EPOCH_MS = 1_800_000_000_000;

/** How late a thread of a busy machine is this time, in µs. */
export type Lateness = (random: Random) => number;

export class World {
  readonly random: Random;
  readonly scheduler = new Scheduler();
  readonly faults = new FaultCounts();
  readonly parts: Parts;
  readonly owners: number;
  readonly syncsAlways: boolean;
  readonly segmentBytesMax: number;
  readonly segmentKeepMs: number;
  readonly templates: SimTemplate[] = [];
  readonly disk: SimDisk;
  readonly store: SimStore;
  readonly oracle: Oracle;
  readonly operators: Operators;
  readonly chaos: Chaos;
  readonly clients: Clients;
  readonly claims: Claim[] = [];
  /** null while the server is down. */
  process: Process | null = null;
  /** No more faults. */
  calm = false;
  /** Lease requests to be refused as fenced. */
  fencesToCome = 0;
  private readonly onTrace: ((line: string) => void) | null;
  private readonly lateness: Lateness;
  /** Of its own, so that being late changes nothing else of a seed. */
  private readonly lateRandom: Random;

  constructor(
    seed: number,
    parts: Parts,
    onTrace: ((line: string) => void) | null = null,
    lateness: Lateness = () => 0,
  ) {
    this.parts = parts;
    this.onTrace = onTrace;
    this.random = new Random(seed);
    this.lateness = lateness;
    this.lateRandom = new Random(~seed);
    const { random } = this;
    this.owners = random.between(2, 4);
    this.syncsAlways = random.chance(0.8);
    this.segmentBytesMax = random.skewed(200, 4_000);
    this.segmentKeepMs = random.skewed(10, 400);
    for (let i = random.between(1, 3); i > 0; i--) {
      this.templates.push(new SimTemplate(random.between(1, 40) * 4 + i, random, random.chance(0.5)));
    }
    this.disk = new SimDisk(random, this.scheduler, this.faults, LOG_ROOT);
    this.store = parts.store(this);
    this.oracle = new Oracle(this);
    this.operators = new Operators(this);
    this.chaos = new Chaos(this);
    this.clients = new Clients(this);
    this.boot();
  }

  get nowMs(): number {
    return EPOCH_MS + Math.floor(this.scheduler.nowUs / 1_000);
  }

  /** How much later than asked a thread gets to run, or a message of it arrives. */
  lateUs(): number {
    return this.lateness(this.lateRandom);
  }

  trace(line: () => string): void {
    this.onTrace?.(`#${this.scheduler.count} ${this.scheduler.nowUs}us ${line()}`);
  }

  boot(): void {
    this.process = new Process(this);
    this.process.start();
  }

  answered(claim: Claim, verdict: number, serial: number): void {
    const { number, template, activityId, user, key } = claim;
    this.trace(
      () => `claim ${number} of ${template.id}/${activityId} user ${user} key ${key}: ${verdict} ${serial}`,
    );
    this.oracle.answered(claim, verdict, serial);
    this.clients.answered(claim, verdict);
  }

  /** The process dies, alone or with the machine's power, and comes back a little later. */
  crash(power: boolean): void {
    const { process, disk, faults, random } = this;
    if (process === null) return;
    // With LOG_SYNC=os a power cut may lose acknowledged claims: only processes die then.
    const cut = power && this.syncsAlways;
    faults.seen(cut ? 'powerCut' : 'processKilled');
    this.trace(() => (cut ? 'power cut' : 'process gone'));
    process.alive = false;
    this.process = null;
    disk.processGone();
    if (cut) disk.powerCut();
    this.scheduler.later(random.between(200, 20_000), () => this.boot());
    for (const claim of process.claims.inFlight) this.clients.retry(claim);
    assertFacts(this, false, false, cut ? 'after a power cut' : 'after the process died');
  }

  checkServing(when: string): void {
    this.trace(() => when);
    assertFacts(this, !this.operators.isRaising, false, when);
  }

  /** From now on nothing goes wrong any more. */
  calmDown(): void {
    this.calm = true;
    this.clients.stop();
    this.fencesToCome = 0;
    const { disk, store } = this;
    disk.full = disk.slow = store.down = store.slow = false;
    disk.writesToFail = disk.syncsToFail = disk.dirSyncsToFail = 0;
    disk.killIn = -1;
    for (const life of this.process?.lives ?? []) if (life != null) life.dieAt = null;
  }
}
