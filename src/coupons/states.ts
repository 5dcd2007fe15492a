/**
 * The one table of what may become of a coupon and of a redemption. The store obeys it, the documentation prints it and
 * the checker holds histories against it.
 */
import type { CouponEventKind, CouponState, RedemptionState } from '../ports-coupons.ts';

/** The number a state has in the tables, never to be changed. */
export const COUPON_STATES: readonly CouponState[] = ['usable', 'locked', 'used', 'expired', 'voided'];

interface Move {
  readonly from: readonly CouponState[];
  readonly to: CouponState;
}

/**
 * By event. `used` may also follow `released` and `expired`: a payment made before its lock lapsed and told afterwards.
 * Past its time a released or reverted coupon expires in the same step, as an event of its own.
 */
export const COUPON_MOVES: Readonly<Record<Exclude<CouponEventKind, 'claimed'>, Move>> = {
  locked: { from: ['usable'], to: 'locked' },
  released: { from: ['locked'], to: 'usable' },
  used: { from: ['locked', 'usable', 'expired'], to: 'used' },
  returned: { from: ['used'], to: 'used' },
  reverted: { from: ['used', 'locked'], to: 'usable' },
  expired: { from: ['usable'], to: 'expired' },
  voided: { from: ['usable'], to: 'voided' },
};

/** The number a kind has in the tables, never to be changed; 0, `claimed`, is the coupon's row itself. */
export const EVENT_KINDS: readonly CouponEventKind[] = [
  'claimed',
  'locked',
  'released',
  'used',
  'returned',
  'reverted',
  'expired',
  'voided',
];

/** Whether these events, in their order after the claim, are a way through the table; the state they end in. */
export function stateAfter(events: readonly CouponEventKind[]): CouponState | null {
  let state: CouponState = 'usable';
  for (const event of events) {
    if (event === 'claimed' || !COUPON_MOVES[event].from.includes(state)) return null;
    state = COUPON_MOVES[event].to;
  }
  return state;
}

export type RedemptionCall = 'use' | 'release' | 'revert' | 'extend' | 'return';

/**
 * do: the call does what it is for. same: it was done, or is of no matter any more: nothing changes. late: only where
 * the payment was in time. Anything else is the refusal.
 */
export type Ruling =
  | 'do'
  | 'same'
  | 'late'
  | 'released'
  | 'reverted'
  | 'already_used'
  | 'not_used'
  | 'lock_expired';

export const REDEMPTION_RULINGS: Readonly<Record<RedemptionCall, Readonly<Record<RedemptionState, Ruling>>>> =
  {
    use: { locked: 'do', lapsed: 'late', released: 'released', used: 'same', reverted: 'reverted' },
    release: { locked: 'do', lapsed: 'do', released: 'same', used: 'already_used', reverted: 'same' },
    revert: { locked: 'do', lapsed: 'do', released: 'do', used: 'do', reverted: 'same' },
    extend: {
      locked: 'do',
      lapsed: 'lock_expired',
      released: 'released',
      used: 'already_used',
      reverted: 'reverted',
    },
    return: {
      locked: 'not_used',
      lapsed: 'not_used',
      released: 'not_used',
      used: 'do',
      reverted: 'reverted',
    },
  };
