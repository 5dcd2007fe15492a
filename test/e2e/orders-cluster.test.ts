/** Orders at two nodes: a coupon claimed at one is locked at the other at once, and all tell one story of it. */
import { expect, test } from 'vitest';
import { Connection } from '../support/connection.ts';
import type { Node } from '../support/nodes.ts';
import { newTemplate } from '../support/sales.ts';
import { ADMIN_TOKEN } from '../support/server.ts';
import { until } from '../support/wait.ts';
import { onSaleEverywhere, startCluster } from './cluster-stage.ts';

const USERS = process.env.LONG ? 40 : 24;
const ORDER = { items: [{ goodsId: '1', price: 10_000, quantity: 4 }], shippingFee: 500 };
const PATIENCE_MS = 30_000;

interface Asked {
  readonly method?: string;
  readonly path: string;
  readonly body?: unknown;
  /** null: the order system. */
  readonly user: string | null;
}

async function ask(node: Node, { method = 'POST', path, body, user }: Asked) {
  const connection = await Connection.open(node.port!);
  try {
    const headers: Record<string, string> =
      user === null ? { Authorization: `Bearer ${ADMIN_TOKEN}` } : { 'X-User-Id': user };
    return await connection.request({
      method,
      path,
      headers,
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    });
  } finally {
    connection.close();
  }
}

/** Again while the node says `unavailable`: a shard may be on its way from one seat to the next. */
function answered(node: Node, asked: Asked) {
  return until(
    async () => {
      const answer = await ask(node, asked);
      return answer.status !== 503 && answer;
    },
    `${asked.path} is answered`,
    PATIENCE_MS,
  );
}

test('orders live at both nodes, and outlive one of them', { timeout: 120_000 }, async () => {
  const { nodes } = await startCluster(2, { SEAT_TTL: '4s' });
  const sale = await newTemplate(nodes[0]!.server, { stock: 3 * USERS, perUserLimit: 3 });
  await onSaleEverywhere(nodes, [sale]);
  const claims = `/v1/templates/${sale.templateId}/claims`;
  const status = async (node: Node, user: string, couponId: string): Promise<string> =>
    (await answered(node, { method: 'GET', path: `/v1/me/coupons/${couponId}`, user })).json.status;

  const orders = await Promise.all(
    Array.from({ length: USERS }, async (_, i) => {
      const user = String(i + 1);
      const [here, there] = (i % 2 === 0 ? nodes : [...nodes].reverse()) as [Node, Node];
      const { couponId } = (await answered(here, { path: claims, user })).json;
      const lock = { orderId: `order-${user}`, couponIds: [couponId], ...ORDER };
      const made = await answered(there, { path: '/v1/redemptions', user, body: lock });
      expect({ user, status: made.status, text: made.text }).toMatchObject({ status: 201 });
      const again = await answered(here, { path: '/v1/redemptions', user, body: lock });
      expect(again).toMatchObject({ status: 200, json: { redemptionId: made.json.redemptionId } });
      for (const node of nodes) expect(await status(node, user, couponId)).toBe('locked');
      const { redemptionId, quote } = made.json;
      return { user, couponId, here, there, path: `/v1/redemptions/${redemptionId}`, paid: quote.payable };
    }),
  );

  // Two orders of one user at both nodes at once: one gets the coupon.
  await Promise.all(
    orders.map(async ({ user }) => {
      const { couponId } = (await answered(nodes[0]!, { path: claims, user })).json;
      const outcomes = await Promise.all(
        nodes.map((node, at) => {
          const body = { orderId: `rival-${at}`, couponIds: [couponId], ...ORDER };
          return answered(node, { path: '/v1/redemptions', user, body });
        }),
      );
      expect(outcomes.map(({ json }) => json.code ?? json.state).sort()).toEqual(['coupon_locked', 'locked']);
    }),
  );

  for (const { user, couponId, here, there, path } of orders) {
    const used = await answered(here, { path: `${path}/use`, user: null, body: ORDER });
    expect(used).toMatchObject({ status: 200, json: { state: 'used' } });
    expect(await status(there, user, couponId)).toBe('used');
  }

  const [left, killed] = nodes as [Node, Node];
  await killed.server.kill();
  for (const { user, couponId, path, paid } of orders) {
    const reverted = await answered(left, { path: `${path}/revert`, user: null });
    expect(reverted).toMatchObject({ status: 200, json: { state: 'reverted', refund: paid } });
    expect(await status(left, user, couponId)).toBe('usable');
  }
  await killed.start();
  for (const node of nodes)
    expect(await node.server.must(200, 'GET', '/v1/audit')).toMatchObject({ ok: true });
});
