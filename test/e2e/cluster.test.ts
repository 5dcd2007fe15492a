/** Several nodes behind no balancer at all: every user tries everywhere at once, and all nodes tell one story. */
import { afterEach, describe, expect, test } from 'vitest';
import { newDatabase } from '../services/mysql.ts';
import { ClaimsBook, type Sale } from '../support/book.ts';
import { stockOf } from '../support/check.ts';
import { Connection } from '../support/connection.ts';
import { claim, claimPath } from '../support/crowd.ts';
import { Market } from '../support/market.ts';
import { clusterEnv, destroyAll, type Node, sharedStores, startNodes } from '../support/nodes.ts';
import { checkNodes, claimUntilAnswered, sellOut } from '../support/nodes-check.ts';
import { NodesCrowd } from '../support/nodes-crowd.ts';
import { seeded } from '../support/random.ts';
import { newActivity, newTemplate } from '../support/sales.ts';
import { until } from '../support/wait.ts';

const LONG = process.env.LONG !== undefined;
/** What one node changes, all others know after this. */
const NEWS_MS = 1_000;
/** A dead node's units are back: its seat is over, and somebody has looked. */
const BACK_MS = 20_000;

const cleanups: (() => unknown)[] = [];
afterEach(async () => {
  for (const cleanup of cleanups.splice(0).reverse()) await cleanup();
});

async function startCluster(count: number, env: Record<string, string> = {}) {
  const database = await newDatabase();
  cleanups.push(() => database.drop());
  const stores = sharedStores(database);
  const nodes = await startNodes(count, { ...clusterEnv(stores), OWNER_THREADS: '2', ...env });
  cleanups.push(() => destroyAll(nodes));
  return { nodes, mysqlUrl: stores.mysqlUrl };
}

/** Resolves with how long it took until `look` was content. */
async function heardWithin(ms: number, what: string, look: () => Promise<boolean>): Promise<number> {
  const startMs = Date.now();
  await until(look, what, ms + 2000);
  const took = Date.now() - startMs;
  expect({ what, late: took > ms, took }).toMatchObject({ late: false });
  return took;
}

async function onSaleEverywhere(nodes: readonly Node[], sales: readonly Sale[]): Promise<void> {
  for (const { templateId } of sales)
    for (const node of nodes)
      await until(
        () => node.isOnSale(`/v1/templates/${templateId}`),
        `every node sells template ${templateId}`,
      );
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

describe.each([2, 4])('%i nodes, one hot template', (count) => {
  test('each user at every node at once: one coupon each, and all of the stock', async () => {
    const random = seeded(`${count} nodes`);
    const { nodes, mysqlUrl } = await startCluster(count);
    const stock = LONG ? 20_000 : 1600 / count;
    const sale = await newTemplate(nodes[0].server, { stock, partitions: 4 });
    await onSaleEverywhere(nodes, [sale]);
    const book = new ClaimsBook();
    let next = 1;
    let disagreements = 0;
    const lane = async (): Promise<void> => {
      const connections = await Promise.all(nodes.map(({ port }) => Connection.open(port!)));
      while (next <= stock * 1.3) {
        const userId = String(next++);
        const answers = await Promise.all(
          connections.map((connection) => claimUntilAnswered(connection, book, sale, userId)),
        );
        const ids = new Set(answers.map(({ json }) => json.couponId ?? json.code));
        if (ids.size > 1) disagreements++;
        const wins = answers.filter(({ status }) => status === 201).length;
        if (wins > 1) book.fault(`user ${userId} won at ${wins} nodes`);
      }
      for (const connection of connections) connection.close();
    };
    await Promise.all(Array.from({ length: 16 }, lane));
    expect(book.faults).toEqual([]);
    expect(disagreements).toBe(0);
    expect(book.count('claimed')).toBe(stock);
    expect(book.count('already_claimed')).toBe(stock * (count - 1));
    await checkNodes(nodes, mysqlUrl, book, [sale], random);
  });

  test('one node killed in the middle: its claims stand, the others sell what it had', async () => {
    const random = seeded(`${count} nodes, one killed`);
    const { nodes, mysqlUrl } = await startCluster(count);
    const stock = LONG ? 20_000 : 2000;
    const sale = await newTemplate(nodes[0].server, { stock, partitions: 4 });
    await onSaleEverywhere(nodes, [sale]);
    const book = new ClaimsBook();
    const options = { doors: nodes, book, random, sales: [sale], users: stock * 2, connections: 6 };
    const crowd = new NodesCrowd({ ...options, restMs: 2 });
    await until(() => book.count('claimed') > stock / 3, 'the crowd buys');
    await nodes[count - 1].server.kill();
    const killedMs = Date.now();
    const others = nodes.slice(0, -1);
    await crowd.stop();
    await sellOut(others, book, [sale]);
    expect(Date.now() - killedMs).toBeLessThan(BACK_MS);
    await checkNodes(others, mysqlUrl, book, [sale], random);
  });
});

describe('two nodes', () => {
  test('a claim at one is in the wallet at the other at once, and repeats there are the same coupon', async () => {
    const { nodes } = await startCluster(2);
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
    const { nodes, mysqlUrl } = await startCluster(2);
    const [here, there] = nodes;
    const book = new ClaimsBook();
    let user = 100;
    const fresh = (sale: Sale) => tryAt(there, book, sale, String(user++));
    const tookMs: number[] = [];
    const heard = async (what: string, look: () => Promise<boolean>): Promise<void> => {
      tookMs.push(await heardWithin(NEWS_MS, what, look));
    };
    for (let round = 0; round < (LONG ? 20 : 3); round++) {
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
    const { nodes, mysqlUrl } = await startCluster(2);
    const [here, there] = nodes;
    const book = new ClaimsBook();
    const template = await newTemplate(here.server, { stock: 1200, perUserLimit: 2, partitions: 2 });
    const open = await Promise.all(nodes.map(({ port }) => Connection.open(port!)));
    await onSaleEverywhere(nodes, [template]);
    // Both hold units of the general pool before it is asked for most of them.
    for (const [at, connection] of open.entries())
      await claimUntilAnswered(connection, book, template, String(900_000 + at));
    const activity = await newActivity(here.server, template, { stock: 1000 });
    const path = `/v1/activities/${activity.activityId}`;
    await heardWithin(NEWS_MS, 'created', () => there.isOnSale(path));
    for (const connection of open) connection.close();
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

  test('one stopped and started again under load, then the other: nothing is missed', async () => {
    const database = await newDatabase();
    cleanups.push(() => database.drop());
    const stores = sharedStores(database);
    const market = await Market.open({ nodes: 2, env: clusterEnv(stores), mysqlUrl: database.url });
    cleanups.push(() => market.destroy());
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

  test('other people see nothing of it: a user’s coupons stay that user’s', async () => {
    const { nodes } = await startCluster(2);
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
});
