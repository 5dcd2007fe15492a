/**
 * Shoppers lock, replace, use and give back at two nodes, of which one or both are killed at random moments and started
 * again while the other goes on: every answer that was given still holds at both, whoever gave it.
 */
import { expect, test } from 'vitest';
import { atTheEnd } from '../support/endings.ts';
import type { Node } from '../support/nodes.ts';
import { OrdersBook } from '../support/orders-book.ts';
import { faultsOfBook } from '../support/orders-check.ts';
import { OrdersCrowd, USERS } from '../support/orders-crowd.ts';
import { type Random, seeded } from '../support/random.ts';
import { newTemplate } from '../support/sales.ts';
import { GATEWAY_KEY, Till } from '../support/till.ts';
import { until } from '../support/wait.ts';
import { onSaleEverywhere, startCluster } from './cluster-stage.ts';

const ROUNDS = process.env.LONG ? 24 : 1;
const KILLS_MAX = process.env.LONG ? 3 : 2;
const ANSWERS_MAX = process.env.LONG ? 400 : 80;
const PATIENCE_MS = 60_000;
const ACTIONS = ['lock', 'replace', 'use', 'release', 'revert', 'returns'];
const DISCOUNTS = [
  { kind: 'instant', off: 700 },
  { kind: 'percent', rate: 9000 },
  { kind: 'threshold', tiers: [{ spend: 5000, off: 500 }] },
];

/** Kills one of the nodes, now and then both, and starts what it killed; not always waiting until it serves. */
async function strike(nodes: readonly Node[], random: Random, goOn: () => Promise<void>): Promise<void> {
  const victims = random.below(5) === 0 ? nodes : [nodes[random.below(nodes.length)]!];
  await Promise.all(victims.map((node) => node.server.kill()));
  if (victims.length < nodes.length && random.below(2) === 0) await goOn();
  for (const node of victims) await node.start({ ready: random.below(3) > 0 });
}

test('nodes that are killed keep every answer about orders', {
  timeout: process.env.LONG ? 1_800_000 : 120_000,
}, async () => {
  const random = seeded('orders, cluster, kill');
  const books: OrdersBook[] = [];
  const { nodes } = await startCluster(2, { GATEWAY_KEY });
  const tills = nodes.map((node) => new Till(() => node.port, PATIENCE_MS));
  atTheEnd(async () => {
    for (const till of tills) till.closeConnections();
  });
  const sales = await Promise.all(
    DISCOUNTS.map((discount) =>
      newTemplate(nodes[0]!.server, { discount, stock: 20_000, perUserLimit: 5000 }),
    ),
  );
  await onSaleEverywhere(nodes, sales);
  const templates = sales.map(({ templateId }) => templateId);
  const check = async (book: OrdersBook): Promise<void> => {
    for (const till of tills) expect((await faultsOfBook(till, book)).slice(0, 5)).toEqual([]);
  };

  const done = (action: string): number =>
    books.reduce((sum, { counts }) => sum + (counts.get(`${action} done`) ?? 0), 0);
  /** Of which a few must have been done, whatever was drawn. */
  const rare = (): string[] => ACTIONS.filter((action) => done(action) < 6);
  for (let round = 0; round < ROUNDS; round++) {
    // Users and a book of its own: what a round checks does not grow with those before it.
    const book = new OrdersBook();
    books.push(book);
    const firstUser = 1 + round * USERS;
    const crowd = new OrdersCrowd({ tills, book, random, templates, firstUser, outlives: true });
    const answers = async (count: number): Promise<void> => {
      const enough = book.answered + count;
      await until(() => book.answered >= enough, `${count} more answers`, PATIENCE_MS);
    };
    for (let kills = 1 + random.below(KILLS_MAX); kills > 0; kills--) {
      await answers(50 + random.below(ANSWERS_MAX));
      await strike(nodes, random, () => answers(random.below(ANSWERS_MAX)));
    }
    for (const node of nodes) await node.ready();
    if (round === ROUNDS - 1)
      await until(
        () => rare().length === 0,
        () => `too few: ${rare()}`,
        PATIENCE_MS,
      );
    await crowd.stop();
    await check(book);
    for (const node of nodes)
      expect(await node.server.must(200, 'GET', '/v1/audit')).toMatchObject({ ok: true });
  }
  for (const book of books) await check(book);
  console.log('orders, cluster, kill:', ACTIONS.map((action) => `${action} ${done(action)}`).join(', '));
});
