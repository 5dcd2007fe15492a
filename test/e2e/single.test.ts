/** The profile `single` over real sockets, a real Redis and a real MariaDB: what is claimed ends in the database. */
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { type Database, newDatabase } from '../services/mysql.ts';
import { ClaimsBook } from '../support/book.ts';
import { checkPromises, stockOf } from '../support/check.ts';
import { Connection } from '../support/connection.ts';
import { claim } from '../support/crowd.ts';
import { Node, type Stores, sharedStores, singleEnv } from '../support/nodes.ts';
import { checkNodes, sellOut } from '../support/nodes-check.ts';
import { NodesCrowd } from '../support/nodes-crowd.ts';
import { seeded } from '../support/random.ts';
import { query } from '../support/rows.ts';
import { newActivity, newTemplate } from '../support/sales.ts';
import { newDataDir, runServe } from '../support/server.ts';
import { until } from '../support/wait.ts';

const LONG = process.env.LONG !== undefined;
const ROUNDS = LONG ? 12 : 1;
/** Of each template that a crowd buys; the rest is sold, too, before the books are compared. */
const STOCK = LONG ? 4000 : 320;
const cleanups: (() => Promise<unknown>)[] = [];
afterEach(async () => {
  for (const cleanup of cleanups.splice(0).reverse()) await cleanup();
});

async function newStores(): Promise<Stores> {
  const database: Database = await newDatabase();
  cleanups.push(() => database.drop());
  return sharedStores(database);
}

async function startNode(stores: Stores, env: Record<string, string> = {}): Promise<Node> {
  const node = new Node({ ...singleEnv(stores), ...env });
  cleanups.push(() => node.destroy());
  await node.start();
  return node;
}

test.each([
  { LOG_SYNC: 'always', OWNER_THREADS: '1', partitions: 1 },
  { LOG_SYNC: 'os', OWNER_THREADS: '3', partitions: 8 },
])('the book of claims ends in the database ($partitions partitions)', async ({ partitions, ...env }) => {
  const random = seeded('single');
  const stores = await newStores();
  const node = await startNode(stores, env);
  const one = await newTemplate(node.server, { stock: STOCK, partitions });
  const many = await newTemplate(node.server, { stock: STOCK, perUserLimit: 3, partitions });
  const sales = [one, many, await newActivity(node.server, many, { stock: STOCK / 4, perUserLimit: 2 })];
  const book = new ClaimsBook();
  const crowd = new NodesCrowd({ doors: [node], book, random, sales, users: STOCK, restMs: 0 });
  await until(() => book.count('claimed') > STOCK * 0.7, 'the crowd buys');
  await crowd.stop();
  expect(crowd.unanswered).toBe(0);
  // Where nothing fails a claim waits 250 ms for units at most; on a machine busy with other tests a few may wait in vain.
  expect(book.count('unavailable')).toBeLessThan(20);
  await checkPromises(node.server, book, sales);
  await checkNodes([node], stores.mysqlUrl, book, sales, random);
});

test('a restart keeps everything and sells on, be it stopped or killed', async () => {
  const random = seeded('single, restart');
  const stores = await newStores();
  const node = await startNode(stores, { OWNER_THREADS: '2' });
  const one = await newTemplate(node.server, { stock: STOCK, partitions: 4 });
  const many = await newTemplate(node.server, { stock: STOCK, perUserLimit: 3 });
  const sales = [one, many, await newActivity(node.server, many, { stock: STOCK / 4, perUserLimit: 2 })];
  const book = new ClaimsBook();
  for (let round = 0; round < ROUNDS; round++) {
    for (const end of ['stop', 'kill'] as const) {
      const crowd = new NodesCrowd({ doors: [node], book, random, sales, users: 3000, restMs: 0 });
      const answers = 100 + random.below(LONG ? 1200 : 400);
      await until(() => crowd.answered >= answers, `${answers} answers in round ${round}`);
      if (end === 'kill') await node.server.kill();
      else expect(await node.server.stop()).toBe(0);
      await crowd.stop();
      await node.start();
      await checkPromises(node.server, book, sales);
    }
  }
  await checkNodes([node], stores.mysqlUrl, book, sales, random);
});

/** What sells on one node needs none of its own. */
describe('a node', () => {
  let shared: { node: Node; stores: Stores };
  const ends: (() => Promise<unknown>)[] = [];

  beforeAll(async () => {
    const stores = await newStores();
    shared = { stores, node: await startNode(stores) };
    ends.push(...cleanups.splice(0));
  });
  afterAll(async () => {
    for (const end of ends.reverse()) await end();
  });

  test('an activity takes units from the template, sells, and gives the unsold back when it is stopped', async () => {
    const random = seeded('single, activity');
    const { node } = shared;
    const book = new ClaimsBook();
    const template = await newTemplate(node.server, { stock: 900, partitions: 4 });
    const activity = await newActivity(node.server, template, { stock: 600 });
    const sales = [template, activity];
    const crowd = new NodesCrowd({ doors: [node], book, random, sales: [activity], users: 5000 });
    await until(() => book.count('claimed') >= 100, 'the activity sells');
    await node.server.must(200, 'POST', `/v1/activities/${activity.activityId}/stop`);
    await crowd.stop().catch(() => {});
    // The crowd was told `ended`, which the book does not expect of an open sale.
    book.faults.splice(0, book.faults.length, ...book.faults.filter((fault) => !fault.includes('"ended"')));
    await sellOut([node], book, [template]);
    expect(await stockOf(node.server, template.templateId)).toMatchObject({ claimed: 900 });
    expect(book.coupons.size).toBe(900);
    await checkPromises(node.server, book, sales);

    const raised = await node.server.must(200, 'PUT', `/v1/templates/${template.templateId}/stock`, {
      total: 1200,
    });
    expect(raised).toMatchObject({ stock: 1200 });
    await newActivity(node.server, template, { stock: 100 });
    await node.server.kill();
    await node.start();
    await sellOut([node], book, [template]);
    expect(await stockOf(node.server, template.templateId)).toMatchObject({ claimed: 1100 });
  });

  test('an activity is enlarged by units that the node has in its hands', async () => {
    const { node } = shared;
    const template = await newTemplate(node.server, { stock: 1000 });
    const activity = await newActivity(node.server, template, { stock: 900 });
    const path = `/v1/activities/${activity.activityId}`;
    // A claim of the general pool: the node leases all of it.
    const connection = await Connection.open(node.port!);
    const book = new ClaimsBook();
    expect((await claim(connection, book, { sale: template, userId: '1', key: null })).status).toBe(201);
    expect(await node.server.must(200, 'PATCH', path, { stock: 980 })).toMatchObject({ stock: 980 });
    expect(await node.server.api('PATCH', path, { stock: 1000 })).toMatchObject({
      status: 409,
      json: { code: 'insufficient_stock' },
    });
    await sellOut([node], book, [template, activity]);
    expect(book.coupons.size).toBe(1000);
    connection.close();
  });

  test('a template of which an activity takes units is claimed from at once', async () => {
    const { node } = shared;
    const connection = await Connection.open(node.port!);
    const book = new ClaimsBook();
    for (let round = 0; round < 10; round++) {
      const template = await newTemplate(node.server, { stock: 1000 });
      await newActivity(node.server, template, { stock: 900 });
      expect((await claim(connection, book, { sale: template, userId: '1', key: null })).status).toBe(201);
    }
    connection.close();
  });

  test('raised stock is sold at once, to the last unit', async () => {
    const random = seeded('single, raised');
    const { node, stores } = shared;
    const book = new ClaimsBook();
    const sale = await newTemplate(node.server, { stock: 300, partitions: 4 });
    for (const total of [300, 301, 800]) {
      await node.server.must(200, 'PUT', `/v1/templates/${sale.templateId}/stock`, { total });
      await sellOut([node], book, [sale]);
      expect(book.coupons.size).toBe(total);
    }
    await checkNodes([node], stores.mysqlUrl, book, [sale], random);
  });

  test('another node on the same database is refused, and told what to do', async () => {
    const { node, stores } = shared;
    const sale = await newTemplate(node.server, { stock: 100 });
    const other = new Node(singleEnv(stores));
    cleanups.push(() => other.destroy());
    const refused = await other.refused();
    expect(refused.code).toBe(1);
    expect(refused.stderr).toContain('node forget');
    expect(await node.server.stop()).toBe(0);
    // A stopped one is not given up either.
    expect((await other.refused()).code).toBe(1);
    await node.start();
    const connection = await Connection.open(node.port!);
    const book = new ClaimsBook();
    expect((await claim(connection, book, { sale, userId: '1', key: null })).status).toBe(201);
    connection.close();
  });
});

test('half a configuration does not start, and what is missing is named', async () => {
  const { redisUrl, mysqlUrl } = await newStores();
  const cases: [Record<string, string>, string][] = [
    [{ REDIS_URL: redisUrl }, 'MYSQL_URL'],
    [{ MYSQL_URL: mysqlUrl }, 'REDIS_URL'],
    [{ PROFILE: 'single' }, 'REDIS_URL'],
    [{ PROFILE: 'embedded', REDIS_URL: redisUrl, MYSQL_URL: mysqlUrl }, 'PROFILE'],
    [{ PROFILE: 'cluster', REDIS_URL: redisUrl, MYSQL_URL: mysqlUrl }, 'CODE_KEY'],
  ];
  for (const [env, name] of cases) {
    const { code, stderr } = await runServe(newDataDir(), env);
    expect({ name, code }).toEqual({ name, code: 2 });
    expect(stderr).toContain(name);
    expect(stderr).not.toContain(new URL(mysqlUrl).password);
  }
});

test('a first start makes the tables; many at once on one database do no harm', async () => {
  const stores = await newStores();
  const { code, stderr } = await runServe(newDataDir(), {
    ...singleEnv(stores),
    MYSQL_URL: stores.mysqlUrl.replace('//doorbuster:', '//nobody:'),
  });
  expect(code).toBe(1);
  expect(stderr).toContain('nobody');
  await startNode(stores);
  const tables = await query(stores.mysqlUrl, 'SHOW TABLES');
  expect(tables.map((row) => Object.values(row)[0])).toContain('coupons');
});
