/**
 * Sagas to the end: a coordinator whose network loses, doubles and delays calls, other participants that refuse, and a
 * server that is killed in between. Each is wholly done or wholly undone afterwards.
 */
import { afterEach, expect, test } from 'vitest';
import { newDatabase } from '../services/mysql.ts';
import { Coordinator } from '../support/coordinator.ts';
import { Node, sharedStores, singleEnv } from '../support/nodes.ts';
import { seeded } from '../support/random.ts';
import { SagaCrowd } from '../support/saga-crowd.ts';
import { newTemplate } from '../support/sales.ts';
import { type Environment, newDataDir, type Server, startServer } from '../support/server.ts';
import { until } from '../support/wait.ts';

const LONG = process.env.LONG !== undefined;
const SAGAS = LONG ? 5000 : 120;
const KILLS = LONG ? 20 : 2;
const cleanups: (() => Promise<unknown>)[] = [];
afterEach(async () => {
  for (const cleanup of cleanups.splice(0).reverse()) await cleanup();
});

async function database(): Promise<Environment> {
  const made = await newDatabase();
  cleanups.push(() => made.drop());
  return singleEnv(sharedStores(made));
}

test.each([
  { name: 'in the embedded store', environment: async (): Promise<Environment> => ({}), sagas: SAGAS },
  { name: 'in a database', environment: database, sagas: SAGAS / 5 },
])('each saga is done or undone, $name', async ({ name, environment, sagas }) => {
  const random = seeded(`sagas, ${name}`);
  const node = await Node.start(await environment());
  cleanups.push(() => node.destroy());
  const { templateId } = await newTemplate(node.server, { stock: 10_000, perUserLimit: 1000 });
  const coordinator = new Coordinator({ port: () => node.port, random });
  const crowd = new SagaCrowd(node, random, templateId, coordinator);
  const run = crowd.run(sagas);
  for (let kill = 1; kill <= KILLS; kill++) {
    const enough = (sagas / (KILLS + 1)) * kill;
    await Promise.race([run, until(() => crowd.paid.length >= enough, `${enough} sagas`, 600_000)]);
    await node.server.kill();
    await node.start();
  }
  await run;
  await coordinator.settle();
  const through = crowd.paid.filter(({ wentThrough }) => wentThrough).length;
  console.log(`${sagas} sagas, ${through} went through, ${coordinator.calls} calls`);
  expect(crowd.paid.length).toBe(sagas);
  expect(through).toBeGreaterThan(sagas / 8);
  expect(through).toBeLessThan(sagas * 0.9);
  expect((await crowd.faults()).slice(0, 10)).toEqual([]);
});

test('a branch is told what is wrong with its call, and what it asked for', async () => {
  const server = await startServer({ dataDir: newDataDir() });
  cleanups.push(() => server.destroy());
  const { templateId } = await newTemplate(server);
  const claimed = await asUser(server, `/v1/templates/${templateId}/claims`);
  const { couponId } = (await claimed.json()) as { couponId: string };
  const items = [{ goodsId: '1', price: 30_000, quantity: 1 }];
  const order = { userId: '7', orderId: 'ONGOING' };
  const query = (op: string, more = '') => `?gid=g1&trans_type=saga&branch_id=01&op=${op}${more}`;
  const post = (path: string, body: object) => server.api('POST', `/v1/saga/${path}`, body);

  expect(await post('lock', { ...order, couponIds: [couponId], items })).toMatchObject({
    status: 400,
    json: { code: 'invalid_request' },
  });
  expect(await post(`release${query('action')}`, order)).toMatchObject({ status: 400 });
  for (const [changes, code] of [
    [{ couponIds: [] }, 'no_coupon'],
    [{ couponIds: [couponId, couponId] }, 'not_applicable'],
    [{ couponIds: ['4294967297000'] }, 'not_applicable'],
    [{ shippingFee: Number.MAX_SAFE_INTEGER }, 'not_applicable'],
    [{ items: [{ goodsId: 'ONGOING', price: 1, quantity: 1 }] }, 'not_applicable'],
  ] as const)
    for (let i = 0; i < 2; i++) {
      const body = { ...order, couponIds: [couponId], items, ...changes };
      const answer = await post(`lock${query('action')}`, body);
      expect(answer).toMatchObject({ status: 409, json: { code } });
      expect(answer.text).not.toContain('ONGOING');
    }
  expect(await post(`use${query('action')}`, order)).toMatchObject({
    status: 409,
    json: { code: 'not_locked' },
  });

  const lock = { ...order, couponIds: [couponId], items };
  const locked = await post(`lock${query('action', '&dtm=x&phase2_url=y')}`, lock);
  expect(locked).toMatchObject({ status: 200, json: { state: 'locked' } });
  expect(await post(`lock${query('action')}`, lock)).toMatchObject({ status: 200, json: locked.json });
  expect(await server.must(200, 'GET', `/v1/coupons/${couponId}`)).toMatchObject({ status: 'locked' });
  const other = query('action').replace('g1', 'g2');
  expect(await post(`lock${other}`, { ...lock, orderId: 'another' })).toMatchObject({
    status: 409,
    json: { code: 'coupon_locked' },
  });
  expect(await post(`release${query('compensate')}`, lock)).toMatchObject({
    status: 200,
    json: { state: 'released' },
  });
  expect(await server.must(200, 'GET', `/v1/coupons/${couponId}`)).toMatchObject({ status: 'usable' });
  expect(await post(`revert${query('compensate').replace('g1', 'g3')}`, order)).toMatchObject({
    status: 200,
    json: { redemptionId: null, state: null },
  });
  expect((await asUser(server, `/v1/saga/use${query('action')}`, order)).status).toBe(403);
});

function asUser(server: Server, path: string, body?: object): Promise<Response> {
  return fetch(`http://127.0.0.1:${server.port}${path}`, {
    method: 'POST',
    headers: { 'X-User-Id': '7' },
    ...(body === undefined ? {} : { body: JSON.stringify(body) }),
  });
}
