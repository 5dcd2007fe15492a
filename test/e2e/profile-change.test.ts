/** An installation that changes its profile: what was acknowledged comes along, and nobody sells past it. */
import fs from 'node:fs';
import path from 'node:path';
import { afterEach, expect, test } from 'vitest';
import { newDatabase, startMysql } from '../services/mysql.ts';
import { ClaimsBook } from '../support/book.ts';
import { clusterEnv, destroyAll, Node, sharedStores, singleEnv } from '../support/nodes.ts';
import { checkNodes, claimAtEach } from '../support/nodes-check.ts';
import { NodesCrowd } from '../support/nodes-crowd.ts';
import { seeded } from '../support/random.ts';
import { query } from '../support/rows.ts';
import { newTemplate } from '../support/sales.ts';
import { until } from '../support/wait.ts';

const STOCK = 600;
const USERS = 1200;

const cleanups: (() => unknown)[] = [];
afterEach(async () => {
  for (const cleanup of cleanups.splice(0).reverse()) await cleanup();
});

function node(env: Record<string, string>): Node {
  const one = new Node({ ...env, OWNER_THREADS: '2' });
  cleanups.push(() => destroyAll([one]));
  return one;
}

test('single, killed with claims in its log only, becomes the first node of a cluster', {
  timeout: 180_000,
}, async () => {
  const random = seeded('single to cluster');
  const mysql = await startMysql();
  cleanups.push(() => mysql.stop());
  const stores = { ...sharedStores(await newDatabase(mysql.url)) };
  const first = node({ ...singleEnv(stores) });
  await first.start();
  const sale = await newTemplate(first.server, { stock: STOCK, partitions: 2 });
  const book = new ClaimsBook();
  const crowd = (doors: readonly Node[]) =>
    new NodesCrowd({ doors, book, random, sales: [sale], users: USERS });
  const before = crowd([first]);
  await until(() => book.count('claimed') > 100, 'the crowd buys');
  await mysql.kill();
  await until(() => book.count('claimed') > 300, 'the crowd buys while the database is away');
  await first.server.kill();
  await before.stop();
  await mysql.start();

  const second = node({ ...clusterEnv(stores) });
  const refused = await second.refused();
  expect(refused.code).toBe(1);
  expect(refused.stderr).toContain('start that node with PROFILE=cluster first');
  first.env = { ...first.env, PROFILE: 'cluster' };
  await first.start();
  await second.start();
  const after = crowd([first, second]);
  await until(
    () => after.won.every((won) => won > 20),
    () => `both sell: ${after.won}`,
  );
  await after.stop();
  await checkNodes([first, second], stores.mysqlUrl, book, [sale], random);
});

// Seven starts, one after the other.
test('a cluster becomes single when every node has left it', { timeout: 180_000 }, async () => {
  const random = seeded('cluster to single');
  const database = await newDatabase();
  cleanups.push(() => database.drop());
  const stores = sharedStores(database);
  const nodes = [node({ ...clusterEnv(stores) }), node({ ...clusterEnv(stores) })];
  for (const one of nodes) await one.start();
  const sale = await newTemplate(nodes[0].server, { stock: STOCK, partitions: 2 });
  await until(() => nodes[1].isOnSale(`/v1/templates/${sale.templateId}`), 'both have heard of it');
  const book = new ClaimsBook();
  await claimAtEach(nodes, book, sale);
  const crowd = new NodesCrowd({ doors: nodes, book, random, sales: [sale], users: USERS });
  await until(
    () => crowd.won.every((won) => won > 100),
    () => `both sell: ${crowd.won}`,
  );
  const [one, other] = nodes;
  await other.server.kill();
  await crowd.stop();

  const alone = node({ ...singleEnv(stores) });
  const refused = await alone.refused();
  expect(refused.code).toBe(1);
  expect(refused.stderr).toContain('this installation is a cluster');
  await other.start();
  for (const left of nodes) expect(await left.server.stop()).toBe(0);
  one.env = { ...one.env, PROFILE: 'single' };
  await one.start();
  await checkNodes([one], stores.mysqlUrl, book, [sale], random);
  // What the one has flushed of its log says nothing about the log of the other.
  const flushed = (await query(stores.mysqlUrl, 'SELECT log_id FROM watermarks')).map(({ log_id }) =>
    Number(log_id),
  );
  expect(flushed.length).toBeGreaterThan(0);
  const logs = fs.readdirSync(path.join(other.dataDir, 'log')).map(Number);
  expect(logs.length).toBeGreaterThan(0);
  expect(logs.filter((logId) => flushed.includes(logId))).toEqual([]);
  // And back.
  expect(await one.server.stop()).toBe(0);
  one.env = { ...one.env, PROFILE: 'cluster' };
  for (const back of nodes) await back.start();
  await checkNodes(nodes, stores.mysqlUrl, book, [sale], random);
});
