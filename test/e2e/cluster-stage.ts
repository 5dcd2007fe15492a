/** Several nodes on stores that other tests use too. */

import { newDatabase } from '../services/mysql.ts';
import type { Sale } from '../support/book.ts';
import { atTheEnd, once } from '../support/endings.ts';
import {
  clusterEnv,
  destroyAll,
  type Node,
  type Stores,
  sharedStores,
  startNodes,
} from '../support/nodes.ts';
import { until } from '../support/wait.ts';

/** The Redis that all share, and a database that is dropped when the test is over. */
export async function ownStores(): Promise<Stores> {
  const database = await newDatabase();
  atTheEnd(() => database.drop());
  return sharedStores(database);
}

export async function startCluster(count: number, env: Record<string, string> = {}) {
  const stores = await ownStores();
  const nodes = await startNodes(count, { ...clusterEnv(stores), OWNER_THREADS: '2', ...env });
  atTheEnd(() => destroyAll(nodes));
  return { nodes, mysqlUrl: stores.mysqlUrl };
}

/** A cluster for all tests of a `describe`: → how to get at it. */
export function sharedCluster(count: number, env: Record<string, string> = {}) {
  return once(() => startCluster(count, env));
}

export async function onSaleEverywhere(nodes: readonly Node[], sales: readonly Sale[]): Promise<void> {
  for (const { templateId } of sales)
    for (const node of nodes)
      await until(
        () => node.isOnSale(`/v1/templates/${templateId}`),
        `every node sells template ${templateId}`,
      );
}
