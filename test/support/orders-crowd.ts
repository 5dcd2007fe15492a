/**
 * Lanes of shoppers and their order system: claim, lock, replace, use, release, revert and return over HTTP until told to
 * stop, each step at any of the tills. What was answered is kept in the book.
 */
import { setTimeout as pause } from 'node:timers/promises';
import type { Answer } from './connection.ts';
import { ConnectionLost } from './connection.ts';
import type { OrdersBook, Told } from './orders-book.ts';
import type { Random } from './random.ts';
import { line } from './shop.ts';
import type { Till } from './till.ts';

/** Of a crowd, numbered on from its first. */
export const USERS = 8;
const LANES = 16;
const BACK_OFF_MS = 25;

export interface OrdersCrowdOptions {
  readonly tills: readonly Till[];
  readonly book: OrdersBook;
  readonly random: Random;
  readonly templates: readonly string[];
  readonly firstUser?: number;
  /** Whether a lane goes on, at whatever till answers, when a server is gone; else it ends. */
  readonly outlives?: boolean;
}

export class OrdersCrowd {
  private readonly options: OrdersCrowdOptions;
  private readonly book: OrdersBook;
  private readonly random: Random;
  private readonly lanes: Promise<void>[];
  private stopping = false;

  constructor(options: OrdersCrowdOptions) {
    this.options = options;
    ({ book: this.book, random: this.random } = options);
    const { firstUser = 1 } = options;
    this.lanes = Array.from({ length: LANES }, (_, at) => this.lane(String(firstUser + (at % USERS))));
  }

  /** Every request that was sent is answered. */
  async stop(): Promise<void> {
    this.stopping = true;
    await this.ended();
  }

  /** Resolves when all lanes have ended, which a killed server brings about unless they outlive it. */
  async ended(): Promise<void> {
    await Promise.all(this.lanes);
  }

  private async lane(user: string): Promise<void> {
    while (!this.stopping) {
      try {
        const { status } = await this.step(user);
        this.book.answered++;
        if (status === 503) await pause(BACK_OFF_MS);
      } catch (error) {
        if (!(error instanceof ConnectionLost)) throw error;
        if (this.options.outlives !== true) return;
        await pause(BACK_OFF_MS);
      }
    }
  }

  private async step(user: string): Promise<Answer> {
    const { random, book } = this;
    const mine = [...book.redemptions.values()].filter(({ body }) => body.userId === user).slice(-12);
    const one = mine[random.below(mine.length)];
    const dice = random.below(100);
    if (dice < 15) return this.claim(user);
    if (dice < 30) return this.look(user);
    if (dice < 38) return this.lock(user, mine.find(isLive));
    if (dice < 60 || one === undefined) return this.lock(user);
    const path = `/v1/redemptions/${one.id}`;
    if (dice < 78) {
      const answer = await this.call('use', path, {});
      if (answer.status !== 200) return answer;
      one.used ??= answer.json;
      if (answer.json.usedAt !== one.used.usedAt) this.fault(`use ${one.id}`, one.used, answer.json);
      return answer;
    }
    if (dice < 84) {
      const answer = await this.call('release', path);
      if (answer.status === 200) one.isReleased = true;
      return answer;
    }
    if (dice < 90) {
      const answer = await this.call('revert', path);
      if (answer.status !== 200) return answer;
      one.reverted ??= answer.json;
      if (answer.json.refund !== one.reverted.refund)
        this.fault(`revert ${one.id}`, one.reverted, answer.json);
      return answer;
    }
    const returnId = `r${random.below(2)}`;
    const body = { returnId, items: [{ line: 0, quantity: 1 }], restoreCoupons: true };
    const answer = await this.call('returns', path, body);
    if (answer.status !== 200 && answer.status !== 201) return answer;
    const known = one.returns.get(returnId);
    if (known === undefined) one.returns.set(returnId, { body, told: answer.json });
    else if (known.told.refund !== answer.json.refund)
      this.fault(`return ${one.id}`, known.told, answer.json);
    return answer;
  }

  private async claim(user: string): Promise<Answer> {
    const { templates } = this.options;
    const templateId = templates[this.random.below(templates.length)]!;
    const answer = await this.till().call({ user }, 'POST', `/v1/templates/${templateId}/claims`);
    if (answer.status === 201) this.book.coupons.set(answer.json.couponId, user);
    return answer;
  }

  /** Fills the caches: what is in them must not outlive what is true. */
  private async look(user: string): Promise<Answer> {
    const mine = [...this.book.coupons].filter(([, holder]) => holder === user);
    const [couponId] = mine[this.random.below(mine.length)] ?? [null];
    if (couponId !== null) await this.till().call({ user }, 'GET', `/v1/me/coupons/${couponId}`);
    return this.till().call({ user }, 'GET', '/v1/me/coupons');
  }

  /** In the place of another one where one is given. */
  private async lock(user: string, replaced?: Told): Promise<Answer> {
    const { book, random } = this;
    const mine = [...book.coupons].filter(([, holder]) => holder === user).slice(-20);
    const some = [mine[random.below(mine.length)], mine[random.below(mine.length)]];
    const ids = [...new Set(some.flatMap((one) => (one === undefined ? [] : [one[0]])))];
    const count = ++book.orders;
    const couponIds = random.next() < 0.2 ? 'best' : ids;
    const use = random.next() < 0.2;
    const orderId = replaced?.body.orderId ?? `o${count}`;
    const items = [line('1', 5000, 2)];
    const replace = replaced === undefined ? {} : { replace: true };
    const body = { userId: user, orderId, items, shippingFee: 500, couponIds, use, ...replace };
    const key = `key-${count}`;
    const headers = { 'Idempotency-Key': key };
    const answer = await this.till().call('service', 'POST', '/v1/redemptions', body, headers);
    this.seen(replaced === undefined ? 'lock' : 'replace', answer);
    if (answer.status === 201) book.locked(body, key, answer.json);
    return answer;
  }

  private async call(action: string, path: string, body?: object): Promise<Answer> {
    const answer = await this.till().call('service', 'POST', `${path}/${action}`, body);
    this.seen(action, answer);
    return answer;
  }

  private till(): Till {
    const { tills } = this.options;
    return tills[this.random.below(tills.length)]!;
  }

  private seen(action: string, { status, json, text }: Answer): void {
    this.book.count(`${action} ${status < 300 ? 'done' : json.code}`);
    if (status >= 500 && json?.code !== 'unavailable') this.book.faults.push(`${action}: ${status} ${text}`);
  }

  private fault(what: string, before: object, now: object): void {
    this.book.faults.push(`${what}: ${JSON.stringify(before)}, later ${JSON.stringify(now)}`);
  }
}

/** As far as is known. */
function isLive({ used, isReleased, isReplaced, reverted }: Told): boolean {
  return used === null && reverted === null && !isReleased && !isReplaced;
}
