/**
 * A node is killed exactly between the commit of an order's change and the word to the wallets that are kept: the other
 * node, and the killed one in its next life, show what is so.
 */
import { Redis } from 'ioredis';
import { expect, test } from 'vitest';
import { AnswerHolder } from '../support/answer-holder.ts';
import { ConnectionLost } from '../support/connection.ts';
import { atTheEnd } from '../support/endings.ts';
import { clusterEnv, destroyAll, Node } from '../support/nodes.ts';
import { query } from '../support/rows.ts';
import { newTemplate } from '../support/sales.ts';
import { GATEWAY_KEY, Till } from '../support/till.ts';
import { until } from '../support/wait.ts';
import { onSaleEverywhere, ownStores } from './cluster-stage.ts';

const USER = '7';
const ORDER = { items: [{ goodsId: '1', price: 10_000, quantity: 4 }], shippingFee: 500 };
const PATIENCE_MS = 30_000;

/** Two nodes, and a coupon that is locked. One node reaches database and Redis through what can cut it off. */
async function stage() {
  const stores = await ownStores();
  const mysql = await AnswerHolder.before(stores.mysqlUrl);
  const redis = await AnswerHolder.before(stores.redisUrl);
  atTheEnd(() => Promise.all([mysql.holder.close(), redis.holder.close()]));
  const env = { ...clusterEnv(stores), OWNER_THREADS: '1', GATEWAY_KEY };
  const left = await Node.start(env);
  atTheEnd(() => destroyAll([left]));
  const cut = await Node.start({ ...env, MYSQL_URL: mysql.url, REDIS_URL: redis.url });
  atTheEnd(() => destroyAll([cut]));
  const tills = { left: new Till(() => left.port, PATIENCE_MS), cut: new Till(() => cut.port, PATIENCE_MS) };
  atTheEnd(async () => {
    for (const till of Object.values(tills)) till.closeConnections();
  });
  const sale = await newTemplate(left.server, { stock: 100, perUserLimit: 10 });
  await onSaleEverywhere([left, cut], [sale]);
  const claims = `/v1/templates/${sale.templateId}/claims`;
  const { couponId } = await tills.cut.must(201, { user: USER }, 'POST', claims);
  const lock = { userId: USER, orderId: 'one', couponIds: [couponId], ...ORDER };
  const { redemptionId } = await tills.cut.must(201, 'service', 'POST', '/v1/redemptions', lock);
  return { stores, cut, tills, mysql, redis, couponId, path: `/v1/redemptions/${redemptionId}` };
}

/** In the list and alone. */
async function seen(till: Till, couponId: string): Promise<string[]> {
  const { items } = await till.must(200, { user: USER }, 'GET', '/v1/me/coupons');
  return [items[0].status, (await till.seen(USER, couponId)).status];
}

/** Until Redis and the process keep it. */
async function seenOften(till: Till, couponId: string): Promise<string[]> {
  for (let i = 0; i < 3; i++) await seen(till, couponId);
  return seen(till, couponId);
}

/** The node has the change committed and is killed before it hears so. */
async function die({ cut, tills, mysql }: Awaited<ReturnType<typeof stage>>, path: string, body?: object) {
  const committed = mysql.holder.keepCommitAfter('INSERT INTO coupon_events');
  const outcome = tills.cut.call('service', 'POST', path, body).then(
    ({ text }) => text,
    (error: unknown) => (error instanceof ConnectionLost ? 'cut off' : error),
  );
  await committed;
  await cut.server.kill();
  expect(await outcome).toBe('cut off');
}

test('what a killed node has committed is seen at the other one at once', { timeout: 120_000 }, async () => {
  const all = await stage();
  const { cut, tills, couponId, path } = all;
  expect(await seenOften(tills.left, couponId)).toEqual(['locked', 'locked']);
  await die(all, `${path}/use`, ORDER);
  expect(await seen(tills.left, couponId)).toEqual(['used', 'used']);
  await cut.start();
  expect(await seenOften(tills.cut, couponId)).toEqual(['used', 'used']);
  expect(await seenOften(tills.left, couponId)).toEqual(['used', 'used']);
  await die(all, `${path}/revert`);
  expect(await seen(tills.left, couponId)).toEqual(['usable', 'usable']);
});

test('also by a node that could not announce it, soon', { timeout: 120_000 }, async () => {
  const all = await stage();
  const { tills, stores, redis, couponId, path } = all;
  const [fact] = await query(stores.mysqlUrl, `SELECT value FROM facts WHERE name = 'installation'`);
  const client = new Redis(stores.redisUrl);
  atTheEnd(() => client.quit());
  const keys = [USER, `coupon-${couponId}`].map((owner) => `doorbuster:${fact!.value}:wallet:${owner}`);
  const generations = () => Promise.all(keys.map((key) => client.hget(key, 'generation')));
  let kept: (string | null)[] = [];
  await until(async () => {
    await seen(tills.left, couponId);
    kept = await generations();
    return kept.every((generation) => generation !== null);
  }, 'the wallet and the coupon are kept');
  await redis.holder.close();
  await die(all, `${path}/use`, ORDER);
  // Sooner than their time to live would end them.
  await until(
    async () => (await generations()).every((generation, i) => generation !== kept[i]),
    'what was kept of the wallet and the coupon is over',
    PATIENCE_MS,
  );
  expect(await seenOften(tills.left, couponId)).toEqual(['used', 'used']);
});
