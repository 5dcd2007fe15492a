/** Remembers every promise a client was given and says when one is broken. */
import { Verdict } from '../../src/actors/verdict.ts';
import type { Facts } from '../../src/audit/facts.ts';
import { ENTRY_WORDS, entryWords } from '../../src/claimlog/entry.ts';
import type { SimTemplate } from './catalog.ts';
import type { Claim } from './clients.ts';
import { type DeskPool, poolNumber } from './desk-pool.ts';
import type { World } from './world.ts';

const USERS = 1 << 20;

interface Promises {
  /** Serial → the user who was told it is theirs. */
  readonly holders: Map<number, Claim>;
  /** Serials some client was told it won just now; a second time would be a repeat told as new. */
  readonly won: Set<number>;
  /** What must be answered with the same coupon again: pool, user and key → serial. */
  readonly coupons: Map<number, number>;
  /** Coupons per user, and per user and activity. */
  readonly held: Map<number, number>;
}

export class Oracle {
  readonly promises = new Map<number, Promises>();
  /** Claims that won, to be asked again. */
  readonly winners: Claim[] = [];
  private readonly world: World;
  /** Per pool: the number of claimed units last seen. */
  private readonly full = new Map<number, number>();

  constructor(world: World) {
    this.world = world;
  }

  private of({ id }: SimTemplate): Promises {
    let promises = this.promises.get(id);
    if (promises === undefined) {
      promises = { holders: new Map(), won: new Set(), coupons: new Map(), held: new Map() };
      this.promises.set(id, promises);
    }
    return promises;
  }

  answered(claim: Claim, verdict: number, serial: number): void {
    if (verdict !== Verdict.claimed && verdict !== Verdict.alreadyClaimed) return;
    const { template, user, activityId } = claim;
    const { holders, won, coupons, held } = this.of(template);
    const coupon = `coupon ${template.id}/${serial}`;
    if (verdict === Verdict.claimed) {
      if (won.has(serial)) throw new Error(`${coupon} was won twice`);
      won.add(serial);
    }
    const identity = identityOf(claim);
    if (identity >= 0) {
      const known = coupons.get(identity);
      if (known === undefined) coupons.set(identity, serial);
      else if (known !== serial)
        throw new Error(`${coupon} answers a claim that was answered with ${known} before`);
    }
    const holder = holders.get(serial);
    if (holder !== undefined) {
      if (holder.user !== user || holder.activityId !== activityId) {
        throw new Error(`${coupon} was promised to user ${holder.user} and to user ${user}`);
      }
      return;
    }
    holders.set(serial, claim);
    this.winners.push(claim);
    this.count(held, user, template.perUserLimit);
    if (activityId !== 0) this.count(held, user + activityId * USERS, template.poolLimit(activityId));
  }

  private count(held: Map<number, number>, key: number, limit: number): void {
    const n = (held.get(key) ?? 0) + 1;
    held.set(key, n);
    if (n > limit) throw new Error(`user ${key % USERS} was promised ${n} coupons, the limit is ${limit}`);
  }

  /** Somebody said that all of a pool's units are claimed: they must be, all of `capacity`, and durably. */
  exhausted({ ref }: DeskPool, capacity: number): void {
    const key = poolNumber(ref);
    if ((this.full.get(key) ?? 0) >= capacity) return;
    const { units, template } = this.world.process!.views.get(ref.templateId)!;
    let claimed = 0;
    for (let s = 0; s < Math.min(template.total, units.capacity); s++) {
      if (units.isClaimed(s) && units.activityId(s) === ref.activityId) claimed++;
    }
    this.full.set(key, claimed);
    if (claimed < capacity) {
      throw new Error(
        `sold out was said of ${ref.templateId}/${ref.activityId} with ${claimed} of ${capacity} claimed`,
      );
    }
  }

  /** Every promise is kept in records and logs. */
  checkKept({ blocks, log }: Facts, when: string): void {
    const holders = new Map<number, number>();
    for (const list of [blocks, log]) {
      for (const bytes of list) {
        const words = entryWords(bytes);
        for (let at = 0; at < words.length; at += ENTRY_WORDS) {
          holders.set(words[at] * 0x1_0000_0000 + words[at + 1], words[at + 2]);
        }
      }
    }
    for (const [templateId, promises] of this.promises) {
      for (const [serial, claim] of promises.holders) {
        const lo = holders.get(templateId * 0x1_0000_0000 + serial);
        if (lo !== claim.lo) {
          const found = lo === undefined ? 'nobody has it' : `user word ${lo} has it`;
          throw new Error(
            `${when}: coupon ${templateId}/${serial} was promised to user ${claim.user}, ${found}`,
          );
        }
      }
    }
  }
}

/** Which claims must be answered alike; -1: each is a new one. */
export function identityOf({ template, activityId, user, key }: Claim): number {
  const isOnly = template.poolLimit(activityId) === 1;
  if (!isOnly && key === 0) return -1;
  return (activityId * USERS + user) * 8 + (isOnly ? 0 : key);
}
