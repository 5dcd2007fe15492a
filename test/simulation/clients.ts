/** The crowd: claims of users that come in bursts, twice, again after an answer that was none, and long after. */
import { ownerOf, partitionOf } from '../../src/actors/placement.ts';
import { Verdict } from '../../src/actors/verdict.ts';
import { type SimTemplate, userHi, userLo } from './catalog.ts';
import type { World } from './world.ts';

export interface Claim {
  /** Its place among all claims; also its slot on the rings. */
  readonly number: number;
  readonly template: SimTemplate;
  readonly activityId: number;
  readonly user: number;
  /** 0: none. */
  readonly key: number;
  readonly lo: number;
  readonly hi: number;
  readonly keyLo: number;
  readonly keyHi: number;
  readonly partition: number;
  readonly owner: number;
  readonly tries: number;
  /** What it was told; 0: nothing yet. */
  verdict: number;
}

const TRIES_MAX = 3;

export class Clients {
  private readonly world: World;
  private readonly gapUs: number;
  private active = true;

  constructor(world: World) {
    this.world = world;
    this.gapUs = Math.max(20, Math.floor(20 * 400 ** world.random.fraction()));
    this.next();
  }

  stop(): void {
    this.active = false;
  }

  private next(): void {
    const { random, scheduler } = this.world;
    const delayUs = random.chance(0.003) ? 4_000_000 : random.int(this.gapUs * 2) + 1;
    scheduler.later(delayUs, () => {
      if (!this.active) return;
      this.next();
      for (let n = random.chance(0.1) ? random.between(2, 12) : 1; n > 0; n--) this.come();
      this.world.chaos.maybe();
    });
  }

  private come(): void {
    const { random, templates, oracle, faults } = this.world;
    if (random.chance(0.08) && oracle.winners.length > 0) {
      this.again(random.pick(oracle.winners));
      return;
    }
    const template = random.pick(templates);
    let activityId = 0;
    if (template.activities.length > 0 && random.chance(0.5)) {
      const activity = random.pick(template.activities);
      if (activity.status !== 'unopened') activityId = activity.id;
    }
    const key = random.chance(0.6) ? random.between(1, 3) : 0;
    const claim = this.claim(template, activityId, random.int(template.users), key, 0);
    this.send(claim);
    if (random.chance(0.08)) {
      faults.seen('duplicateClaim');
      this.world.scheduler.later(random.skewed(5, 20_000), () => this.again(claim));
    }
  }

  claim(template: SimTemplate, activityId: number, user: number, key: number, tries: number): Claim {
    const { claims, owners } = this.world;
    const lo = userLo(user);
    const hi = userHi(user);
    const partition = partitionOf(lo, hi, template.partitions);
    const claim: Claim = {
      number: claims.length,
      template,
      activityId,
      user,
      key,
      lo,
      hi,
      keyLo: key === 0 ? 0 : Math.imul(key, 0x9e3779b1) >>> 0,
      keyHi: key,
      partition,
      owner: ownerOf(template.id, partition, owners),
      tries,
      verdict: 0,
    };
    claims.push(claim);
    return claim;
  }

  private again({ template, activityId, user, key }: Claim, tries = 0): void {
    this.send(this.claim(template, activityId, user, key, tries));
  }

  private send(claim: Claim): void {
    const { process } = this.world;
    if (process === null) this.retry(claim);
    else process.claims.claim(claim);
  }

  answered(claim: Claim, verdict: number): void {
    claim.verdict = verdict;
    if (verdict === Verdict.unavailable) this.retry(claim);
  }

  /** It got no answer, or one that says to come again. */
  retry(claim: Claim): void {
    const { random, scheduler, faults } = this.world;
    if (!this.active || claim.tries >= TRIES_MAX || random.chance(0.5)) return;
    faults.seen('retriedClaim');
    scheduler.later(random.skewed(500, 200_000), () => {
      if (this.active) this.again(claim, claim.tries + 1);
    });
  }
}
