/** Several nodes behind no balancer at all: every user tries everywhere at once, and all nodes tell one story. */
import { describe, expect, test } from 'vitest';
import { ClaimsBook } from '../support/book.ts';
import { Connection } from '../support/connection.ts';
import { checkNodes, claimUntilAnswered, sellOut } from '../support/nodes-check.ts';
import { NodesCrowd } from '../support/nodes-crowd.ts';
import { seeded } from '../support/random.ts';
import { newTemplate } from '../support/sales.ts';
import { until } from '../support/wait.ts';
import { onSaleEverywhere, sharedCluster } from './cluster-stage.ts';

const LONG = process.env.LONG !== undefined;
/** A dead node's units are back: its seat is over, and somebody has looked. */
const BACK_MS = 25_000;

describe.each([2, 4])('%i nodes, one hot template', (count) => {
  // Of two nodes with the silence of a node in service, of more with a shorter one.
  const cluster = sharedCluster(count, count === 2 || LONG ? {} : { SEAT_TTL: '4s' });

  test('each user at every node at once: one coupon each, and all of the stock', async () => {
    const random = seeded(`${count} nodes`);
    const { nodes, mysqlUrl } = cluster();
    const stock = LONG ? 20_000 : 600 / count;
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
    const { nodes, mysqlUrl } = cluster();
    const stock = LONG ? 20_000 : 600;
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
