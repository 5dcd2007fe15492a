/** Two nodes: what one does the other knows, and one may go at any time. */
import { describe, expect, test } from 'vitest';
import { ClaimsBook, type Sale } from '../support/book.ts';
import { stockOf } from '../support/check.ts';
import { Connection } from '../support/connection.ts';
import { claim, claimPath } from '../support/crowd.ts';
import { atTheEnd } from '../support/endings.ts';
import { Market } from '../support/market.ts';
import type { Node } from '../support/nodes.ts';
import { checkNodes, claimAtEach, claimUntilAnswered, sellOut } from '../support/nodes-check.ts';
import { NodesCrowd } from '../support/nodes-crowd.ts';
import { seeded } from '../support/random.ts';
import { newActivity, newTemplate } from '../support/sales.ts';
import { ADMIN_TOKEN } from '../support/server.ts';
import { until } from '../support/wait.ts';
import { onSaleEverywhere, sharedCluster } from './cluster-stage.ts';

const LONG = process.env.LONG !== undefined;
const AT_ONCE = 64;
const ORDER_ITEMS = [{ goodsId: '1', price: 30_000, quantity: 1 }];
/** What one node changes, all others know after this. */
const NEWS_MS = 1_000;

/** Resolves with how long it took until `look` was content. */
async function heardWithin(ms: number, what: string, look: () => Promise<boolean>): Promise<number> {
  const startMs = Date.now();
  await until(look, what, ms + 2000);
  const took = Date.now() - startMs;
  expect({ what, late: took > ms, took }).toMatchObject({ late: false });
  return took;
}

/** Of a node: what a fresh user's claim is answered. Those that won are in the book. */
async function tryAt(node: Node, book: ClaimsBook, sale: Sale, userId: string): Promise<string> {
  const connection = await Connection.open(node.port!);
  try {
    const { json } = await claim(connection, book, { sale, userId, key: null });
    return json.status === 'claimed' || json.status === 'already_claimed' ? json.status : json.code;
  } finally {
    connection.close();
  }
}

describe('two nodes', () => {
  const cluster = sharedCluster(2);

  test('a claim at one is in the wallet at the other at once, and repeats there are the same coupon', async () => {
    const { nodes } = cluster();
    const book = new ClaimsBook();
    const one = await newTemplate(nodes[0].server, { stock: 500 });
    const many = await newTemplate(nodes[0].server, { stock: 500, perUserLimit: 3 });
    const connections = await Promise.all(nodes.map(({ port }) => Connection.open(port!)));
    await onSaleEverywhere(nodes, [one, many]);
    for (let i = 0; i < 60; i++) {
      const [here, there] = i % 2 === 0 ? connections : [...connections].reverse();
      const userId = String(i + 1);
      const headers = { 'X-User-Id': userId };
      const ids: string[] = [];
      for (const sale of [one, many, many]) {
        const won = await claim(here, book, { sale, userId, key: null });
        expect(won.status).toBe(201);
        ids.unshift(won.json.couponId);
        const { json } = await there.request({ path: '/v1/me/coupons', headers });
        expect(json.items.map(({ couponId }: { couponId: string }) => couponId).sort()).toEqual(
          [...ids].sort(),
        );
        const coupon = await there.request({ path: `/v1/me/coupons/${ids[0]}`, headers });
        expect(coupon).toMatchObject({ status: 200, json: { couponCode: won.json.couponCode } });
      }
      const again = await claim(there, book, { sale: one, userId, key: null });
      expect(again).toMatchObject({ status: 200, json: { couponId: ids[2] } });
    }
    for (const connection of connections) connection.close();
    expect(book.faults).toEqual([]);
  });

  test('what one changes of a template the other knows within a second', async () => {
    const random = seeded('two nodes, changes');
    const { nodes, mysqlUrl } = cluster();
    const [here, there] = nodes;
    const book = new ClaimsBook();
    let user = 100;
    const fresh = (sale: Sale) => tryAt(there, book, sale, String(user++));
    const tookMs: number[] = [];
    const heard = async (what: string, look: () => Promise<boolean>): Promise<void> => {
      tookMs.push(await heardWithin(NEWS_MS, what, look));
    };
    for (let round = 0; round < (LONG ? 20 : 1); round++) {
      const sale = await newTemplate(here.server, { stock: 100 });
      const path = `/v1/templates/${sale.templateId}`;
      await heard('published', () => there.isOnSale(path));
      expect(await fresh(sale)).toBe('claimed');
      await here.server.must(200, 'POST', `${path}/disable`);
      await heard('disabled', async () => (await fresh(sale)) === 'not_active');
      await here.server.must(200, 'POST', `${path}/publish`);
      await heard('published again', async () => (await fresh(sale)) === 'claimed');
      // Refused as they had to be; the book knows of open sales only.
      book.faults.splice(
        0,
        book.faults.length,
        ...book.faults.filter((one) => !one.includes('"not_active"')),
      );
      await sellOut([there], book, [sale]);
      await here.server.must(200, 'PUT', `${path}/stock`, { total: 160 });
      await heard('raised', async () => (await fresh(sale)) === 'claimed');
      await checkNodes(nodes, mysqlUrl, book, [sale], random);
    }
    console.log(`news in ms: ${tookMs.join(', ')}`);
  });

  test('an activity made at one sells at both; stopped at the other, its unsold units come back', async () => {
    const random = seeded('two nodes, activity');
    const { nodes, mysqlUrl } = cluster();
    const [here, there] = nodes;
    const book = new ClaimsBook();
    const template = await newTemplate(here.server, { stock: 1200, perUserLimit: 2, partitions: 2 });
    await onSaleEverywhere(nodes, [template]);
    // Both hold units of the general pool before it is asked for most of them.
    await claimAtEach(nodes, book, template);
    const activity = await newActivity(here.server, template, { stock: 1000 });
    const path = `/v1/activities/${activity.activityId}`;
    await heardWithin(NEWS_MS, 'created', () => there.isOnSale(path));
    const options = { doors: nodes, book, random, sales: [activity], users: 50_000 };
    const crowd = new NodesCrowd(options);
    await until(() => crowd.won.every((won) => won > 100), 'both sell it');
    await crowd.stop();
    await there.server.must(200, 'POST', `${path}/stop`);
    const ignored = new ClaimsBook();
    await heardWithin(
      NEWS_MS,
      'stopped',
      async () => (await tryAt(here, ignored, activity, '60001')) === 'ended',
    );
    await sellOut(nodes, book, [template]);
    await checkNodes(nodes, mysqlUrl, book, [template], random);
    expect(await stockOf(here.server, template.templateId)).toMatchObject({ total: 1200, claimed: 1200 });
  });

  test('other people see nothing of it: a user’s coupons stay that user’s', async () => {
    const { nodes } = cluster();
    const book = new ClaimsBook();
    const sale = await newTemplate(nodes[0].server, { stock: 10 });
    const [here, there] = await Promise.all(nodes.map(({ port }) => Connection.open(port!)));
    const { json } = await claimUntilAnswered(here, book, sale, '1');
    const path = `/v1/me/coupons/${json.couponId}`;
    expect((await there.request({ path, headers: { 'X-User-Id': '2' } })).status).toBe(404);
    expect((await there.request({ path, headers: { 'X-User-Id': '1' } })).status).toBe(200);
    expect((await there.request({ method: 'POST', path: claimPath(sale) })).status).toBe(401);
    here.close();
    there.close();
  });

  test('where usable coupons count, one use makes room for one claim, at whichever node', async () => {
    const { nodes } = cluster();
    const sale = await newTemplate(nodes[0]!.server, { limitCounts: 'usable' });
    await onSaleEverywhere(nodes, [sale]);
    const connections = await Promise.all(
      Array.from({ length: AT_ONCE }, (_, n) => Connection.open(nodes[n % 2]!.port!)),
    );
    const operator = { Authorization: `Bearer ${ADMIN_TOKEN}` };
    const user = '4711';
    const claims = () =>
      Promise.all(
        connections.map((one) =>
          one.request({
            method: 'POST',
            path: `/v1/templates/${sale.templateId}/claims`,
            headers: { 'X-User-Id': user },
          }),
        ),
      );
    const wins = async (): Promise<string[]> => {
      const answers = await claims();
      expect(answers.filter(({ status }) => ![200, 201, 503].includes(status))).toEqual([]);
      return answers.filter(({ status }) => status === 201).map(({ json }) => json.couponId);
    };

    const held: string[] = [];
    for (let round = 0; round < 4; round++) {
      if (round > 0) {
        const order = {
          userId: user,
          orderId: `order-${round}`,
          couponIds: [held.at(-1)!],
          items: ORDER_ITEMS,
          use: true,
        };
        const request = {
          method: 'POST',
          path: '/v1/redemptions',
          headers: operator,
          body: JSON.stringify(order),
        };
        await until(
          async () => (await connections[round % 2]!.request(request)).status < 300,
          'it is used',
          20_000,
        );
      }
      // A shard may be between two seats: then nobody wins yet.
      const won = await until(
        async () => {
          const got = await wins();
          return got.length > 0 && got;
        },
        'somebody wins',
        20_000,
      );
      expect(won.length).toBe(1);
      held.push(won[0]!);
      expect(await wins()).toEqual([]);
    }
    expect(new Set(held).size).toBe(held.length);
    for (const one of connections) one.close();
    await until(
      async () => (await nodes[1]!.server.must(200, 'GET', '/v1/audit')).ok === true,
      'the audit is clean',
      20_000,
    );
  });

  test('one stopped and started again under load, then the other: nothing is missed', async () => {
    const market = await Market.open(cluster());
    atTheEnd(() => market.destroy());
    const ends = ['stop', 'kill'];
    for (const end of LONG ? [...ends, ...ends] : ends) {
      for (const [at, node] of market.nodes.entries()) {
        // Without the long run each of them once.
        if (!LONG && ends[at] !== end) continue;
        await market.winsAt(at, 100);
        if (end === 'stop') expect(await node.server.stop()).toBe(0);
        else await node.server.kill();
        await market.winsAt(1 - at, 50, 30_000);
        await node.start();
        await market.winsAt(at, 50, 30_000);
      }
    }
    await market.close();
  }, 180_000);
});
