/** What tests of failing servers begin with: servers of their own to be killed or frozen, and a crowd that goes on buying. */
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { type MysqlServer, newDatabase, startMysql } from '../../services/mysql.ts';
import { type RedisServer, startRedis } from '../../services/redis.ts';
import { atTheEnd, once } from '../../support/endings.ts';
import { Market, type MarketOptions } from '../../support/market.ts';
import {
  clusterEnv,
  destroyAll,
  type Node,
  type Stores,
  singleEnv,
  startNodes,
} from '../../support/nodes.ts';
import { Rival } from '../../support/rival.ts';
import type { Environment } from '../../support/server.ts';

export const LONG = process.env.LONG !== undefined;
/** Silences that end sooner than in service; the long runs have them as they are, and so has cluster-hot.test.ts. */
export const SEAT_TTL_MS = LONG ? 10_000 : 4_000;
const SOONER: Environment = { SEAT_TTL: `${SEAT_TTL_MS}ms`, MYSQL_TIMEOUT: LONG ? '10s' : '3s' };
/** Claims that waited too long for units on a busy machine; each of thousands would be told so if it were the fault's. */
export const FEW = 20;
/** From the moment Redis is back until the shards of a cluster are open again. */
const REBUILT_MS = 40_000;

export async function ownRedis(options: Parameters<typeof startRedis>[0] = {}): Promise<RedisServer> {
  return owned(await startRedis(options));
}

export async function ownMysql(): Promise<MysqlServer> {
  return owned(await startMysql());
}

/** Stopped when the test is over. */
export function owned<T extends { stop(): Promise<unknown> }>(server: T): T {
  atTheEnd(() => server.stop());
  return server;
}

export async function someDatabase(): Promise<string> {
  const database = await newDatabase();
  atTheEnd(() => database.drop());
  return database.url;
}

export function singleMarket(redisUrl: string, mysqlUrl: string): Promise<Market> {
  return market({ env: singleNodeEnv({ redisUrl, mysqlUrl }), mysqlUrl });
}

function singleNodeEnv(stores: Stores): Environment {
  return { ...singleEnv(stores), OWNER_THREADS: '2', MYSQL_TIMEOUT: SOONER.MYSQL_TIMEOUT };
}

/** Nodes without a market yet. */
export function singleNode(stores: Stores): Promise<Node[]> {
  return nodesOf(1, singleNodeEnv(stores));
}

export function clusterNodes(stores: Stores, env: Environment = {}): Promise<Node[]> {
  return nodesOf(2, { ...clusterEnv(stores), OWNER_THREADS: '2', ...SOONER, ...env });
}

async function nodesOf(count: number, env: Environment): Promise<Node[]> {
  const nodes = await startNodes(count, env);
  atTheEnd(() => destroyAll(nodes));
  return nodes;
}

/** A market on nodes that outlive it. */
export function marketOn(nodes: readonly Node[], mysqlUrl: string): Promise<Market> {
  return market({ nodes, mysqlUrl });
}

export function clusterMarket(
  redisUrl: string,
  mysqlUrl: string,
  { env = {}, ...options }: Partial<MarketOptions> = {},
): Promise<Market> {
  const stores: Stores = { redisUrl, mysqlUrl };
  return market({
    nodes: 2,
    ...options,
    env: { ...clusterEnv(stores), OWNER_THREADS: '2', ...SOONER, ...env },
    mysqlUrl,
  });
}

async function market(options: MarketOptions): Promise<Market> {
  const open = await Market.open(options);
  atTheEnd(() => open.destroy());
  return open;
}

export async function rivalOf({ mysqlUrl }: Market): Promise<Rival> {
  const rival = await Rival.connect(mysqlUrl);
  atTheEnd(() => rival.close());
  return rival;
}

/** A directory for a copy of a server's data. */
export function copyPlace(): string {
  const copy = fs.mkdtempSync(path.join(os.tmpdir(), 'doorbuster-e2e-copy-'));
  atTheEnd(() => fs.rmSync(copy, { recursive: true, force: true }));
  return copy;
}

/** Resolves when every node has won so many more. */
export async function allSell(market: Market, more: number, patienceMs = REBUILT_MS): Promise<void> {
  for (const at of market.nodes.keys()) await market.winsAt(at, more, patienceMs);
}

export function isReady({ server }: Node): Promise<boolean> {
  return server.internal('/readyz').then(({ status }) => status === 200);
}

/** Redis, a database and the nodes on them, for all tests of a file. */
export interface Stage {
  readonly redis: RedisServer;
  readonly mysqlUrl: string;
  readonly nodes: readonly Node[];
}

/** The stage of a file: `start` makes its nodes. → how to get at it. */
export function stageOnRedis(start: (stores: Stores) => Promise<Node[]>): () => Stage {
  return once(async () => {
    const redis = await ownRedis({ appendonly: true });
    const mysqlUrl = await someDatabase();
    return { redis, mysqlUrl, nodes: await start({ redisUrl: redis.url, mysqlUrl }) };
  });
}

/** Redis dies, and comes back with all, some or nothing of its data. */
export const REDIS_COMES_BACK = [
  'with its data',
  'without its data',
  'with its last second missing',
  ...(LONG ? ['with an older copy'] : []),
];
