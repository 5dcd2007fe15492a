/**
 * Many clients that lock, use, release, revert, return, void and sweep the same few coupons at once, by seeded choice.
 * What each was told is kept; coupon-race-check.ts holds it against what the tables say afterwards.
 */
import type {
  LockOutcome,
  LockRequest,
  MoveOutcome,
  ReturnOutcome,
  RevertOutcome,
} from '../../src/ports-coupons.ts';
import type { Random } from '../support/random.ts';
import { until } from '../support/wait.ts';
import { ALICE, BOB, type CouponStage } from './coupon-stage.ts';

const USERS = [ALICE, BOB, '13', '14'];
const CLIENTS = 64;
const COUPONS = 36;
const DAY_MS = 86_400_000;
/** For what must change. */
const PATIENCE_MS = 40_000;
/** The last ones that were made, to be used, released and reverted by anybody. */
const RECENT = 40;
export const RACE_ORDER = {
  currency: 'CNY',
  lines: [
    { goodsId: '1', categoryIds: [], price: 5000, quantity: 2 },
    { goodsId: '2', categoryIds: [], price: 3333, quantity: 3 },
  ],
  shippingFee: 500,
};
const WRONG_ORDER = { ...RACE_ORDER, shippingFee: 501 };

interface Base {
  readonly startMs: number;
  readonly endMs: number;
}
export type Told = Base &
  (
    | { readonly call: 'lock'; readonly request: LockRequest; readonly outcome: LockOutcome }
    | { readonly call: 'use'; readonly id: number; readonly isWrong: boolean; readonly outcome: MoveOutcome }
    | { readonly call: 'release' | 'extend'; readonly id: number; readonly outcome: MoveOutcome }
    | { readonly call: 'revert'; readonly id: number; readonly outcome: RevertOutcome }
    | {
        readonly call: 'return';
        readonly id: number;
        readonly returnId: string;
        readonly outcome: ReturnOutcome;
      }
    | { readonly call: 'void' }
    | { readonly call: 'sweep' }
  );

export interface RaceOptions {
  readonly stage: CouponStage;
  readonly random: Random;
  /** It lasts as long as this, and until so much has changed. */
  readonly forMs: number;
  readonly changes: number;
  /** Every so many calls something goes wrong. */
  readonly fault?: { readonly every: number; readonly make: () => void };
  /** Errors that calls may end with. */
  readonly mayFail?: (error: unknown) => boolean;
}

export class CouponRace {
  readonly told: Told[] = [];
  readonly failures: unknown[] = [];
  readonly coupons = new Map<number, string>();
  failed = 0;
  /** Locks and moves that were no repeats. */
  changed = 0;
  private readonly options: RaceOptions;
  private readonly slots: number[] = [];
  private templates: number[] = [];
  private recent: { id: number; userId: string; isOfService: boolean; lockedAtMs: number }[] = [];
  private supply: Promise<unknown> = Promise.resolve();
  private calls = 0;

  constructor(options: RaceOptions) {
    this.options = options;
  }

  async run(): Promise<void> {
    const { stage, forMs, changes } = this.options;
    const discounts = [
      { kind: 'instant', off: 1000 },
      { kind: 'percent', rate: 9000 },
      { kind: 'threshold', tiers: [{ spend: 10_000, off: 700 }] },
      { kind: 'shipping' },
    ] as const;
    for (const discount of discounts)
      this.templates.push(await stage.template({ discount, validity: { daysAfterClaim: 1 } }));
    for (let slot = 0; slot < COUPONS; slot++) await this.fill(slot);
    const beganMs = performance.now();
    const isOver = () => performance.now() > beganMs + (this.changed < changes ? PATIENCE_MS : forMs);
    await Promise.all(Array.from({ length: CLIENTS }, () => this.client(isOver)));
    await this.supply;
  }

  /** A fresh coupon in the place of one that is dead; some have only seconds to live. */
  private async fill(slot: number): Promise<void> {
    const { stage, random } = this.options;
    const userId = USERS[slot % USERS.length]!;
    const lifeMs = random.next() < 0.5 ? DAY_MS / 2 : 200 + random.below(3000);
    const templateId = this.templates[Math.floor(slot / USERS.length) % this.templates.length]!;
    const couponId = await stage.claim(templateId, userId, Date.now() - DAY_MS + lifeMs);
    this.coupons.set(couponId, userId);
    this.slots[slot] = couponId;
  }

  private replaceDead(couponIds: readonly number[]): void {
    for (const couponId of couponIds) {
      const slot = this.slots.indexOf(couponId);
      if (slot < 0) continue;
      this.slots[slot] = 0;
      this.supply = this.supply.then(() => this.tryFill(slot));
    }
  }

  private async tryFill(slot: number): Promise<void> {
    await this.fill(slot).catch((error: unknown) => {
      if (this.options.mayFail?.(error) !== true) this.failures.push(error);
    });
  }

  private async client(isOver: () => boolean): Promise<void> {
    const { stage, fault, mayFail } = this.options;
    while (!isOver()) {
      if (fault !== undefined && ++this.calls % fault.every === 0) fault.make();
      try {
        await this.call();
      } catch (error) {
        this.failed++;
        if (mayFail?.(error) !== true) this.failures.push(error);
        const isBack = () =>
          stage.store.templates().then(
            () => true,
            () => false,
          );
        await until(isBack, 'the store is back', 60_000);
      }
    }
  }

  private call(): Promise<unknown> {
    const { random } = this.options;
    const { coupons } = this.options.stage;
    const dice = random.below(100);
    const known = this.recent[random.below(this.recent.length)];
    if (dice < 34 || known === undefined) return this.lock();
    const { id, userId, isOfService, lockedAtMs } = known;
    if (dice < 56) {
      const isWrong = random.next() < 0.05;
      const order = isWrong ? WRONG_ORDER : isOfService ? null : RACE_ORDER;
      const paidAtMs = random.next() < 0.5 ? lockedAtMs : null;
      return this.keep({ call: 'use', id, isWrong }, coupons.use({ redemptionId: id, order, paidAtMs }));
    }
    if (dice < 68) {
      const asker = !isOfService && random.next() < 0.5 ? userId : null;
      return this.keep({ call: 'release', id }, coupons.release({ redemptionId: id, userId: asker }));
    }
    if (dice < 76) return this.keep({ call: 'revert', id }, coupons.revert(id));
    if (dice < 80) {
      const lockMs = random.below(300);
      return this.keep({ call: 'extend', id }, coupons.extend({ redemptionId: id, lockMs }));
    }
    if (dice < 92) return this.returnItems(id);
    if (dice < 93) return this.void(this.slots[random.below(COUPONS)]!);
    return this.sweep(dice < 97);
  }

  private async lock(): Promise<void> {
    const { random, stage } = this.options;
    const user = random.below(USERS.length);
    const mine = this.slots.filter((_, slot) => slot % USERS.length === user);
    // All of the kinds, or as many as a hand takes: what conflicts is refused, and that is a case too.
    const wanted = random.next() < 0.6 ? 1 : 2 + random.below(3);
    const chosen = new Set<number>();
    for (let i = 0; i < wanted; i++) chosen.add(mine[random.below(mine.length)]!);
    if (random.next() < 0.03) chosen.add(this.slots[random.below(COUPONS)]!);
    const ids = [...chosen].filter((id) => id > 0);
    const use = random.next() < 0.15;
    const request = stage.request(ids, {
      userId: USERS[user]!,
      orderId: `o${random.below(random.next() < 0.5 ? 6 : 100_000)}`,
      order: RACE_ORDER,
      lockMs: random.next() < 0.85 ? 5 + random.below(300) : 900_000,
      replace: random.next() < 0.3,
      use,
      isOfService: random.next() < 0.6,
      key: random.next() < 0.2 ? `k${random.below(400)}` : null,
      fingerprint: JSON.stringify([ids, use]),
    });
    const outcome = await this.keep({ call: 'lock', request }, stage.coupons.lock(request));
    if (outcome.kind === 'locked' && !outcome.isRepeat) {
      const { redemptionId: id, userId, isOfService, lockedAtMs } = outcome.redemption;
      this.recent.push({ id, userId, isOfService, lockedAtMs });
      if (this.recent.length > RECENT) this.recent.shift();
    }
    if (outcome.kind !== 'refused' || outcome.code !== 'not_applicable') return;
    const dead = outcome.quote.coupons.filter(
      ({ reason }) =>
        reason === 'expired' || reason === 'voided' || (reason === 'used' && random.next() < 0.3),
    );
    this.replaceDead(dead.map(({ couponId }) => couponId));
  }

  private returnItems(id: number): Promise<unknown> {
    const { random, stage } = this.options;
    const number = random.below(4);
    const returnId = `r${number}`;
    const items = [
      [{ line: 0, quantity: 1 }],
      [{ line: 1, quantity: 2 }],
      [
        { line: 1, quantity: 1 },
        { line: 0, quantity: 1 },
      ],
      [{ line: 0, quantity: random.next() < 0.9 ? 1 : 2 }],
    ][number]!;
    const how = { recheck: number !== 2, shipping: true, restoreCoupons: true };
    const fingerprint = JSON.stringify(items);
    const request = { redemptionId: id, returnId, items, ...how, dryRun: random.next() < 0.1, fingerprint };
    return this.keep({ call: 'return', id, returnId }, stage.coupons.returnItems(request));
  }

  private async void(couponId: number): Promise<void> {
    const { stage } = this.options;
    const { kind } = await this.keep({ call: 'void' }, stage.coupons.voidCoupon(couponId, 'race'));
    if (kind === 'voided') this.replaceDead([couponId]);
  }

  private async sweep(isLapse: boolean): Promise<void> {
    const { coupons } = this.options.stage;
    const swept = isLapse ? coupons.lapseSome(20) : coupons.expireSome(20);
    const { coupons: changed } = await this.keep({ call: 'sweep' }, swept);
    if (!isLapse) this.replaceDead(changed.map(({ couponId }) => couponId));
  }

  private async keep<T>(what: object, answer: Promise<T>): Promise<T> {
    const startMs = Date.now();
    const outcome = await answer;
    this.told.push({ ...what, startMs, endMs: Date.now(), outcome } as unknown as Told);
    const { kind, isRepeat } = outcome as { kind?: string; isRepeat?: boolean };
    if ((kind === 'locked' || kind === 'moved') && isRepeat === false) this.changed++;
    return outcome;
  }
}
