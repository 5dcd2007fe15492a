/** What shoppers and their order system were answered, to be held against servers that came back. */
import type { Answer } from './connection.ts';

export interface Told {
  readonly id: string;
  readonly key: string;
  readonly body: { readonly userId: string; readonly orderId: string };
  readonly made: Answer['json'];
  used: Answer['json'] | null;
  isReleased: boolean;
  /** Another lock of the order has taken its place. */
  isReplaced: boolean;
  reverted: Answer['json'] | null;
  /** By return id. */
  readonly returns: Map<string, { readonly body: object; readonly told: Answer['json'] }>;
}

export class OrdersBook {
  readonly redemptions = new Map<string, Told>();
  /** Coupons by id → user. */
  readonly coupons = new Map<string, string>();
  readonly faults: string[] = [];
  readonly counts = new Map<string, number>();
  answered = 0;
  orders = 0;

  count(name: string): void {
    this.counts.set(name, (this.counts.get(name) ?? 0) + 1);
  }

  /** A lock that was made; those of its order before it have given way. */
  locked(body: Told['body'], key: string, made: Answer['json']): void {
    const { redemptionId, orderId, userId, state } = made;
    for (const one of this.redemptions.values())
      if (one.body.orderId === orderId && one.body.userId === userId && +one.id < +redemptionId)
        one.isReplaced = true;
    this.redemptions.set(redemptionId, {
      id: redemptionId,
      key,
      body,
      made,
      used: state === 'used' ? made : null,
      isReleased: false,
      isReplaced: false,
      reverted: null,
      returns: new Map(),
    });
  }
}
