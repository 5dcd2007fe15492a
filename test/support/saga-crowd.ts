/** Orders of a few users that want some of the same coupons, each paid by a saga, and the look at what became of them. */
import { stateAfter } from '../../src/coupons/states.ts';
import type { CouponEventKind } from '../../src/ports-coupons.ts';
import { Connection, ConnectionLost } from './connection.ts';
import type { Saga, SagaRunner, SagaStep } from './coordinator.ts';
import type { Node } from './nodes.ts';
import type { Random } from './random.ts';
import { until } from './wait.ts';

const USERS = 40;
const LANES = 12;
const PRICE = 30_000;

interface Paid {
  readonly userId: string;
  readonly orderId: string;
  readonly couponId: string;
  readonly wentThrough: boolean;
}

export class SagaCrowd {
  readonly paid: Paid[] = [];
  private readonly node: Node;
  private readonly random: Random;
  private readonly templateId: string;
  private readonly runner: SagaRunner;
  private readonly coupons: { readonly userId: string; readonly couponId: string }[] = [];
  private readonly orders: { readonly userId: string; readonly orderId: string }[] = [];
  private started = 0;
  private claims = 0;

  constructor(node: Node, random: Random, templateId: string, runner: SagaRunner) {
    this.node = node;
    this.random = random;
    this.templateId = templateId;
    this.runner = runner;
  }

  async run(sagas: number): Promise<void> {
    const lane = async (): Promise<void> => {
      while (this.started < sagas) {
        const saga = await this.saga(++this.started);
        const wentThrough = await this.runner.run(saga.saga);
        this.paid.push({ ...saga, wentThrough });
      }
    };
    await Promise.all(Array.from({ length: LANES }, lane));
  }

  private async saga(number: number) {
    const { random } = this;
    // Mostly a coupon of its own, claimed this moment; else one that others want or have had.
    const isNew = this.coupons.length < LANES || random.next() < 0.6;
    const coupon = isNew ? await this.claim() : this.coupons[random.below(this.coupons.length)]!;
    const { userId, couponId } = coupon;
    // A few pay again for an order that was paid, or given up, by another saga.
    const isKnown = random.next() < 0.1;
    const known = isKnown ? this.orders.find((order) => order.userId === userId) : undefined;
    const { orderId } = known ?? { orderId: `order-${number}` };
    this.orders.unshift({ userId, orderId });
    const order = { userId, orderId };
    const items = [{ goodsId: 'FAILURE ONGOING', price: PRICE, quantity: 1 }];
    const steps: SagaStep[] = [
      {
        action: '/v1/saga/lock',
        compensation: '/v1/saga/release',
        payload: { ...order, couponIds: [couponId], items, lockSeconds: 3600 },
      },
      { action: '/v1/saga/use', compensation: '/v1/saga/revert', payload: order },
    ];
    steps.splice(random.below(3), 0, { refuses: random.next() < 0.35 });
    // All of one length: DTM's file store takes a gid for the start of any other that begins with it.
    const saga: Saga = { gid: `gid-${String(number).padStart(8, '0')}`, steps };
    return { userId, orderId, couponId, saga };
  }

  /** A coupon whose row need not be there yet. */
  private async claim() {
    const userId = String(1 + this.random.below(USERS));
    const key = `claim-${++this.claims}`;
    const couponId = await until(async () => {
      const { port } = this.node;
      if (port === null) return null;
      try {
        const connection = await Connection.open(port);
        const answer = await connection.request({
          method: 'POST',
          path: `/v1/templates/${this.templateId}/claims`,
          headers: { 'X-User-Id': userId, 'Idempotency-Key': key },
        });
        connection.close();
        if (answer.status === 503) return null;
        return String(answer.json.couponId);
      } catch (error) {
        if (error instanceof ConnectionLost) return null;
        throw error;
      }
    }, 'a coupon is claimed');
    const coupon = { userId, couponId };
    this.coupons.push(coupon);
    return coupon;
  }

  /** What is not as it must be once the dust has settled. */
  async faults(): Promise<string[]> {
    const faults = [...this.runner.faults];
    const { server } = this.node;
    const inUse = new Map<string, number>();
    for (const { orderId } of new Map(this.orders.map((order) => [order.orderId, order])).values()) {
      const through = this.paid.filter((one) => one.orderId === orderId && one.wentThrough);
      const wanted = through.map(({ couponId }) => couponId);
      for (const couponId of wanted) inUse.set(couponId, (inUse.get(couponId) ?? 0) + 1);
      const usages = (await server.must(200, 'GET', `/v1/usages?orderId=${orderId}&limit=200`)).items;
      const used = usages
        .filter((usage: { revertedAt?: string }) => usage.revertedAt === undefined)
        .map((usage: { couponId: string }) => usage.couponId);
      if (JSON.stringify(used) !== JSON.stringify(wanted))
        faults.push(`${orderId} has used ${used} and was to use ${wanted}`);
      const { items } = await server.must(200, 'GET', `/v1/redemptions?orderId=${orderId}`);
      const states = items.map(({ state }: { state: string }) => state);
      if (states.filter((state: string) => state === 'used').length !== wanted.length)
        faults.push(`${orderId}: its redemptions are ${states}, of ${wanted.length} sagas that went through`);
      if (states.some((state: string) => state === 'locked' || state === 'lapsed'))
        faults.push(`${orderId} still has a lock: ${states}`);
    }
    for (const { couponId } of this.coupons) {
      const { history } = await server.must(200, 'GET', `/v1/coupons/${couponId}`);
      const events: CouponEventKind[] = history.map(({ event }: { event: CouponEventKind }) => event);
      const uses = inUse.get(couponId) ?? 0;
      const wanted = uses === 0 ? 'usable' : 'used';
      if (uses > 1) faults.push(`coupon ${couponId} was used by ${uses} sagas`);
      if (stateAfter(events.slice(1)) !== wanted)
        faults.push(`coupon ${couponId} is not ${wanted}: ${events}`);
    }
    return faults;
  }
}
