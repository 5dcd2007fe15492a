/**
 * What a shop does beside a sale: carts are quoted, and orders are locked by their user and used by a service once they
 * are paid. Both begin at fixed rates, whatever the server does (schedule.ts), and share a pool of connections.
 */
import type { KeptCoupon, LoadResult, OrdersJob } from './jobs.ts';
import { LatencyRecorder } from './latency.ts';
import { connectAll, type LeanConnection } from './lean-connection.ts';
import { postRequest } from './post-request.ts';
import { BodyRequests } from './requests.ts';
import { RunEnd } from './run-end.ts';
import { Schedule } from './schedule.ts';
import { Tally, userWalk } from './tally.ts';

/** A few hundred a second need no finer clock, and the load beside them is to have the core. */
const TICK_MS = 1;

type Step =
  | { readonly kind: 'quote' }
  | { readonly kind: 'lock'; readonly coupon: KeptCoupon; readonly dueMs: number }
  | { readonly kind: 'use'; readonly dueMs: number };

export async function orders(job: OrdersJob, go: () => Promise<void>): Promise<LoadResult> {
  const { quotes, redemptions } = job;
  const quotesTotal = Math.round(quotes.rate * job.seconds);
  const redemptionsTotal = Math.round(redemptions.rate * job.seconds);
  if (redemptions.coupons.length < redemptionsTotal)
    throw new Error(`${redemptions.coupons.length} coupons for ${redemptionsTotal} redemptions`);
  const tally = new Tally(0);
  const latency = new LatencyRecorder();
  const carts = new BodyRequests('/v1/quotes', quotes.users, quotes.bodies);
  const nextUser = userWalk(quotes.users);
  const idle: LeanConnection[] = [];
  /** Under way, by the place of the connection. */
  const steps: Step[] = [];
  const end = new RunEnd();
  let finished = 0;

  const begin = (connection: LeanConnection, step: Step, userId: number, bytes: Uint8Array) => {
    steps[connection.place] = step;
    connection.send(userId, bytes);
  };
  const answered = (connection: LeanConnection) => {
    const step = steps[connection.place]!;
    const { answer } = connection;
    tally.step(step.kind, answer);
    const redemptionId = step.kind === 'lock' ? answer.stringMember('redemptionId') : null;
    if (step.kind === 'lock' && redemptionId !== null) {
      const { dueMs } = step;
      begin(connection, { kind: 'use', dueMs }, connection.userId, useRequest(job, redemptionId));
      return;
    }
    if (step.kind === 'use') latency.record(step.dueMs, performance.now());
    finished++;
    idle.push(connection);
    if (finished === quotesTotal + redemptionsTotal) end.finish();
  };
  const connections = await connectAll(job, { answered, failed: (error) => end.fail(error) });
  idle.push(...connections);
  let timer: NodeJS.Timeout | undefined;
  try {
    await go();
    tally.start();
    const startMs = performance.now();
    const cartsDue = new Schedule(quotes.rate, quotesTotal, startMs);
    const ordersDue = new Schedule(redemptions.rate, redemptionsTotal, startMs);
    timer = setInterval(() => {
      const nowMs = performance.now();
      // Orders first: there are fewer, and they are what is timed.
      while (idle.length > 0) {
        const index = ordersDue.take(nowMs);
        if (index === -1) break;
        const coupon = redemptions.coupons[index]!;
        const step = { kind: 'lock', coupon, dueMs: ordersDue.intendedMs(index) } as const;
        begin(idle.pop()!, step, coupon.userId, lockRequest(job, coupon, index));
      }
      while (idle.length > 0 && cartsDue.take(nowMs) !== -1) {
        const userId = nextUser();
        const connection = idle.pop()!;
        begin(connection, { kind: 'quote' }, userId, carts.bytesFor(connection.place, userId));
      }
    }, TICK_MS);
    await end.within(job.seconds, () => quotesTotal + redemptionsTotal - finished);
    return tally.result(latency.summary());
  } finally {
    clearInterval(timer);
    for (const connection of connections) connection.close();
  }
}

function lockRequest({ redemptions }: OrdersJob, { userId, couponId }: KeptCoupon, index: number): Buffer {
  const { order, orderPrefix } = redemptions;
  const body = `{"orderId":"${orderPrefix}-${index}",${order},"couponIds":["${couponId}"]}`;
  return postRequest('/v1/redemptions', { 'x-user-id': String(userId) }, body);
}

function useRequest({ redemptions }: OrdersJob, redemptionId: string): Buffer {
  const { order, token } = redemptions;
  const headers = { authorization: `Bearer ${token}` };
  return postRequest(`/v1/redemptions/${redemptionId}/use`, headers, `{${order}}`);
}
