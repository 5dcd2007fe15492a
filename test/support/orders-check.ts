/** Of a server at rest: every answer in the book holds, repeats are answered the same, nothing is between two states. */
import { stateAfter } from '../../src/coupons/states.ts';
import type { CouponEventKind } from '../../src/ports-coupons.ts';
import type { OrdersBook, Told } from './orders-book.ts';
import type { Till } from './till.ts';

const LANES = 16;

/** What is found not to be so. */
export async function faultsOfBook(till: Till, book: OrdersBook): Promise<string[]> {
  const check = new Check(till, [...book.faults]);
  const usages = await check.usages(new Set(book.coupons.values()));
  // Also those whose claim was not answered: "best" has taken some.
  const others = [...usages].map(([, usage]) => [usage.couponId, usage.userId] as const);
  const coupons = new Map([...others, ...book.coupons]);
  await overAll([...coupons], ([couponId, user]) => check.coupon(couponId, user, usages));
  for (const [one, { isTold }] of usages) if (!isTold) check.faults.push(`usage ${one} without a use`);
  await overAll([...book.redemptions.values()], (told) => check.redemption(told));
  return check.faults;
}

interface Page {
  readonly items: readonly {
    readonly redemptionId: string;
    readonly couponId: string;
    readonly userId: string;
    readonly revertedAt?: string;
  }[];
  readonly next: string | null;
}

interface UsageSeen {
  readonly couponId: string;
  readonly userId: string;
  readonly isReverted: boolean;
  /** By the coupon's history. */
  isTold: boolean;
}

class Check {
  readonly faults: string[];
  private readonly till: Till;
  /** By coupon: its status, and the redemption that locked it last. */
  private readonly states = new Map<string, string>();
  private readonly redemptions = new Map<string, ReturnType<Till['must']>>();

  constructor(till: Till, faults: string[]) {
    this.till = till;
    this.faults = faults;
  }

  async usages(users: ReadonlySet<string>): Promise<Map<string, UsageSeen>> {
    const seen = new Map<string, UsageSeen>();
    for (const user of users)
      for (let cursor: string | null = ''; cursor !== null; ) {
        const path = `/v1/usages?userId=${user}&limit=200${cursor}`;
        const page: Page = await this.till.must(200, 'service', 'GET', path);
        for (const { redemptionId, couponId, userId, revertedAt } of page.items) {
          const name = `${redemptionId}/${couponId}`;
          if (seen.has(name)) this.faults.push(`usage ${name} stands twice`);
          seen.set(name, { couponId, userId, isReverted: revertedAt !== undefined, isTold: false });
        }
        cursor = page.next === null ? null : `&cursor=${page.next}`;
      }
    return seen;
  }

  async coupon(couponId: string, user: string, usages: ReadonlyMap<string, UsageSeen>): Promise<void> {
    const { status, history } = await this.till.history(couponId);
    const say = (what: string) => this.faults.push(`coupon ${couponId}: ${what}: ${JSON.stringify(history)}`);
    const kinds = history.slice(1).map(({ event }) => event as CouponEventKind);
    if (stateAfter(kinds) !== status) say(`it is said to be ${status}`);
    if (history.some(({ sequence }, i) => sequence !== i + 1)) say('a gap');
    const seen = await this.till.seen(user, couponId);
    if (seen.status !== status) say(`its holder sees ${seen.status}`);
    const of = (kind: CouponEventKind): string[] =>
      history.filter(({ event }) => event === kind).map(({ redemptionId }) => redemptionId!);
    for (const id of of('used')) {
      const usage = usages.get(`${id}/${couponId}`);
      if (usage === undefined) say('a use without a record');
      else {
        usage.isTold = true;
        if (usage.isReverted !== of('reverted').includes(id)) say(`the record of use ${id} is wrong`);
      }
    }
    const holders = of('locked');
    const last = holders.at(-1);
    if (last === undefined) return;
    for (const id of new Set(holders)) {
      const { state } = await this.read(id);
      const isIts = id === last && status === state;
      // Given back by a return, an order stays used without its coupons.
      const isOver =
        (state !== 'locked' && state !== 'used') || (state === 'used' && of('reverted').includes(id));
      if (!isIts && !isOver) say(`redemption ${id} is ${state}`);
    }
    if ((status === 'locked' || status === 'used') && (await this.read(last)).state !== status)
      say(`its redemption is not ${status}`);
    this.states.set(couponId, `${status} ${last}`);
  }

  async redemption(told: Told): Promise<void> {
    const { till, states } = this;
    const { id, made, used, reverted, isReleased, isReplaced, returns } = told;
    const now = await this.read(id);
    const say = (what: string) => this.faults.push(`redemption ${id}: ${what}: ${JSON.stringify(now)}`);
    if (JSON.stringify(now.quote) !== JSON.stringify(made.quote)) say('another quote than the lock’s');
    if (used !== null && now.usedAt !== used.usedAt) say(`used at ${used.usedAt}`);
    if (used !== null && now.state !== 'used' && now.state !== 'reverted') say('it was used');
    if (isReleased && now.state !== 'released' && now.state !== 'reverted') say('it was released');
    if (isReplaced && (now.state === 'locked' || now.state === 'used')) say('it was replaced');
    if (reverted !== null && now.state !== 'reverted') say('it was reverted');
    if (now.state === 'locked' || (now.state === 'used' && returns.size < 2 && !now.returned))
      for (const { couponId } of now.quote.coupons)
        if (states.has(couponId) && states.get(couponId) !== `${now.state} ${id}`)
          say(`coupon ${couponId} is ${states.get(couponId)}`);
    const path = `/v1/redemptions/${id}`;
    const key = { 'Idempotency-Key': told.key };
    const again = await till.must(200, 'service', 'POST', '/v1/redemptions', told.body, key);
    if (JSON.stringify(again) !== JSON.stringify(now)) say('a late copy of the lock is answered otherwise');
    if (reverted !== null) {
      const { refund } = await till.must(200, 'service', 'POST', `${path}/revert`);
      if (refund !== reverted.refund) say(`${refund} instead of ${reverted.refund} reverted`);
    }
    if (used !== null && now.state === 'used') {
      const { usedAt } = await till.must(200, 'service', 'POST', `${path}/use`, {});
      if (usedAt !== used.usedAt) say(`used again at ${usedAt}`);
    }
    for (const { body, told: receipt } of returns.values()) {
      const { refund } = await till.must(200, 'service', 'POST', `${path}/returns`, body);
      if (refund !== receipt.refund) say(`${refund} instead of ${receipt.refund} given back`);
    }
  }

  /** Once each: nothing moves meanwhile. */
  private read(redemptionId: string): ReturnType<Till['must']> {
    let reading = this.redemptions.get(redemptionId);
    if (reading === undefined) {
      reading = this.till.must(200, 'service', 'GET', `/v1/redemptions/${redemptionId}`);
      this.redemptions.set(redemptionId, reading);
    }
    return reading;
  }
}

async function overAll<T>(items: readonly T[], work: (item: T) => Promise<void>): Promise<void> {
  const iterator = items[Symbol.iterator]();
  const lane = async (): Promise<void> => {
    for (let next = iterator.next(); next.done !== true; next = iterator.next()) await work(next.value);
  };
  await Promise.all(Array.from({ length: LANES }, lane));
}
