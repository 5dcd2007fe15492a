/** A claim that was acknowledged and is not stored yet is waited for: storing it is a matter of milliseconds. */
import { Unavailable } from '../problems.ts';
import type { Wallet } from '../wallet/wallet.ts';

/** A claim that was acknowledged is in the record store by then, or the call is `unavailable`. */
const STORED_MS = 5_000;
const LOOK_AGAIN_MS = 10;

export interface UnstoredClaimsOptions {
  readonly wallet: Pick<Wallet, 'coupon'>;
  /** Row of a coupon in the store itself. */
  readonly isStored: (couponId: number) => Promise<boolean>;
  /** Claims are stored as fast as it goes for a while. */
  readonly hurry: () => void;
  readonly now: () => number;
  readonly sleep: (ms: number) => Promise<void>;
}

interface Missing {
  readonly kind: 'missing';
  readonly couponIds: readonly number[];
}

export class UnstoredClaims {
  private readonly options: UnstoredClaimsOptions;

  constructor(options: UnstoredClaimsOptions) {
    this.options = options;
  }

  /** What `attempt` comes to once everything is stored that this user has; `missing` is what he has not. */
  async awaited<T extends { readonly kind: string }>(
    userId: string,
    attempt: () => Promise<T | Missing>,
  ): Promise<T | Missing> {
    const { now, isStored } = this.options;
    const untilMs = now() + STORED_MS;
    for (;;) {
      const outcome = await attempt();
      if (!isMissing(outcome) || !(await this.allAcknowledged(userId, outcome.couponIds))) return outcome;
      for (const couponId of outcome.couponIds)
        if (!(await this.until(() => isStored(couponId), untilMs)))
          throw new Unavailable('a claimed coupon has not reached the record store in time');
    }
  }

  /** Whether something that claims must be stored for has come true in time. */
  async until(
    isTrue: () => boolean | Promise<boolean>,
    untilMs = this.options.now() + STORED_MS,
  ): Promise<boolean> {
    const { hurry, now, sleep } = this.options;
    if (await isTrue()) return true;
    hurry();
    while (now() <= untilMs) {
      await sleep(LOOK_AGAIN_MS);
      if (await isTrue()) return true;
    }
    return false;
  }

  private async allAcknowledged(userId: string, couponIds: readonly number[]): Promise<boolean> {
    const rows = await Promise.all(couponIds.map((couponId) => this.options.wallet.coupon(couponId)));
    return rows.every((row) => row?.userId === userId);
  }
}

function isMissing(outcome: { readonly kind: string }): outcome is Missing {
  return outcome.kind === 'missing';
}
