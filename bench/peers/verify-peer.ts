/** The classic design has to be as right as it is fast: what clients were told, Redis holds and the table stores agree. */
import type { KeptCoupon, LoadResult } from '../load/jobs.ts';
import { claimsPath } from '../processes/server.ts';
import type { Bench } from '../scenarios/scenario.ts';
import type { Peer } from './peer.ts';

const CHECK_STOCK = 500;

/** Waits until everything is stored. Differences, each as a sentence; none: the run stands. */
export async function verifyPeer(
  peer: Peer,
  templateId: number,
  stock: number,
  won: number,
  coupons: readonly KeptCoupon[],
): Promise<string[]> {
  await peer.drained();
  const wrong: string[] = [];
  const { left, holders } = await peer.stock(templateId);
  if (left !== stock - won) wrong.push(`${won} of ${stock} units won, ${left} left`);
  if (holders !== won) wrong.push(`${won} claims acknowledged, ${holders} holders in Redis`);
  const rows = await peer.countRows(templateId);
  if (rows !== won) wrong.push(`${won} claims acknowledged, ${rows} rows stored`);
  const users = await peer.database.countUsers(templateId);
  if (users !== rows) wrong.push(`${rows} rows are of ${users} users`);
  const missing = await peer.database.missing(coupons);
  if (missing.length > 0) wrong.push(`${missing.length} coupons that were answered are not stored as such`);
  return wrong;
}

/** Sold out after the last unit, the same coupon for who asks again: a peer that skips a rule would be fast for nothing. */
export async function verifyRules(bench: Bench, peer: Peer): Promise<string[]> {
  const templateId = await peer.publishTemplate(CHECK_STOCK);
  const users = bench.freshUsers(2 * CHECK_STOCK);
  const ask = (): Promise<LoadResult> =>
    bench.client.run({
      kind: 'closed-loop',
      port: peer.port,
      path: claimsPath(String(templateId)),
      connections: 64,
      seconds: 10,
      requestsMax: users.count,
      users,
      couponEvery: 1,
    });
  const first = await ask();
  const again = await ask();
  const wrong: string[] = [];
  const expect = (load: LoadResult, status: string) => {
    for (const outcome of [status, '409 sold_out']) {
      const count = load.outcomes[outcome] ?? 0;
      if (count !== CHECK_STOCK) wrong.push(`${count} answers were ${outcome}, not ${CHECK_STOCK}`);
    }
  };
  expect(first, '201');
  expect(again, '200');
  const held = new Map(first.coupons.map((coupon) => [coupon.userId, coupon.couponId]));
  const other = again.coupons.filter(({ userId, couponId }) => held.get(userId) !== couponId).length;
  if (other > 0) wrong.push(`${other} repeats were answered with another coupon`);
  wrong.push(...(await verifyPeer(peer, templateId, CHECK_STOCK, CHECK_STOCK, first.coupons)));
  await peer.forget(templateId);
  return wrong;
}
