/**
 * Nodes of one installation: each a server process with a directory of its own, all on the same Redis and the same
 * database. A node keeps its directory when it is killed and started again.
 */
import fs from 'node:fs';
import type { Database } from '../services/mysql.ts';
import { type Environment, newDataDir, type Outcome, runServe, type Server, startServer } from './server.ts';
import { until } from './wait.ts';

/** All nodes of an installation know it. */
const CODE_KEY = '5d'.repeat(32);
/** What a node needs to open its shards, also when others must be waited for. */
const READY_MS = 40_000;

export interface Stores {
  readonly redisUrl: string;
  readonly mysqlUrl: string;
}

export function singleEnv({ redisUrl, mysqlUrl }: Stores): Environment {
  return { REDIS_URL: redisUrl, MYSQL_URL: mysqlUrl, CODE_KEY };
}

export function clusterEnv(stores: Stores): Environment {
  return { ...singleEnv(stores), PROFILE: 'cluster' };
}

/** The Redis that all tests share, and a database of this test's own. */
export function sharedStores(database: Database): Stores {
  const redisUrl = process.env.TEST_REDIS_URL;
  if (redisUrl === undefined) throw new Error('TEST_REDIS_URL is not set: was the global setup run?');
  return { redisUrl, mysqlUrl: database.url };
}

export class Node {
  readonly dataDir = newDataDir();
  /** Taken at the next start. */
  env: Environment;
  private current: Server | null = null;

  constructor(env: Environment) {
    this.env = env;
  }

  static async start(env: Environment): Promise<Node> {
    const node = new Node(env);
    await node.start();
    return node;
  }

  get server(): Server {
    if (this.current === null) throw new Error('the node was never started');
    return this.current;
  }

  /** Where it answers; null while its process is down. */
  get port(): number | null {
    return this.current?.isAlive ? this.current.port : null;
  }

  /** Starts it on its directory; resolves when it takes claims, unless `ready` is false. */
  async start({ ready = true }: { readonly ready?: boolean } = {}): Promise<void> {
    this.current = await startServer({ dataDir: this.dataDir, env: this.env });
    if (ready) await this.ready();
  }

  /** Resolves when it takes claims. */
  async ready(patienceMs = READY_MS): Promise<void> {
    let last = '';
    await until(
      async () => {
        const { status, text } = await this.server.internal('/readyz');
        last = text;
        return status === 200;
      },
      () => `the node takes claims: ${last}`,
      patienceMs,
    );
  }

  /** What /readyz finds wrong, by the name of the check. */
  async checks(): Promise<Record<string, string>> {
    return JSON.parse((await this.server.internal('/readyz')).text).checks;
  }

  /** Resolves when nothing is wrong with it, not even what claims do not notice. */
  async healthy(patienceMs = READY_MS): Promise<void> {
    let last: unknown = null;
    await until(
      async () => {
        last = await this.checks();
        return Object.keys(last as object).length === 0;
      },
      () => `nothing is wrong with the node: ${JSON.stringify(last)}`,
      patienceMs,
    );
  }

  /** What customers are told here: there is such a template or activity, with units to claim. */
  async isOnSale(route: string): Promise<boolean> {
    const response = await fetch(`http://127.0.0.1:${this.port}${route}`);
    const { remaining } = (await response.json()) as { remaining?: number };
    return response.status === 200 && remaining !== undefined && remaining > 0;
  }

  /** A start that is meant to fail. */
  refused(): Promise<Outcome> {
    return runServe(this.dataDir, this.env);
  }

  /** Lines of its log with this message. */
  said(msg: string): Record<string, unknown>[] {
    return this.server.log.filter((line) => line.msg === msg);
  }

  async destroy(): Promise<void> {
    await this.current?.kill();
    fs.rmSync(this.dataDir, { recursive: true, force: true });
  }
}

/** So many nodes on the same stores: the first, then the others at once. */
export async function startNodes(count: number, env: Environment): Promise<Node[]> {
  const nodes = Array.from({ length: count }, () => new Node(env));
  try {
    await nodes[0]!.start();
    await Promise.all(nodes.slice(1).map((node) => node.start()));
    return nodes;
  } catch (error) {
    await destroyAll(nodes);
    throw error;
  }
}

export async function destroyAll(nodes: readonly Node[]): Promise<void> {
  await Promise.all(nodes.map((node) => node.destroy()));
}
