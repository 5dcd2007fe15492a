/** A record store with claimed coupons of a few users: what tests of their later life begin with. */
import type { Order } from '../../src/domain/quote/order.ts';
import type { Template } from '../../src/domain/template.ts';
import type { RecordStore } from '../../src/ports.ts';
import type { CouponStore, LockOutcome, LockRequest, Redemption } from '../../src/ports-coupons.ts';
import { batchOf } from './batches.ts';
import { template } from './samples.ts';

export type Opened = RecordStore & { readonly coupons: CouponStore };

export const ALICE = '9223372036854775807';
export const BOB = '12';

/** One line of 10000, and a fee of 500. */
export const ORDER: Order = {
  currency: 'CNY',
  lines: [{ goodsId: '1', categoryIds: [], price: 5000, quantity: 2 }],
  shippingFee: 500,
};

/** More than the longest race claims. */
const UNITS = 1_000_000;

export class CouponStage {
  readonly store: Opened;
  private claims = 0;
  private offset = 0;
  private serials = new Map<number, number>();
  private orders = 0;

  constructor(store: Opened) {
    this.store = store;
  }

  get coupons(): CouponStore {
    return this.store.coupons;
  }

  /** A stored template; 10.00 off unless told otherwise. */
  async template(changes: Partial<Template> = {}): Promise<number> {
    const made = template({ name: `T${++this.claims}`, total: UNITS, ...changes });
    const space = `07031011${String(this.claims).padStart(2, '0')}`;
    const extent = { firstSerial: 0, length: made.total, spaces: [{ space, size: 10_000_000 }] };
    const saved = await this.store.saveTemplate(made, extent, null);
    if (saved.kind !== 'saved') throw new Error(saved.kind);
    return saved.value.id;
  }

  /** A claim that is stored; → the coupon's id. */
  async claim(templateId: number, user: string, atMs = Date.now()): Promise<number> {
    return (await this.claimMany(templateId, user, 1, atMs))[0]!;
  }

  /** So many, stored together; → the coupons' ids. */
  async claimMany(templateId: number, user: string, count: number, atMs: number): Promise<number[]> {
    const first = this.serials.get(templateId) ?? 0;
    this.serials.set(templateId, first + count);
    const serials = Array.from({ length: count }, (_, i) => first + i);
    for (;;) {
      const claims = serials.map((serial) => ({ templateId, serial, user, atMs }));
      const batch = batchOf(1, this.offset, claims);
      const outcome = await this.store.commitClaims(batch);
      // As a flusher does: an earlier claim, whose answer was lost, is stored.
      const isBehind = outcome.kind === 'stale' && outcome.offset > this.offset;
      if (outcome.kind !== 'committed' && !isBehind) throw new Error(JSON.stringify(outcome));
      this.offset = outcome.kind === 'stale' ? outcome.offset : batch.toOffset;
      if (outcome.kind === 'committed') return serials.map((serial) => templateId * 2 ** 32 + serial);
    }
  }

  request(couponIds: readonly number[], changes: Partial<LockRequest> = {}): LockRequest {
    const request = {
      userId: ALICE,
      orderId: `order-${++this.orders}`,
      couponIds,
      order: ORDER,
      lockMs: 900_000,
      expectPayable: null,
      replace: false,
      use: false,
      isOfService: true,
      key: null,
      gid: null,
      ...changes,
    };
    return { fingerprint: JSON.stringify([request.couponIds, request.order]), ...request };
  }

  async lock(couponIds: readonly number[], changes: Partial<LockRequest> = {}): Promise<Redemption> {
    return lockedOf(await this.coupons.lock(this.request(couponIds, changes)));
  }

  async state(couponId: number): Promise<string | undefined> {
    return (await this.store.coupon(couponId))?.state;
  }

  async events(couponId: number): Promise<string[]> {
    const events = await this.coupons.history(couponId);
    events.forEach(({ sequence }, i) => {
      if (sequence !== i + 2)
        throw new Error(`event ${sequence} of coupon ${couponId} stands at place ${i + 2}`);
    });
    return events.map(({ kind }) => kind);
  }
}

export function lockedOf(outcome: LockOutcome): Redemption {
  if (outcome.kind !== 'locked') throw new Error(JSON.stringify(outcome));
  return outcome.redemption;
}
