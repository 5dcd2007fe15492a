/** Where claims enter and answers leave the main thread: what claims/claim-desk.ts does, without its rings. */
import { ABSENT } from '../../src/actors/user-table.ts';
import { Verdict } from '../../src/actors/verdict.ts';
import type { Claim } from './clients.ts';
import type { OwnerLife } from './owner-life.ts';
import type { Process } from './process.ts';

export class ClaimCounter {
  /** Sent to their owners and not answered. */
  readonly inFlight = new Set<Claim>();
  private readonly process: Process;

  constructor(process: Process) {
    this.process = process;
  }

  claim(claim: Claim): void {
    const { process } = this;
    const { world } = process;
    if (!process.serving) {
      world.answered(claim, Verdict.unavailable, 0);
      return;
    }
    const { template, activityId, lo, hi } = claim;
    const { units, users } = process.views.get(template.id)!;
    // What needs no owner: durable repeats, and sold out.
    const newest = users[claim.partition]!.newest(lo, hi);
    if (newest >= 0) {
      const isPlain = template.poolLimit(activityId) === 1 && units.isClaimed(newest);
      if (isPlain && units.activityId(newest) === activityId && units.previous(newest) < 0) {
        world.answered(claim, Verdict.alreadyClaimed, newest);
        return;
      }
    } else if (newest === ABSENT && process.desk.pool({ templateId: template.id, activityId })?.soldOut) {
      world.answered(claim, Verdict.soldOut, 0);
      return;
    }
    const life = process.lives[claim.owner];
    if (life == null) {
      world.answered(claim, Verdict.unavailable, 0);
      return;
    }
    this.inFlight.add(claim);
    life.requests.push(claim);
    life.ring();
  }

  takeReplies(life: OwnerLife): void {
    const { published } = life;
    life.published = [];
    const { claims } = this.process.world;
    for (let i = 0; i < published.length; i += 3) {
      this.answer(claims[published[i]], published[i + 1], published[i + 2]);
    }
  }

  ownerDown(index: number): void {
    for (const claim of this.inFlight) if (claim.owner === index) this.answer(claim, Verdict.unavailable, 0);
  }

  private answer(claim: Claim, verdict: number, serial: number): void {
    if (this.inFlight.delete(claim)) this.process.world.answered(claim, verdict, serial);
  }
}
