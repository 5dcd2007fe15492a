/** The profile `single` with a Redis that does not answer, or is not there at the start. */
import { expect, test } from 'vitest';
import { Connection } from '../../support/connection.ts';
import { claim } from '../../support/crowd.ts';
import { once } from '../../support/endings.ts';
import { until } from '../../support/wait.ts';
import { marketOn, ownRedis, type Stage, singleNode, someDatabase } from './fault-stage.ts';

const stage = once<Stage>(async () => {
  const redis = await ownRedis();
  const mysqlUrl = await someDatabase();
  return { redis, mysqlUrl, nodes: await singleNode({ redisUrl: redis.url, mysqlUrl }) };
});

test('Redis frozen for longer than every timeout: claims go on from what is in hand', async () => {
  const { redis, mysqlUrl, nodes } = stage();
  const market = await marketOn(nodes, mysqlUrl);
  await market.wins(300);
  await redis.freeze();
  await market.wins(300);
  // Said once every call has been repeated for seconds, each for as long as it may take.
  const told = 'the ledger does not answer; units in hand are sold meanwhile';
  await until(() => market.node.said(told).length > 0, 'every timeout has passed', 30_000);
  await market.wins(50);
  await redis.thaw();
  await market.close();
});

test('Redis away at the start: repeats are answered, new claims once it is back', async () => {
  const { redis, mysqlUrl, nodes } = stage();
  const market = await marketOn(nodes, mysqlUrl);
  const { node, book } = market;
  await market.wins(300);
  expect(await node.server.stop()).toBe(0);
  await redis.kill();
  await node.start();
  expect(await node.checks()).toHaveProperty('ledger');
  const refused = book.count('unavailable');
  await until(() => book.count('unavailable') > refused + 50, 'claims are told unavailable');
  const connection = await Connection.open(node.port!);
  for (const { sale, userId } of [...book.coupons.values()].slice(0, 50)) {
    if (sale.perUserLimit > 1) continue;
    expect((await claim(connection, book, { sale, userId, key: null })).status).toBe(200);
  }
  connection.close();
  await redis.start();
  await market.close();
});
