/** The crowd: users who come to several nodes at once, again after an answer that was none, and long after. */
import { Verdict } from '../../../src/actors/verdict.ts';
import { userHi, userLo } from '../catalog.ts';
import type { SimProcess } from './sim-process.ts';
import type { World } from './world.ts';

export interface SimClaim {
  /** Its place among all claims; also its slot on the rings. */
  readonly number: number;
  readonly templateId: number;
  readonly activityId: number;
  readonly user: number;
  /** 0: none. */
  readonly key: number;
  readonly lo: number;
  readonly hi: number;
  readonly keyLo: number;
  readonly keyHi: number;
  readonly tries: number;
  readonly sentUs: number;
  partitionOn: number;
  /** What it was told; 0: nothing yet, or never anything. */
  verdict: number;
  serial: number;
}

const TRIES_MAX = 3;

export class Clients {
  readonly claims: SimClaim[] = [];
  private readonly world: World;
  private readonly gapUs: number;
  private active = true;

  constructor(world: World) {
    this.world = world;
    this.gapUs = world.random.skewed(4_000, 120_000);
    this.next();
  }

  stop(): void {
    this.active = false;
  }

  private next(): void {
    const { random, scheduler } = this.world;
    scheduler.later(random.chance(0.005) ? 3_000_000 : random.int(this.gapUs * 2) + 1, () => {
      if (!this.active) return;
      this.next();
      for (let n = random.chance(0.1) ? random.between(2, 10) : 1; n > 0; n--) this.come();
    });
  }

  private come(): void {
    const { random, oracle, faults, records } = this.world;
    if (random.chance(0.12) && oracle.winners.length > 0) {
      const winner = random.pick(oracle.winners);
      this.send(winner.templateId, winner.activityId, winner.user, winner.key, 0);
      return;
    }
    const template = random.pick(records.templateRows);
    const activities = records.activityRows.filter(({ templateId }) => templateId === template.id);
    const activityId = activities.length > 0 && random.chance(0.4) ? random.pick(activities).id : 0;
    const user = random.int(this.world.usersOf(template.id));
    const key = random.chance(0.5) ? random.between(1, 2) : 0;
    let times = random.chance(0.25) ? random.between(2, 3) : 1;
    if (times > 1) faults.seen('repeatElsewhere');
    for (; times > 0; times--) this.send(template.id, activityId, user, key, 0);
  }

  /** To a node of its own choice; what happens to nodes meanwhile happens to it. */
  send(templateId: number, activityId: number, user: number, key: number, tries: number): SimClaim {
    const { random, scheduler, nodes } = this.world;
    const claim: SimClaim = {
      number: this.claims.length,
      templateId,
      activityId,
      user,
      key,
      lo: userLo(user),
      hi: userHi(user),
      keyLo: key === 0 ? 0 : Math.imul(key, 0x9e3779b1) >>> 0,
      keyHi: key,
      tries,
      sentUs: scheduler.nowUs,
      partitionOn: 0,
      verdict: 0,
      serial: 0,
    };
    this.claims.push(claim);
    const node = random.pick(nodes);
    const { process } = node;
    if (process === null) this.again(claim);
    else process.main.later(random.skewed(100, 20_000), () => process.claim(claim));
    return claim;
  }

  answered(claim: SimClaim, process: SimProcess, verdict: number, serial: number): void {
    const { world } = this;
    const { number, templateId, activityId, user, key } = claim;
    world.trace(
      () =>
        `claim ${number} of ${templateId}/${activityId} user ${user} key ${key} at ${process.node.id}: ${verdict} ${serial}`,
    );
    claim.verdict = verdict;
    claim.serial = serial;
    world.oracle.answered(claim, process, verdict, serial);
    if (verdict === Verdict.unavailable) this.again(claim);
  }

  /** Its process is gone: answers that were on their way are not. */
  lost(process: SimProcess): void {
    for (const claim of process.unanswered) this.again(claim);
  }

  private again({ templateId, activityId, user, key, tries }: SimClaim): void {
    const { random, scheduler } = this.world;
    if (!this.active || tries >= TRIES_MAX || random.chance(0.3)) return;
    scheduler.later(random.skewed(2_000, 1_500_000), () => {
      if (this.active) this.send(templateId, activityId, user, key, tries + 1);
    });
  }
}
