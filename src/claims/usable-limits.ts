/**
 * Limits that count usable coupons (`limitCounts: "usable"`). Owners know who claimed what; which of it is used, expired
 * or voided by now, the record store knows. So a refusal for the limit is held back here: the store is asked about the
 * coupons the user holds, and where some are spent, the claim goes to its owner once more, with their number.
 *
 * One question at a time, about all that wait: a crowd of repeats costs one statement for many of them, and none is
 * answered from what was read before it came.
 */
import { partitionOf } from '../actors/placement.ts';
import { spentWord } from '../actors/spent.ts';
import { Verdict } from '../actors/verdict.ts';
import { couponId } from '../domain/coupon-id.ts';
import { CLAIMS_HELD_BACK_MAX, SPENT_ASKED_MAX } from '../limits.ts';
import { Unavailable } from '../problems.ts';
import { heldSerials } from './claim-text.ts';
import type { PoolView } from './template-view.ts';

export interface SpentCoupons {
  /** Of these coupons, those that are used, expired or voided at `nowMs`. */
  readonly spent: (couponIds: readonly number[], nowMs: number) => Promise<readonly number[]>;
  /** The store failed, and not because it cannot be reached. */
  readonly onFailure: (error: unknown) => void;
}

export interface SentClaim {
  readonly slot: number;
  readonly pool: PoolView;
  readonly lo: number;
  readonly hi: number;
  readonly keyLo: number;
  readonly keyHi: number;
}

/** What becomes of claims that were held back. */
export interface Onward {
  /** To the owner, with what its limits need not count (actors/spent.ts). */
  sendAgain(claim: SentClaim, spent: number): void;
  conclude(slot: number, verdict: number, serial: number): void;
}

interface Waiting {
  readonly claim: SentClaim;
  stage: 'first' | 'asking' | 'second';
  verdict: number;
  serial: number;
  /** What the user holds of the template, newest first. */
  held: readonly number[];
  /** Those of them that are spent, by serial. */
  spent: ReadonlySet<number>;
}

const NONE: ReadonlySet<number> = new Set();

export class UsableLimits {
  /** After `holdsBack` said no: the answer. */
  verdict = 0;
  serial = 0;
  private readonly options: SpentCoupons;
  private readonly onward: Onward;
  /** By slot. */
  private readonly claims = new Map<number, Waiting>();
  private asking: Waiting[] = [];
  private isAsking = false;

  constructor(options: SpentCoupons, onward: Onward) {
    this.options = options;
    this.onward = onward;
  }

  /** A claim of such a template is on its way to its owner. */
  sent(claim: SentClaim): void {
    this.claims.set(claim.slot, { claim, stage: 'first', verdict: 0, serial: -1, held: [], spent: NONE });
  }

  /** The owner has answered, or nobody will any more. True: the answer waits; `Onward` is told what becomes of it. */
  holdsBack(slot: number, verdict: number, serial: number): boolean {
    this.verdict = verdict;
    this.serial = serial;
    const waiting = this.claims.get(slot);
    if (waiting === undefined) return false;
    if (waiting.stage === 'first' && isForLimit(waiting.claim, verdict, serial)) {
      if (this.asking.length < CLAIMS_HELD_BACK_MAX) {
        waiting.stage = 'asking';
        waiting.verdict = verdict;
        waiting.serial = serial;
        this.asking.push(waiting);
        if (!this.isAsking) void this.ask();
        return true;
      }
      this.verdict = Verdict.overloaded;
    }
    this.claims.delete(slot);
    if (verdict === Verdict.alreadyClaimed) this.serial = countedSerial(waiting, serial);
    return false;
  }

  private async ask(): Promise<void> {
    this.isAsking = true;
    // What comes with the same turn of the event loop goes into one question.
    await Promise.resolve();
    while (this.asking.length > 0) {
      const asked = this.take();
      try {
        const ids = asked.flatMap(({ claim, held }) => held.map((serial) => idOf(claim, serial)));
        const spent = new Set(ids.length === 0 ? [] : await this.options.spent(ids, Date.now()));
        for (const waiting of asked) this.goOn(waiting, spent);
      } catch (error) {
        if (!(error instanceof Unavailable)) this.options.onFailure(error);
        for (const waiting of asked) this.conclude(waiting, Verdict.unavailable, -1);
      }
    }
    this.isAsking = false;
  }

  /** As many of those that wait as one question can be about; at least one. */
  private take(): Waiting[] {
    let ids = 0;
    let count = 0;
    for (const waiting of this.asking) {
      waiting.held = heldBy(waiting.claim);
      ids += waiting.held.length;
      if (count > 0 && ids > SPENT_ASKED_MAX) break;
      count++;
    }
    return this.asking.splice(0, count);
  }

  private goOn(waiting: Waiting, spentIds: ReadonlySet<number>): void {
    const { claim, held, verdict, serial } = waiting;
    waiting.spent = new Set(held.filter((one) => spentIds.has(idOf(claim, one))));
    if (waiting.spent.size === 0) {
      this.conclude(waiting, verdict, serial);
      return;
    }
    if (this.claims.get(claim.slot) !== waiting) return;
    const { units } = claim.pool.template;
    const { activityId } = claim.pool.rules;
    let ofPool = 0;
    for (const one of waiting.spent) if (units.activityId(one) === activityId) ofPool++;
    waiting.stage = 'second';
    this.onward.sendAgain(claim, spentWord(ofPool, waiting.spent.size));
  }

  /** Nobody waits any more for a claim whose owner died meanwhile: it was answered then. */
  private conclude(waiting: Waiting, verdict: number, serial: number): void {
    const { slot } = waiting.claim;
    if (this.claims.get(slot) !== waiting) return;
    waiting.stage = 'second';
    this.onward.conclude(slot, verdict, serial);
  }
}

function idOf({ pool }: SentClaim, serial: number): number {
  return couponId(pool.template.rules.templateId, serial);
}

function heldBy({ pool: { template }, lo, hi }: SentClaim): number[] {
  const { users } = template.actors[partitionOf(lo, hi, template.actors.length)]!;
  // Of a table that has just been replaced too: what it lacks is newer than what may be spent.
  return users === null ? [] : heldSerials(template, users.newestAnyway(lo, hi));
}

/** A repeat of the same key is one whatever became of its coupon. */
function isForLimit(claim: SentClaim, verdict: number, serial: number): boolean {
  if (verdict === Verdict.limitReached) return true;
  return verdict === Verdict.alreadyClaimed && !hasSameKey(claim, serial);
}

function hasSameKey({ pool, keyLo, keyHi }: SentClaim, serial: number): boolean {
  return (keyLo | keyHi) !== 0 && pool.template.units.hasKey(serial, keyLo, keyHi);
}

/**
 * The coupon to name to a user who has one already: the newest that counts. An older one may count while the newest does
 * not, since a use can be reverted.
 */
function countedSerial({ claim, held, spent }: Waiting, serial: number): number {
  if (!spent.has(serial) || hasSameKey(claim, serial)) return serial;
  const { rules, template } = claim.pool;
  return held.find((one) => !spent.has(one) && template.units.activityId(one) === rules.activityId) ?? serial;
}
