/**
 * A benchmark that lost or doubled a claim has measured nothing. After each run: what clients counted, what the stock
 * says, what the database holds and what sampled wallets show must be the same.
 */
import type { KeptCoupon } from './load/jobs.ts';
import type { Server } from './processes/server.ts';

const WALLETS_SAMPLED = 50;

interface Wallet {
  readonly items: readonly { readonly couponId: string }[];
}

/** Differences found, each as a sentence; none: the run stands. */
export async function verifyClaims(
  server: Server,
  templateId: string,
  acknowledged: number,
  coupons: readonly KeptCoupon[],
): Promise<string[]> {
  const wrong: string[] = [];
  const stock = await server.drained(templateId, acknowledged);
  const { total, free, leased, claimed, flushed } = stock;
  if (claimed !== acknowledged) wrong.push(`${acknowledged} claims acknowledged, stock says ${claimed}`);
  if (flushed !== claimed) wrong.push(`${claimed} claimed, ${flushed} flushed`);
  if (free + leased + claimed !== total)
    wrong.push(`${free} + ${leased} + ${claimed} units are not ${total}`);
  const rows = await server.rows.countRows(templateId);
  if (rows !== acknowledged) wrong.push(`${acknowledged} claims acknowledged, ${rows} rows stored`);
  const users = await server.rows.countUsers(templateId);
  if (users !== rows) wrong.push(`${rows} rows are of ${users} users`);
  const missing = await server.rows.missing(coupons);
  if (missing.length > 0) wrong.push(`${missing.length} coupons that were answered are not stored as such`);
  if (new Set(coupons.map((coupon) => coupon.couponId)).size !== coupons.length) {
    wrong.push('one coupon was given to two users');
  }
  wrong.push(...(await verifyWallets(server, coupons)));
  return wrong;
}

async function verifyWallets(server: Server, coupons: readonly KeptCoupon[]): Promise<string[]> {
  const step = Math.max(1, Math.floor(coupons.length / WALLETS_SAMPLED));
  const sample = coupons.filter((_, i) => i % step === 0);
  const wrong: string[] = [];
  for (const { userId, couponId } of sample) {
    const wallet = await server.call<Wallet>('GET', `/v1/users/${userId}/coupons`);
    const found = wallet.items.filter((item) => item.couponId === couponId).length;
    if (found !== 1) wrong.push(`coupon ${couponId} is ${found} times in the wallet of user ${userId}`);
  }
  return wrong;
}

interface Audit {
  readonly ok: boolean;
  readonly checks: readonly unknown[];
}

/** The server's own checker over everything this server has done. */
export async function verifyAudit(server: Server): Promise<string[]> {
  const audit = await server.call<Audit>('GET', '/v1/audit');
  return audit.ok ? [] : [`audit: ${JSON.stringify(audit.checks).slice(0, 1000)}`];
}

/** Answers other than the one expected. */
export function verifyOutcomes(outcomes: Readonly<Record<string, number>>, expected: string): string[] {
  return Object.entries(outcomes)
    .filter(([outcome]) => outcome !== expected)
    .map(([outcome, count]) => `${count} answers were ${outcome}, not ${expected}`);
}
