/**
 * One connection to Redis or to a Redis Cluster, for scripts. What it promises:
 *
 * - nothing waits for a server that is away: a call while it is down rejects at once;
 * - nothing is sent twice: a call cut off by a broken connection or a timeout rejects, and may have been executed;
 * - a replica counts as down, whatever it would answer.
 */
import { Cluster, Redis } from 'ioredis';
import { clusterOptions, nodeOptions } from './redis-options.ts';
import { parseRedisUrl, type RedisAddress } from './redis-url.ts';
import type { Script } from './scripts.ts';

export interface RedisSettings {
  readonly url: string;
  /** A call that has no answer by then rejects. Default 1000. */
  readonly commandTimeoutMs?: number;
  readonly onUp?: () => void;
  readonly onDown?: (reason: string) => void;
  /** What fails and is not told by a call that rejects; nothing waits for it. `what` is a fixed text. */
  readonly onTrouble?: (what: string, error: unknown) => void;
}

export type Argument = string | number | Buffer;

/** Redis is not there: the call was not sent. */
export class RedisUnreachable extends Error {
  override readonly name = 'RedisUnreachable';
}

const COMMAND_TIMEOUT_MS = 1_000;
const CONNECT_WAIT_MS = 10_000;
/** The name in the URL may mean another server by then, or this one may have become a master. */
const REPLICA_RETRY_MS = 500;

export class RedisConnection {
  private readonly settings: RedisSettings;
  private readonly address: RedisAddress;
  private readonly commandTimeoutMs: number;
  private client: Redis | Cluster | null = null;
  private up = false;
  private lastError = 'not connected yet';
  private waiting: (() => void)[] = [];

  constructor(settings: RedisSettings) {
    this.settings = settings;
    this.address = parseRedisUrl(settings.url);
    this.commandTimeoutMs = settings.commandTimeoutMs ?? COMMAND_TIMEOUT_MS;
  }

  get isUp(): boolean {
    return this.up;
  }

  /** Rejects when Redis is not up within `waitMs`; it goes on trying all the same. */
  async connect(waitMs = CONNECT_WAIT_MS): Promise<void> {
    if (this.client === null) {
      if (this.address.cluster) this.openCluster();
      else this.openServer();
    }
    if (this.up) return;
    await new Promise<void>((resolve, reject) => {
      const timer = setTimeout(() => reject(this.unreachable()), waitMs);
      this.waiting.push(() => {
        clearTimeout(timer);
        resolve();
      });
    });
  }

  async disconnect(): Promise<void> {
    this.up = false;
    this.client?.disconnect();
    this.client = null;
  }

  /** The client, for plain commands. */
  get commands(): Redis | Cluster {
    if (!this.up || this.client === null) throw this.unreachable();
    return this.client;
  }

  /** Tells of a failure that nobody waits to hear of. */
  trouble(what: string, error: unknown): void {
    this.settings.onTrouble?.(what, error);
  }

  /** Every server that may hold keys. */
  masters(): Redis[] {
    const client = this.commands;
    return client instanceof Cluster ? client.nodes('master') : [client];
  }

  /** Runs a script on the server of `keys[0]`; strings come back as buffers. */
  async run(script: Script, keys: readonly string[], args: readonly Argument[]): Promise<unknown> {
    const client = this.commands;
    try {
      return await client.callBuffer('EVALSHA', [script.sha, keys.length, ...keys, ...args]);
    } catch (error) {
      if (!isUnknownScript(error)) throw error;
      return await client.callBuffer('EVAL', [script.source, keys.length, ...keys, ...args]);
    }
  }

  /**
   * The same, and on the same connection WAIT for `replicas` of them to have it. Rejects when fewer had it after
   * `waitMs`: it was executed then.
   */
  async runReplicated(
    script: Script,
    keys: readonly string[],
    args: readonly Argument[],
    replicas: number,
    waitMs: number,
  ): Promise<unknown> {
    let results = await this.commands
      .pipeline()
      .callBuffer('EVALSHA', [script.sha, keys.length, ...keys, ...args])
      .call('WAIT', [replicas, waitMs])
      .exec();
    if (isUnknownScript(results?.[0]?.[0]))
      results = await this.commands
        .pipeline()
        .callBuffer('EVAL', [script.source, keys.length, ...keys, ...args])
        .call('WAIT', [replicas, waitMs])
        .exec();
    if (results === null) throw new Error('no answer');
    for (const [error] of results) if (error !== null) throw error;
    if (Number(results[1][1]) < replicas)
      throw new Error(`only ${results[1][1]} of ${replicas} replicas have it after ${waitMs} ms`);
    return results[0][1];
  }

  private openServer(): void {
    const client = new Redis({
      ...nodeOptions(this.address, this.commandTimeoutMs),
      host: this.address.hosts[0].host,
      port: this.address.hosts[0].port,
    });
    this.watch(client);
    client.on('ready', () => this.look(client));
  }

  private openCluster(): void {
    const client = new Cluster(
      this.address.hosts.map(({ host, port }) => ({ host, port })),
      clusterOptions(this.address, this.commandTimeoutMs),
    );
    this.watch(client);
    client.on('ready', () => this.setUp(client));
  }

  private watch(client: Redis | Cluster): void {
    this.client = client;
    client.on('error', (error: Error) => {
      this.lastError = error.message;
    });
    client.on('close', () => this.setDown(client, this.lastError));
    client.on('end', () => this.setDown(client, this.lastError));
  }

  /** What a server is that has just answered: a master, a replica, or one of a cluster. */
  private async look(client: Redis): Promise<void> {
    try {
      const info = await client.info();
      if (this.client !== client) return;
      if (/^cluster_enabled:1/m.test(info)) {
        client.disconnect();
        this.openCluster();
      } else if (/^role:slave/m.test(info)) {
        this.lastError = 'READONLY the server is a replica';
        setTimeout(() => client.status === 'ready' && client.disconnect(true), REPLICA_RETRY_MS).unref();
      } else this.setUp(client);
    } catch (error) {
      this.lastError = String(error);
      if (this.client === client) client.disconnect(true);
    }
  }

  private setUp(client: Redis | Cluster): void {
    if (this.client !== client || this.up) return;
    this.up = true;
    this.lastError = 'the connection was closed';
    for (const resolve of this.waiting.splice(0)) resolve();
    this.settings.onUp?.();
  }

  private setDown(client: Redis | Cluster, reason: string): void {
    if (this.client !== client || !this.up) return;
    this.up = false;
    this.settings.onDown?.(reason);
  }

  private unreachable(): RedisUnreachable {
    return new RedisUnreachable(`Redis is not reachable: ${this.lastError}`);
  }
}

function isUnknownScript(error: unknown): boolean {
  return error instanceof Error && error.message.startsWith('NOSCRIPT');
}
